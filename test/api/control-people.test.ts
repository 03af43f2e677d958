/** What people tell automation, as the API takes it: stages, approvals, the calendar, backtests. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ApprovalList, BacktestList, KnownPeakList } from '../../src/api/contract.ts';
import type { Approval } from '../../src/domain/automation.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const ask = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, payload?: object) =>
  api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), ...(payload === undefined ? {} : { payload }) });

const PEAKS = '/v1/control/known-peaks';
const weekly = { time_zone: 'Europe/Berlin', weekdays: [1, 5], start: '08:30', length_minutes: 90 };

test('a known peak is once or weekly, of a tenant or of all, and is read back as it was given', async () => {
  const once = { tenant_id: OWN, name: 'sale', from: '2026-11-27T00:00:00Z', to: '2026-11-28T00:00:00Z' };
  expect((await ask('POST', PEAKS, once)).statusCode).toBe(201);
  expect((await ask('POST', PEAKS, { name: 'mornings', note: 'all sign in', weekly })).statusCode).toBe(201);
  const { items } = (await ask('GET', PEAKS)).json<KnownPeakList>();
  expect(items).toMatchObject([
    { tenant_id: OWN, name: 'sale', weekly: null, from: '2026-11-27T00:00:00.000Z' },
    { tenant_id: null, note: 'all sign in', from: null, to: null, weekly },
  ]);
  expect((await ask('DELETE', `${PEAKS}/${items[0]?.id}`)).statusCode).toBe(204);
  expect((await ask('DELETE', `${PEAKS}/${items[0]?.id}`)).json()).toMatchObject({ code: 'NOT_FOUND' });
});

test.each([
  [{ name: 'no time' }],
  [{ name: 'both', weekly, from: '2026-11-27T00:00:00Z', to: '2026-11-28T00:00:00Z' }],
  [{ name: 'half', from: '2026-11-27T00:00:00Z' }],
  [{ name: 'backwards', from: '2026-11-28T00:00:00Z', to: '2026-11-27T00:00:00Z' }],
  [{ name: 'nowhere', weekly: { ...weekly, time_zone: 'Mars/Olympus' } }],
  [{ name: 'an offset', weekly: { ...weekly, time_zone: '+02:00' } }],
  [{ name: 'the eighth day', weekly: { ...weekly, weekdays: [8] } }],
  [{ name: 'at 25 hours', weekly: { ...weekly, start: '25:00' } }],
])('no known peak is %j', async (payload) => {
  expect((await ask('POST', PEAKS, payload)).statusCode).toBe(400);
});

test('an approval is listed with what is asked, and answered once', async () => {
  const limit = { requestsPerSecond: 3, burst: 6 };
  const throttle = {
    tenantId: OWN,
    scope: { route: '/a' },
    limit,
    mode: 'enforce',
    expiresInSeconds: 300,
    reason: 'why',
  };
  api.ports.control.asked.push({
    ...{ id: 'an-id', tenantId: OWN, explanation: 'much', askedBy: 'detector', askedAt: 0, expiresAt: 1e12 },
    ...{ state: 'pending', decidedBy: null, decidedAt: null, note: null },
    proposal: { kind: 'throttle', anomalyId: 'a-finding', throttle },
  } as unknown as Approval);
  const { items } = (await ask('GET', '/v1/control/approvals?pending=true')).json<ApprovalList>();
  expect(items).toMatchObject([
    {
      ...{ id: 'an-id', kind: 'throttle', tenant_id: OWN, state: 'pending', promotion: null },
      throttle: { anomaly_id: 'a-finding', requests_per_second: 3, burst: 6, route: '/a', service: null },
    },
  ]);
  const answer = await ask('POST', '/v1/control/approvals/an-id/deny', { note: 'no' });
  expect(answer.json()).toMatchObject({ state: 'denied', note: 'no', decided_by: expect.any(String) });
  expect((await ask('POST', '/v1/control/approvals/an-id/approve', {})).statusCode).toBe(404);
});

test('a step is taken at once, or waits for a second person, and unknown rules have none', async () => {
  const url = '/v1/control/rules/tenantry%2F1/stage';
  expect((await ask('PUT', url, { stage: 'off', reason: 'drill' })).statusCode).toBe(200);
  expect((await ask('PUT', url, { stage: 'enforce', reason: 'watched' })).statusCode).toBe(202);
  expect((await ask('PUT', url, { stage: 'full', reason: 'x' })).statusCode).toBe(400);
  expect((await ask('PUT', '/v1/control/rules/other%2F1/stage', { stage: 'off', reason: 'x' })).statusCode).toBe(404);
  expect(api.ports.control.moves.map(({ stage }) => stage)).toEqual(['off', 'enforce']);
});

const times = { from: '2026-06-01T00:00:00Z', to: '2026-06-02T00:00:00Z' };

test('a backtest takes a window, a draft and labels, and tells how far it is', async () => {
  const labels = [{ tenant_id: OWN, started_at: 1_780_000_000, ended_at: 1_780_000_600 }];
  const asked = await ask('POST', '/v1/backtests', { rule: 'tenantry/1', ...times, draft: { min_ratio: 4 }, labels });
  expect(asked.json()).toMatchObject({
    state: 'waiting',
    progress: 0,
    draft: { min_ratio: 4 },
    labels: 1,
    result: null,
  });
  expect((await ask('GET', '/v1/backtests?rule=tenantry%2F1')).json<BacktestList>().items).toEqual([asked.json()]);
});

test.each([
  [{ ...times, to: times.from }],
  [{ from: '2026-01-01T00:00:00Z', to: times.to }],
  [{ from: times.from, to: '2099-01-01T00:00:00Z' }],
  [{ ...times, draft: { min_ratio: 0 } }],
  [{ ...times, labels: [{ tenant_id: OWN }] }],
])('no backtest has %j', async (payload) => {
  expect((await ask('POST', '/v1/backtests', { rule: 'tenantry/1', ...payload })).statusCode).toBe(400);
});
