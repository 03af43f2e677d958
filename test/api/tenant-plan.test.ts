import { afterEach, beforeEach, expect, test } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

function put(tenant: string, payload: object) {
  return api.app.inject({
    method: 'PUT',
    url: `/v1/tenants/${tenant}/plan`,
    headers: bearer(ADMIN_TOKEN),
    payload,
  });
}

async function planOf(tenant: string): Promise<string | null> {
  const { items } = (await api.app.inject({ url: `/v1/tenants?q=${tenant}`, headers: bearer(ADMIN_TOKEN) })).json();
  return items[0].plan;
}

test('a plan is set, changed and taken away, and the list of tenants shows it', async () => {
  for (const plan of ['Enterprise 2.0', 'starter', null]) {
    const answer = await put(OWN, { plan });
    expect([answer.statusCode, answer.json()]).toMatchObject([200, { tenant_id: OWN, plan, scheduled: null }]);
    expect(await planOf(OWN)).toBe(plan);
  }
});

test('a tenant may have a plan before its first request', async () => {
  expect((await put('signed-up-today', { plan: 'trial' })).statusCode).toBe(200);
  expect(api.ports.plans.planOf.get('signed-up-today')).toBe('trial');
});

test.each(['', ' trial', '-', 'x'.repeat(65), 'a\nb', "a'b", 7, undefined])('the plan %j is refused', async (plan) => {
  const answer = await put(OWN, { plan });
  expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
  expect(await planOf(OWN)).toBe('growth');
});

test.each(['(unknown)', '%2e%2e', 'a%20b', "'"])('%s is no tenant that could have a plan', async (tenant) => {
  const answer = await put(tenant, { plan: 'starter' });
  expect([answer.statusCode, answer.json().code]).toEqual([404, 'NOT_FOUND']);
  expect([...api.ports.plans.planOf.values()]).not.toContain('starter');
});
