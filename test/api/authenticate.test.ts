import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TenantryError } from '../../src/domain/errors.ts';
import {
  type ApiUnderTest,
  bearer,
  type IdentityProvider,
  OTHER,
  OWN,
  START,
  startApi,
  startIdentityProvider,
} from '../support/api-harness.ts';

let provider: IdentityProvider;
let api: ApiUnderTest;

beforeAll(async () => {
  provider = await startIdentityProvider();
  api = await startApi({ jwt: provider.config });
});
afterAll(async () => {
  await api.close();
  await provider.close();
});

async function whoAmI(headers: Record<string, string>) {
  return api.app.inject({ url: '/v1/whoami', headers });
}

describe("the identity provider's tokens", () => {
  const seconds = START / 1_000;

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['staff', { role: 'sre', sub: 'ann' }, { subject: 'ann', role: 'sre', tenant_id: null }],
    ['a tenant', { role: 'member', sub: 'bob', tenant_id: OWN }, { subject: 'bob', role: 'member', tenant_id: OWN }],
    ['several audiences', { aud: ['x', 'tenantry-tests'] }, { role: 'admin' }],
    ['a clock 60 s behind', { exp: seconds - 59 }, { expires_at: '2026-06-15T11:59:01.000Z' }],
    ['a clock 60 s ahead', { nbf: seconds + 60 }, { role: 'admin' }],
  ])('%s', async (_name, claims, expected) => {
    const answer = await whoAmI(bearer(await provider.sign(claims)));
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject(expected);
  });

  test('that list several tenants say which one is open, and open no other', async () => {
    const token = await provider.sign({ role: 'member', tenant_id: OWN, tenants: [OWN, OTHER] });
    const who = (await whoAmI(bearer(token))).json();
    expect(who).toMatchObject({ role: 'member', tenant_id: OWN, tenants: [OWN, OTHER] });
    const read = (tenant: string) =>
      api.app.inject({ url: `/v1/throttles?tenant_id=${tenant}`, headers: bearer(token) });
    expect([(await read(OWN)).statusCode, (await read(OTHER)).statusCode]).toEqual([200, 404]);
    const other = await provider.sign({ role: 'member', tenant_id: OTHER, tenants: [OWN, OTHER] });
    expect((await whoAmI(bearer(other))).json()).toMatchObject({ tenant_id: OTHER, tenants: [OWN, OTHER] });
    const single = await provider.sign({ role: 'member', tenant_id: OWN });
    expect((await whoAmI(bearer(single))).json()).toMatchObject({ tenant_id: OWN, tenants: null });
    const undecided = await whoAmI(bearer(await provider.sign({ role: 'member', tenants: [OWN, OTHER] })));
    expect([undecided.statusCode, undecided.json().detail]).toEqual([401, expect.stringContaining('several tenants')]);
    const elsewhere = await whoAmI(
      bearer(await provider.sign({ role: 'member', tenant_id: 'initech', tenants: [OWN] })),
    );
    expect(elsewhere.statusCode).toBe(401);
  });

  test.each(['JWT', 'at+jwt', 'application/at+jwt'])('of type %s', async (typ) => {
    expect((await whoAmI(bearer(await provider.sign({}, { typ })))).statusCode).toBe(200);
  });

  test('are answered 503, not 401, while its keys cannot be fetched: a good token would look bad', async () => {
    const gone = await startIdentityProvider();
    const token = await gone.sign();
    const cut = await startApi({ jwt: gone.config });
    await gone.close();
    const answer = await cut.app.inject({ url: '/v1/whoami', headers: bearer(token) });
    await cut.close();
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'STORE_UNAVAILABLE']);
  });
});

test('keys that cannot be checked are answered 503, not 401', async () => {
  const key = api.ports.keys.issue(['flags']);
  api.ports.keys.failure = new TenantryError('STORE_UNAVAILABLE', 'Postgres does not answer.');
  const answer = await whoAmI(bearer(key));
  api.ports.keys.failure = undefined;
  expect(answer.statusCode).toBe(503);
  expect((await whoAmI(bearer(key))).json()).toMatchObject({ role: 'key', tenant_id: null, expires_at: null });
});

test('a key in any form may be a key: the bootstrap key is whatever the operator chose', async () => {
  const chosen = 'my.own-bootstrap.key';
  const verify = api.ports.keys.verify.bind(api.ports.keys);
  api.ports.keys.verify = async (key) =>
    key === chosen ? { keyId: 'bootstrap', scopes: ['ingest', 'flags'], tenantId: undefined } : verify(key);
  const answer = await whoAmI(bearer(chosen));
  api.ports.keys.verify = verify;
  expect(answer.json()).toMatchObject({ subject: 'bootstrap', role: 'key' });
});

test('a revoked key stops working at once', async () => {
  const key = api.ports.keys.issue(['flags']);
  expect((await whoAmI(bearer(key))).statusCode).toBe(200);
  api.ports.keys.revoke(key);
  expect((await whoAmI(bearer(key))).statusCode).toBe(401);
});
