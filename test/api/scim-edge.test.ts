import { afterEach, beforeEach, expect, test } from 'vitest';
import { TenantryError } from '../../src/domain/errors.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';
import { SCIM_JSON } from '../support/scim-world.ts';

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';
const LIMITS = {
  ...{ addressPerSecond: 0, userPerSecond: 0, tenantPerSecond: 0, flagsPerSecond: 0, streamsPerKey: 0 },
  keyPerSecond: 1,
};

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi({ edge: { limits: LIMITS }, monotonicNow: () => 0 });
});
afterEach(() => api.close());

const whoAmI = (token: string) => api.app.inject({ url: '/v1/whoami', headers: bearer(token) });

test('a directory that asks too often is told when to come again, in words of SCIM', async () => {
  const headers = bearer(api.ports.keys.issue(['scim'], OWN));
  const ask = () => api.app.inject({ url: '/scim/v2/Users', headers });
  const answers = [];
  for (let count = 0; count < 11; count += 1) answers.push(await ask());
  expect(answers.slice(0, 10).map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(200));
  const refused = answers[10];
  expect([refused?.statusCode, refused?.headers['content-type']]).toEqual([429, SCIM_JSON]);
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
  expect(refused?.json()).toEqual({ schemas: [ERROR], status: '429', detail: expect.stringContaining('Retry-After') });
});

test('while the store is away it is 503, and never "not found"', async () => {
  api.ports.scim.users.find = async () => {
    throw new TenantryError('STORE_UNAVAILABLE', 'PostgreSQL does not answer.');
  };
  const headers = bearer(api.ports.keys.issue(['scim'], OWN));
  const answer = await api.app.inject({ url: '/scim/v2/Users/x', headers });
  expect([answer.statusCode, answer.json()]).toEqual([
    503,
    { schemas: [ERROR], status: '503', detail: expect.any(String) },
  ]);
});

test('a fault of ours says nothing of itself', async () => {
  api.ports.scim.groups.list = async () => {
    throw new Error('relation "scim_groups" does not exist');
  };
  const answer = await api.app.inject({ url: '/scim/v2/Groups', headers: bearer(api.ports.keys.issue(['scim'], OWN)) });
  expect([answer.statusCode, answer.body.includes('relation')]).toEqual([500, false]);
});

test('where it cannot be told whether access has ended, nobody of a tenant gets in; the operator’s people do', async () => {
  api.ports.scim.failure = new TenantryError('STORE_UNAVAILABLE', 'PostgreSQL does not answer.');
  expect((await whoAmI(await api.issuer.issueToken('viewer', OWN))).statusCode).toBe(503);
  expect((await whoAmI(ADMIN_TOKEN)).statusCode).toBe(200);
  expect((await whoAmI(await api.issuer.issueToken('sre'))).statusCode).toBe(200);
  expect((await whoAmI(api.ports.keys.issue(['flags'], OWN))).statusCode).toBe(200);
});

test('switches that a directory writes into the address are passed over', async () => {
  const headers = bearer(api.ports.keys.issue(['scim'], OWN));
  for (const path of ['ServiceProviderConfig', 'Schemas', 'ResourceTypes/User', 'Users', 'Groups']) {
    const answer = await api.app.inject({ url: `/scim/v2/${path}?aadOptscim062020`, headers });
    expect([path, answer.statusCode]).toEqual([path, 200]);
  }
});
