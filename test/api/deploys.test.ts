import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeployItem, DeployList } from '../../src/api/deploys-contract.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
  at = later(-60_000);
});
afterAll(() => api.close());

function mark(payload: object, headers: Record<string, string> = bearer(ADMIN_TOKEN)) {
  return api.app.inject({ method: 'POST', url: '/v1/deploys', headers, payload });
}

let at: string;
const later = (ms: number) => new Date(api.clock.now + ms).toISOString();

describe('POST /v1/deploys', () => {
  test('notes a deploy once and tells it again', async () => {
    const asked = { service: 'shop', version: '2.0.0', at, note: 'new search', url: 'https://ci.example/7' };
    const first = await mark(asked);
    expect(first.statusCode).toBe(201);
    expect(first.json<DeployItem>()).toMatchObject(asked);
    const again = await mark(asked);
    expect([again.statusCode, again.json()]).toEqual([200, first.json()]);
  });

  test('takes a key of the build machine, and not one that speaks for a tenant', async () => {
    const everywhere = { 'x-tenantry-key': api.ports.keys.issue(['ingest'], undefined) };
    expect((await mark({ service: 'shop', version: '2.0.1' }, everywhere)).statusCode).toBe(201);
    const bound = { 'x-tenantry-key': api.ports.keys.issue(['ingest'], OWN) };
    const refused = await mark({ service: 'shop', version: '2.0.2' }, bound);
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'FORBIDDEN']);
  });

  test.each([
    ['an address that browsers run', { url: 'javascript:alert(1)' }],
    ['a time of the future', { at: '2099-01-01T00:00:00Z' }],
    ['a time before everything', { at: '2001-01-01T00:00:00Z' }],
    ['a version of two lines', { version: 'a\nb' }],
    ['no version', { version: '' }],
    ['what it does not know', { colour: 'red' }],
  ])('refuses %s', async (_what, change) => {
    const answer = await mark({ service: 'shop', version: '3.0.0', ...change });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
  });
});

test('GET /v1/deploys answers one service of one window', async () => {
  await mark({ service: 'other', version: '1', at });
  const url = `/v1/deploys?service=other&from=${at}&to=${later(-59_999)}`;
  const answer = await api.app.inject({ url, headers: bearer(ADMIN_TOKEN) });
  expect(answer.json<DeployList>().items.map((one) => [one.service, one.version, one.at])).toEqual([
    ['other', '1', at],
  ]);
  const after = await api.app.inject({ url: `${url.replace(`from=${at}`, '')}`, headers: bearer(ADMIN_TOKEN) });
  expect(after.json<DeployList>().items).toHaveLength(1);
  const before = await api.app.inject({ url: `/v1/deploys?service=other&to=${at}`, headers: bearer(ADMIN_TOKEN) });
  expect(before.json<DeployList>().items).toEqual([]);
});
