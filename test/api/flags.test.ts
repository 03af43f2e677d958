import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { matchesEtag } from '../../src/api/flags.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

async function read(ifNoneMatch?: string, token = ADMIN_TOKEN) {
  const headers = { ...bearer(token), ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }) };
  return api.app.inject({ url: '/v1/flags', headers });
}

describe('GET /v1/flags', () => {
  test('answers 304 for as long as the same flags are in force, while their time counts down', async () => {
    const first = await read();
    const etag = String(first.headers['etag']);
    api.clock.now += 299_999;
    const later = await read(etag);
    expect([later.statusCode, later.body, later.headers['etag']]).toEqual([304, '', etag]);
    expect((await read()).json().flags[0].ttl_ms).toBe(1);
  });

  test('answers anew when a flag runs out, is added, or is lifted', async () => {
    const headers = bearer(ADMIN_TOKEN);
    const etags = [String((await read()).headers['etag'])];
    const payload = {
      tenant_id: OWN,
      limit: { requests_per_second: 1, burst: 1 },
      mode: 'enforce',
      expires_in_seconds: 600,
      reason: 'test',
    };
    const { id } = (await api.app.inject({ method: 'POST', url: '/v1/throttles', headers, payload })).json();
    etags.push(String((await read(etags[0])).headers['etag']));
    api.clock.now += 300_000;
    const afterExpiry = await read(etags[1]);
    expect([afterExpiry.statusCode, afterExpiry.json().flags.length]).toEqual([200, 1]);
    etags.push(String(afterExpiry.headers['etag']));
    await api.app.inject({ method: 'DELETE', url: `/v1/throttles/${id}`, headers });
    etags.push(String((await read(etags[2])).headers['etag']));
    expect(new Set(etags).size).toBe(4);
  });

  test('has another tag for another audience', async () => {
    const bound = await read(undefined, api.ports.keys.issue(['flags'], OTHER));
    expect((await read(String(bound.headers['etag']))).statusCode).toBe(200);
  });
});

test.each([
  ['"a"', true],
  ['W/"a"', true],
  ['"b", W/"a"', true],
  ['*', true],
  ['"b"', false],
  ['a', false],
  ['', false],
  [undefined, false],
])('If-None-Match: %s', (header, expected) => {
  expect(matchesEtag(header, 'W/"a"')).toBe(expected);
});

describe('POST /v1/flags/acks', () => {
  const post = (payload: object, token: string) =>
    api.app.inject({ method: 'POST', url: '/v1/flags/acks', headers: bearer(token), payload });
  const GOOD = { instance_id: 'checkout-7f9c', service: 'checkout', revision: 2 };

  test('notes who obeys what, under the key that said so', async () => {
    const token = api.ports.keys.issue(['flags']);
    expect((await post(GOOD, token)).statusCode).toBe(204);
    expect(api.ports.flags.acks).toEqual([{ keyId: 'key-1', ack: GOOD }]);
  });

  test.each([
    { ...GOOD, revision: -1 },
    { ...GOOD, revision: 1.5 },
    { ...GOOD, instance_id: '' },
    { ...GOOD, instance_id: 'x'.repeat(129) },
    { ...GOOD, service: 'a\u0000b' },
    { ...GOOD, key_id: 'of somebody else' },
  ])('refuses %j', async (payload) => {
    const answer = await post(payload, api.ports.keys.issue(['flags']));
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
    expect(api.ports.flags.acks).toEqual([]);
  });
});
