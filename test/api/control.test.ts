import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AllowListList, DecisionList } from '../../src/api/contract.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';
import { finding, record } from '../support/control-situation.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const ask = (method: 'GET' | 'PUT' | 'DELETE', url: string, payload?: object) =>
  api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), ...(payload === undefined ? {} : { payload }) });

test('the kill switch says whether it is on, who switched it and why', async () => {
  expect((await ask('GET', '/v1/control/kill-switch')).json()).toMatchObject({ on: false, by: null, at: null });
  const set = await ask('PUT', '/v1/control/kill-switch', { on: true, reason: 'drill' });
  expect(set.json()).toMatchObject({ on: true, reason: 'drill', source: 'file' });
  expect((await ask('GET', '/v1/control/kill-switch')).json()).toEqual(set.json());
});

test.each([{ on: true }, { on: 'yes', reason: 'x' }, { on: true, reason: '' }, { on: true, reason: 'x', more: 1 }])(
  'the kill switch refuses %j',
  async (payload) => {
    const { statusCode, headers } = await ask('PUT', '/v1/control/kill-switch', payload);
    expect([statusCode, headers['content-type']]).toEqual([400, expect.stringContaining('application/problem+json')]);
  },
);

test('the allow-list takes a tenant with owner, reason and end, and lets it go', async () => {
  const entry = { owner: 'ann', reason: 'migrates', expires_in_seconds: 3_600 };
  const put = await ask('PUT', `/v1/control/allow-list/${OWN}`, entry);
  expect(put.json()).toMatchObject({ tenant_id: OWN, owner: 'ann', reason: 'migrates' });
  expect((await ask('GET', '/v1/control/allow-list')).json<AllowListList>()).toEqual({ items: [put.json()] });
  expect((await ask('DELETE', `/v1/control/allow-list/${OWN}`)).statusCode).toBe(204);
  expect((await ask('DELETE', `/v1/control/allow-list/${OWN}`)).json()).toMatchObject({ code: 'NOT_FOUND' });
  for (const wrong of [{ ...entry, owner: '' }, { ...entry, expires_in_seconds: 1e9 }, { reason: 'no owner' }]) {
    expect((await ask('PUT', `/v1/control/allow-list/${OWN}`, wrong)).statusCode).toBe(400);
  }
});

test('a decision is told from its finding to its effect and end', async () => {
  const throttle = record(OWN, {
    liftedAt: Date.UTC(2026, 5, 15, 11, 59),
    liftedBy: 'sam',
    acks: [{ instanceId: 'i-1', service: 'shop', ackedAt: Date.UTC(2026, 5, 15, 11, 58) }],
  });
  const tenantId = OWN as TenantId;
  const shared = { tenantId, at: Date.UTC(2026, 5, 15, 11, 57), explanation: 'why' };
  const unmeasured = { victimsP95Before: null, victimsP95After: null };
  api.ports.control.chains.push(
    {
      ...{ id: 'd-1', ...shared, kind: 'throttle', heldBackBy: ['floor'], finding: finding(OWN).anomaly, throttle },
      ...{ victimsP95Before: 900, victimsP95After: 300 },
    },
    {
      id: 'd-2',
      ...shared,
      kind: 'alert',
      heldBackBy: ['no-impact'],
      finding: undefined,
      throttle: undefined,
      ...unmeasured,
    },
  );
  const { items } = (await ask('GET', `/v1/decisions?tenant_id=${OWN}`)).json<DecisionList>();
  expect(items).toMatchObject([
    {
      ...{ id: 'd-1', kind: 'throttle', held_back_by: ['floor'], at: '2026-06-15T11:57:00.000Z' },
      finding: { id: `finding-${OWN}`, ratio: 4.5, ended_at: null },
      throttle: { revision: 1, acks: [{ instance_id: 'i-1' }], status: 'lifted', lifted_by: 'sam' },
      effect: { victims_p95_before_ms: 900, victims_p95_after_ms: 300 },
    },
    { id: 'd-2', kind: 'alert', held_back_by: ['no-impact'], finding: null, throttle: null },
  ]);
  expect((await ask('GET', '/v1/decisions?tenant_id=another')).json()).toEqual({ items: [] });
});
