import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CreatedKey, NewKey } from '../../src/api/contract.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const GOOD: NewKey = {
  name: 'Collector of the checkout cluster',
  scopes: ['ingest', 'flags'],
  tenant_id: OWN,
  service: 'checkout',
  expires_in_seconds: 3_600,
};
const ADMIN = bearer(ADMIN_TOKEN);

function post(payload: unknown) {
  const headers = { ...ADMIN, 'content-type': 'application/json' };
  return api.app.inject({ method: 'POST', url: '/v1/keys', headers, payload: JSON.stringify(payload) });
}

const revoke = (id: string) => api.app.inject({ method: 'DELETE', url: `/v1/keys/${id}`, headers: ADMIN });
const list = () => api.app.inject({ url: '/v1/keys', headers: ADMIN });

test('a key is made as asked, works, and is shown this once only', async () => {
  const answer = await post(GOOD);
  expect(answer.statusCode).toBe(201);
  const { key, ...record } = answer.json<CreatedKey>();
  expect(record).toEqual({
    id: 'made-1',
    name: GOOD.name,
    scopes: ['ingest', 'flags'],
    tenant_id: OWN,
    service: 'checkout',
    created_by: 'admin-token',
    created_at: '2026-06-15T12:00:00.000Z',
    expires_at: '2026-06-15T13:00:00.000Z',
    revoked_at: null,
    last_used_at: null,
    status: 'active',
    rotated_at: null,
    previous_expires_at: null,
    previous_last_used_at: null,
  });
  expect(answer.headers['cache-control']).toBe('no-store');
  expect((await api.app.inject({ url: '/v1/whoami', headers: bearer(key) })).json()).toMatchObject({
    subject: 'made-1',
    tenant_id: OWN,
  });
  const listed = await list();
  expect(listed.json().items).toEqual([record]);
  expect(listed.body).not.toContain(key);
  expect(api.logLines.join('')).not.toContain(key);
});

test('a key without tenant, service and end is bound by none of them', async () => {
  expect((await post({ name: 'all', scopes: ['flags'] })).json()).toMatchObject({
    tenant_id: null,
    service: null,
    expires_at: null,
  });
  expect(api.ports.keyAdmin.wanted).toEqual([{ name: 'all', scopes: ['flags'] }]);
});

test('a key is expired from its end on', async () => {
  await post(GOOD);
  const status = async () => (await list()).json().items[0].status;
  api.clock.now += 3_599_999;
  expect(await status()).toBe('active');
  api.clock.now += 1;
  expect(await status()).toBe('expired');
});

test('a revoked key ends at once and is shown as revoked; a second time there is none to revoke', async () => {
  const { id, key } = (await post(GOOD)).json<CreatedKey>();
  api.clock.now += 1_000;
  const answer = await revoke(id);
  expect([answer.statusCode, answer.body]).toEqual([204, '']);
  expect((await list()).json().items).toMatchObject([{ status: 'revoked', revoked_at: '2026-06-15T12:00:01.000Z' }]);
  expect((await api.app.inject({ url: '/v1/whoami', headers: bearer(key) })).statusCode).toBe(401);
  for (const gone of [id, 'bootstrap', 'not-there', 'a%00b', "'%20OR%201=1", '%252e%252e']) {
    const again = await revoke(gone);
    expect([gone, again.statusCode, again.json().code]).toEqual([gone, 404, 'NOT_FOUND']);
  }
});

describe('a key that makes no sense is refused, and nothing is made', () => {
  test.each<[string, unknown, RegExp]>([
    ['no name', { ...GOOD, name: undefined }, /"name"/],
    ['an empty name', { ...GOOD, name: '' }, /"name": must be text/],
    ['a name of two lines', { ...GOOD, name: 'a\nb' }, /"name": must be text/],
    ['an endless name', { ...GOOD, name: 'x'.repeat(201) }, /"name": must be text/],
    ['no scope', { ...GOOD, scopes: [] }, /"scopes"/],
    ['a scope that there is not', { ...GOOD, scopes: ['admin'] }, /"scopes.0"/],
    ['a scope named twice', { ...GOOD, scopes: ['ingest', 'ingest'] }, /"scopes": must name each scope once/],
    ['scopes as text', { ...GOOD, scopes: 'ingest' }, /"scopes"/],
    ['a tenant that is no id', { ...GOOD, tenant_id: '../x' }, /"tenant_id": must be a tenant id/],
    ['no tenant, said by null', { ...GOOD, tenant_id: null }, /"tenant_id"/],
    ['an end that is now', { ...GOOD, expires_in_seconds: 0 }, /"expires_in_seconds"/],
    ['an end in milliseconds', { ...GOOD, expires_in_seconds: 31_536_000_000 }, /"expires_in_seconds"/],
    ['a key of the caller’s choice', { ...GOOD, key: 'tk_mine' }, /unknown body field "key"/],
  ])('%s', async (_name, payload, detail) => {
    const answer = await post(payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'BAD_REQUEST', detail: expect.stringMatching(detail) });
    expect(api.ports.keyAdmin.wanted).toEqual([]);
  });
});

describe('a rotation', () => {
  const rotate = (id: string, payload: object = {}, headers = ADMIN) =>
    api.app.inject({ method: 'POST', url: `/v1/keys/${id}/rotate`, headers, payload });
  const endPrevious = (id: string, headers = ADMIN) =>
    api.app.inject({ method: 'DELETE', url: `/v1/keys/${id}/previous`, headers });
  const statusOf = async (key: string) =>
    (await api.app.inject({ url: '/v1/whoami', headers: bearer(key) })).statusCode;

  test('gives a new secret once; the old one works for a day, which the key shows', async () => {
    const { id, key: old } = (await post(GOOD)).json<CreatedKey>();
    api.clock.now += 1_000;
    const answer = await rotate(id);
    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    const { key, ...item } = answer.json<CreatedKey>();
    expect(key).not.toBe(old);
    expect(item).toMatchObject({
      ...{ id, status: 'active', expires_at: '2026-06-15T13:00:00.000Z', rotated_at: '2026-06-15T12:00:01.000Z' },
      ...{ previous_expires_at: '2026-06-16T12:00:01.000Z', previous_last_used_at: null },
    });
    expect([await statusOf(old), await statusOf(key)]).toEqual([200, 200]);
    const listed = await list();
    expect(listed.json().items).toEqual([item]);
    for (const secret of [old, key]) {
      expect(listed.body).not.toContain(secret);
      expect(api.logLines.join('')).not.toContain(secret);
    }
  });

  test('with a grace of 0 ends the old secret at once, and may set a new end', async () => {
    const { id, key: old } = (await post(GOOD)).json<CreatedKey>();
    const rotated = (await rotate(id, { grace_seconds: 0, expires_in_seconds: 86_400 })).json<CreatedKey>();
    expect(rotated).toMatchObject({ previous_expires_at: null, expires_at: '2026-06-16T12:00:00.000Z' });
    expect([await statusOf(old), await statusOf(rotated.key)]).toEqual([401, 200]);
  });

  test('is refused while two secrets work; the older one can be ended', async () => {
    const { id, key: old } = (await post({ ...GOOD, expires_in_seconds: 999_999 })).json<CreatedKey>();
    const { key } = (await rotate(id, { grace_seconds: 60 })).json<CreatedKey>();
    const again = await rotate(id);
    expect([again.statusCode, again.json().code]).toEqual([409, 'CONFLICT']);
    const ended = await endPrevious(id);
    expect([ended.statusCode, ended.json().previous_expires_at]).toEqual([200, null]);
    expect([await statusOf(old), await statusOf(key)]).toEqual([401, 200]);
    expect((await endPrevious(id)).statusCode).toBe(404);
    expect((await rotate(id)).statusCode).toBe(200);
  });

  test('no secret outlives the revocation of its key, nor is one shown as if it did', async () => {
    const { id, key: old } = (await post(GOOD)).json<CreatedKey>();
    const { key } = (await rotate(id)).json<CreatedKey>();
    await revoke(id);
    expect([await statusOf(old), await statusOf(key)]).toEqual([401, 401]);
    expect((await list()).json().items).toMatchObject([{ status: 'revoked', previous_expires_at: null }]);
    for (const refused of [await rotate(id), await endPrevious(id)]) expect(refused.statusCode).toBe(404);
  });

  test('a tenant rotates the keys that its people made, and no others', async () => {
    const [own, other] = [
      bearer(await api.issuer.issueToken('tenant_admin', OWN)),
      bearer(await api.issuer.issueToken('tenant_admin', OTHER)),
    ];
    const make = async (headers: Record<string, string>, payload: object) =>
      (await api.app.inject({ method: 'POST', url: '/v1/keys', headers, payload })).json<CreatedKey>();
    const theirs = await make(own, { name: 'import', scopes: ['ingest'] });
    const operators = await make(ADMIN, { name: 'bound', scopes: ['ingest'], tenant_id: OWN });
    const refused = [
      await rotate(theirs.id, {}, other),
      await rotate(operators.id, {}, own),
      await rotate(operators.id, {}, other),
      await rotate('not-there', {}, own),
    ];
    const bodies = refused.map(({ statusCode, body }) => [statusCode, { ...JSON.parse(body), request_id: '' }]);
    for (const one of bodies) expect(one).toEqual(bodies[3]);
    expect(bodies[3]?.[0]).toBe(404);
    const rotated = await rotate(theirs.id, {}, own);
    expect(rotated.statusCode).toBe(200);
    expect((await endPrevious(theirs.id, other)).statusCode).toBe(404);
    expect((await endPrevious(theirs.id, own)).statusCode).toBe(200);
  });

  test.each<[string, object]>([
    ['a grace of more than 30 days', { grace_seconds: 2_592_001 }],
    ['a grace before now', { grace_seconds: -1 }],
    ['a grace of parts of a second', { grace_seconds: 0.5 }],
    ['a grace in words', { grace_seconds: '60' }],
    ['an end that is now', { expires_in_seconds: 0 }],
    ['scopes', { scopes: ['flags'] }],
    ['a tenant', { tenant_id: OTHER }],
    ['a secret of the caller’s choice', { key: 'tk_mine' }],
  ])('with %s is refused, and the secret stays', async (_name, payload) => {
    const { id, key } = (await post(GOOD)).json<CreatedKey>();
    const answer = await rotate(id, payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
    expect(await statusOf(key)).toBe(200);
  });
});
