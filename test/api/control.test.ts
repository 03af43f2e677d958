import { afterEach, beforeEach, expect, test } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

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
  expect((await ask('GET', '/v1/control/allow-list')).json()).toEqual({ items: [put.json()] });
  expect((await ask('DELETE', `/v1/control/allow-list/${OWN}`)).statusCode).toBe(204);
  expect((await ask('DELETE', `/v1/control/allow-list/${OWN}`)).json()).toMatchObject({ code: 'NOT_FOUND' });
  for (const wrong of [{ ...entry, owner: '' }, { ...entry, expires_in_seconds: 1e9 }, { reason: 'no owner' }]) {
    expect((await ask('PUT', `/v1/control/allow-list/${OWN}`, wrong)).statusCode).toBe(400);
  }
});
