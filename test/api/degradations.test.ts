import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type * as contract from '../../src/api/contract.ts';
import type { degradationListSchema, degradationSchema, newDegradationSchema } from '../../src/api/degradations.ts';
import type { FlagSnapshot } from '../../src/domain/flag-wire.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

/** True only for the very same type, in both directions, with optional marks. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has makes one of them `false`. */
const AGREEMENTS: {
  one: Agree<typeof degradationSchema, contract.DegradationItem>;
  list: Agree<typeof degradationListSchema, contract.DegradationList>;
  fresh: Agree<typeof newDegradationSchema, contract.NewDegradation>;
} = { one: true, list: true, fresh: true };

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const ORDER = { tenant_id: OWN, feature: 'ai', step: 'blocked', expires_in_seconds: 60, reason: 'a key leaked' };

const order = (changes: object = {}, token = ADMIN_TOKEN) =>
  api.app.inject({
    method: 'POST',
    url: '/v1/degradations',
    headers: bearer(token),
    payload: { ...ORDER, ...changes },
  });
const lift = (id: string) =>
  api.app.inject({ method: 'DELETE', url: `/v1/degradations/${id}`, headers: bearer(ADMIN_TOKEN) });
async function listed(query = '', token = ADMIN_TOKEN): Promise<contract.DegradationList> {
  return (await api.app.inject({ url: `/v1/degradations${query}`, headers: bearer(token) })).json();
}
const heard = async () => {
  const headers = bearer(api.ports.keys.issue(['flags']));
  const { flags } = (await api.app.inject({ url: '/v1/flags', headers })).json<FlagSnapshot>();
  return flags.filter(({ kind }) => kind === 'degrade');
};

test('the schemas say what the contract says', () => {
  expect(Object.values(AGREEMENTS)).not.toContain(false);
});

describe('an order', () => {
  test('is in force until it ends, is lifted once, and goes out as a flag', async () => {
    const answer = await order();
    expect(answer.statusCode).toBe(201);
    const made = answer.json();
    expect(made).toEqual({
      ...{ id: expect.any(String), tenant_id: OWN, feature: 'ai', step: 'blocked', automatic: false },
      ...{ reason: 'a key leaked', created_by: 'admin-token', created_at: new Date(api.clock.now).toISOString() },
      ...{ expires_at: new Date(api.clock.now + 60_000).toISOString(), status: 'active', ended_at: null },
      revision: expect.any(Number),
    });
    expect(await heard()).toMatchObject([{ kind: 'degrade', feature: 'ai', step: 'blocked', tenant_id: OWN }]);
    expect((await lift(made.id)).json()).toMatchObject({ id: made.id, status: 'lifted' });
    expect(await heard()).toEqual([]);
    expect((await lift(made.id)).json()).toMatchObject({ code: 'NOT_FOUND' });
    await order();
    expect((await listed()).total).toBe(1);
    api.clock.now += 60_000;
    expect(await listed()).toEqual({ items: [], total: 0 });
  });

  test('takes the place of the one for the same tenant and feature, and of no other', async () => {
    await order();
    await order({ feature: 'ai.model.gpt-4o', step: 'cached_only' });
    await order({ tenant_id: OTHER });
    await order({ step: 'warn', reason: 'it was rotated' });
    const facts = (await listed()).items.map(({ tenant_id: id, feature, step }) => [id, feature, step]);
    expect(facts).toEqual([
      [OWN, 'ai', 'warn'],
      [OTHER, 'ai', 'blocked'],
      [OWN, 'ai.model.gpt-4o', 'cached_only'],
    ]);
  });

  test('can take the place of what a cap has set, or lift it', async () => {
    const cap = { tenantId: OWN, feature: 'ai', step: 'blocked' as const, expiresInSeconds: 600 };
    api.ports.degradations.byLadder({ ...cap, reason: '101 % of the cap' });
    expect((await listed()).items).toMatchObject([{ automatic: true, created_by: 'spend-ladder' }]);
    await order({ step: 'warn' });
    expect((await listed()).items).toMatchObject([{ automatic: false, step: 'warn' }]);
    const { id } = api.ports.degradations.byLadder({ ...cap, feature: 'ai.key.bob', reason: 'bob' });
    expect((await lift(id)).json()).toMatchObject({ automatic: true, status: 'lifted' });
  });

  test.each([
    [{ step: 'ok' }, /lift what is in force/],
    [{ step: 'off' }, /warn, cached_only, blocked/],
    [{ feature: 'export' }, /ai\.key\.<key>/],
    [{ feature: 'ai.gpt-4o' }, /ai\.model\.<model>/],
    [{ feature: 'ai.key.' }, /what apps ask for/],
    [{ feature: 'ai.key.two\nlines' }, /what apps ask for/],
    [{ feature: `ai.model.${'m'.repeat(201)}` }, /what apps ask for/],
    [{ expires_in_seconds: 4 }, /expires_in_seconds/],
    [{ expires_in_seconds: 86_401 }, /expires_in_seconds/],
    [{ reason: '' }, /reason/],
    [{ reason: 'two\nlines' }, /reason/],
    [{ tenant_id: '(all)' }, /tenant_id/],
    [{ extra: 1 }, /extra/],
  ])('with %j is refused, and says what is wrong', async (wrong, words) => {
    const answer = await order(wrong);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().code).toBe('BAD_REQUEST');
    expect(answer.body).toMatch(words);
    expect((await listed()).total).toBe(0);
  });
});

describe('the list', () => {
  test('narrows by tenant and says how many there are', async () => {
    await order();
    await order({ tenant_id: OTHER });
    expect((await listed(`?tenant_id=${OWN}`)).items.map(({ tenant_id: id }) => id)).toEqual([OWN]);
    const first = await listed('?limit=1');
    expect([first.items.length, first.total]).toEqual([1, 2]);
  });

  test('shows a tenant its own, in words for customers', async () => {
    const cap = { tenantId: OWN, feature: 'ai.key.bob', step: 'warn' as const, expiresInSeconds: 600 };
    api.ports.degradations.byLadder({ ...cap, reason: 'rule of the operator' });
    await order({ reason: `${OTHER} complains` });
    await order({ tenant_id: OTHER });
    const token = await api.issuer.issueToken('viewer', OWN);
    const { items, total } = await listed('', token);
    expect(total).toBe(2);
    expect(items).toMatchObject([
      { tenant_id: OWN, created_by: 'operator', reason: 'The operator has set this for a while.' },
      { tenant_id: OWN, created_by: 'operator', reason: 'Your AI spend has reached a mark of its budget.' },
    ]);
    const foreign = await api.app.inject({ url: `/v1/degradations?tenant_id=${OTHER}`, headers: bearer(token) });
    expect(foreign.statusCode).toBe(404);
    expect((await order({}, token)).statusCode).toBe(403);
  });

  test('refuses to answer when a port mixes tenants up', async () => {
    await order({ tenant_id: OTHER });
    const { list } = api.ports.degradations;
    api.ports.degradations.list = () => list.call(api.ports.degradations, { kind: 'system', subject: 'x' }, {});
    const token = await api.issuer.issueToken('viewer', OWN);
    const answer = await api.app.inject({ url: '/v1/degradations', headers: bearer(token) });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain(OTHER);
  });
});
