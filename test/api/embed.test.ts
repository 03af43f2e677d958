import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CreatedEmbedToken } from '../../src/api/embed-contract.ts';
import { createEmbedTokens, EMBED_AUDIENCE } from '../../src/api/embed-tokens.ts';
import { EMBED_ROUTES } from '../../src/api/embed-views.ts';
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { EMBED_VIEWS, type EmbedView } from '../../src/domain/embed.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { GOOD_REQUESTS, type Row } from '../support/api-good-requests.ts';
import {
  ADMIN_TOKEN,
  type ApiUnderTest,
  bearer,
  EMBED_KEYS,
  OTHER,
  OWN,
  START,
  startApi,
} from '../support/api-harness.ts';
import { PUBLIC, WHO_MAY } from '../support/api-who-may.ts';

const USAGE = `/v1/usage?tenant_id=${OWN}`;
const SECONDS = START / 1_000;

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
beforeEach(() => {
  api.clock.now = START;
  api.ports.embeds.items = [];
  api.ports.embeds.failure = undefined;
});
afterAll(() => api.close());

function post(payload: object, token = ADMIN_TOKEN) {
  return api.app.inject({ method: 'POST', url: '/v1/embed-tokens', headers: bearer(token), payload });
}

async function mint(changes: object = {}): Promise<CreatedEmbedToken> {
  const answer = await post({ tenant_id: OWN, ...changes });
  expect(answer.statusCode).toBe(201);
  return answer.json<CreatedEmbedToken>();
}

const read = async (token: string, url = USAGE) => (await api.app.inject({ url, headers: bearer(token) })).statusCode;

/** A token with good claims, signed by the right key, and these changes. */
async function forged(changes: Record<string, unknown>, header: Record<string, unknown> = {}, secret?: Uint8Array) {
  const { id } = await mint();
  const claims = {
    ...{ iss: 'urn:tenantry:embed', aud: EMBED_AUDIENCE, sub: 'embed', jti: id, iat: SECONDS, exp: SECONDS + 600 },
    ...{ tenant_id: OWN, views: [...EMBED_VIEWS] },
    ...changes,
  };
  const kept = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
  return new SignJWT(kept)
    .setProtectedHeader({ alg: 'HS256', typ: 'tenantry-embed+jwt', kid: 'new', ...header })
    .sign(secret ?? EMBED_KEYS.current.secret);
}

test('a token is made as asked, says whose it is, and is not in the list', async () => {
  const { token, ...item } = await mint({ user: 'ada', expires_in_seconds: 60, views: ['quotas'] });
  expect(item).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    tenant_id: OWN,
    user: 'ada',
    views: ['quotas'],
    created_by: 'admin-token',
    created_at: '2026-06-15T12:00:00.000Z',
    expires_at: '2026-06-15T12:01:00.000Z',
    revoked_at: null,
  });
  const listed = await api.app.inject({ url: '/v1/embed-tokens', headers: bearer(ADMIN_TOKEN) });
  expect(listed.json()).toEqual({ items: [item] });
  expect(api.logLines.join('')).not.toContain(token);
  const who = await api.app.inject({ url: '/v1/whoami', headers: bearer(token) });
  expect(who.json()).toEqual({
    ...{ subject: 'embed:ada', role: 'viewer', tenant_id: OWN, tenants: null },
    expires_at: '2026-06-15T12:01:00.000Z',
  });
});

test('without wishes it lives a quarter of an hour and opens every view', async () => {
  const { expires_at: end, views } = await mint();
  expect([end, views]).toEqual(['2026-06-15T12:15:00.000Z', [...EMBED_VIEWS]]);
});

describe('a token that makes no sense is refused, and none is made', () => {
  test.each<[string, object]>([
    ['no tenant', { tenant_id: undefined }],
    ['a tenant that is no id', { tenant_id: '../x' }],
    ['longer than an hour', { expires_in_seconds: 3_601 }],
    ['shorter than a minute', { expires_in_seconds: 59 }],
    ['no view', { views: [] }],
    ['a view that there is not', { views: ['margins'] }],
    ['a view named twice', { views: ['usage', 'usage'] }],
    ['a role', { role: 'tenant_admin' }],
  ])('%s', async (_name, changes) => {
    expect((await post({ tenant_id: OWN, ...changes })).statusCode).toBe(400);
    expect(api.ports.embeds.items).toEqual([]);
  });
});

test('of all routes a token with every view opens those that the views show, and no other', async () => {
  const { token } = await mint();
  const shown = new Set<string>([...Object.values(EMBED_ROUTES).flat(), 'GET /v1/whoami']);
  const cells = [];
  for (const row of Object.keys(PERMISSIONS) as Row[]) {
    // No pages are served here.
    if (row === 'GET /*') continue;
    const [method] = row.split(' ') as ['GET'];
    const { url, payload, status } = GOOD_REQUESTS[row];
    const { statusCode } = await api.app.inject({ method, url, headers: bearer(token), ...(payload && { payload }) });
    const expected = WHO_MAY[row] === PUBLIC || shown.has(row) ? status : 403;
    cells.push({ row, got: statusCode, expected });
  }
  expect(cells.length).toBeGreaterThan(150);
  expect(cells.filter(({ got, expected }) => got !== expected)).toEqual([]);
});

test.each([...EMBED_VIEWS])('the view %s opens its own routes, and no other view does', async (view: EmbedView) => {
  const { token } = await mint({ views: [view] });
  const others = await mint({ views: EMBED_VIEWS.filter((name) => name !== view) });
  for (const row of EMBED_ROUTES[view]) {
    const { url } = GOOD_REQUESTS[row];
    expect([row, await read(token, url), await read(others.token, url)]).toEqual([row, 200, 403]);
  }
});

test("another tenant's figures answer like those of nobody", async () => {
  const { token } = await mint();
  const ask = (tenant: string) => api.app.inject({ url: `/v1/usage?tenant_id=${tenant}`, headers: bearer(token) });
  const [other, absent] = [await ask(OTHER), await ask('nobody')];
  expect([other.statusCode, other.json().detail]).toEqual([404, absent.json().detail]);
  const own = await api.app.inject({ url: '/v1/usage', headers: bearer(token) });
  expect(own.json().items.map((item: { tenant_id: string }) => item.tenant_id)).toEqual([OWN]);
});

test('it is good until its end, and not a moment longer', async () => {
  const { token } = await mint({ expires_in_seconds: 60 });
  api.clock.now += 59_000;
  expect(await read(token)).toBe(200);
  api.clock.now += 1_000;
  expect(await read(token)).toBe(401);
});

test('taken back it opens nothing any more, and others go on', async () => {
  const [first, second] = [await mint(), await mint()];
  const revoke = () =>
    api.app.inject({ method: 'DELETE', url: `/v1/embed-tokens/${first.id}`, headers: bearer(ADMIN_TOKEN) });
  expect((await revoke()).statusCode).toBe(204);
  expect([await read(first.token), await read(second.token)]).toEqual([401, 200]);
  expect((await revoke()).statusCode).toBe(404);
});

test('while the ledger cannot be asked, the answer is "not now"', async () => {
  const { token } = await mint();
  api.ports.embeds.failure = new TenantryError('STORE_UNAVAILABLE', 'down');
  expect(await read(token)).toBe(503);
});

describe('what is no token of ours', () => {
  test.each<[string, () => Promise<string>]>([
    ['of another audience', () => forged({ aud: 'tenantry' })],
    ['without audience', () => forged({ aud: undefined })],
    ['of another issuer', () => forged({ iss: 'urn:tenantry:dev-issuer' })],
    ['without end', () => forged({ exp: undefined })],
    ['never given out', () => forged({ jti: '00000000-0000-4000-8000-000000000001' })],
    ['with an id that is none', () => forged({ jti: "' or 1=1" })],
    ['of a token of this tenant, for another', () => forged({ tenant_id: OTHER })],
    ['for a tenant that is no id', () => forged({ tenant_id: '../acme' })],
    ['with views that are no list', () => forged({ views: 'usage' })],
    ['of another type', () => forged({}, { typ: 'JWT' })],
    ['by a key that is not here', () => forged({}, { kid: 'stolen' })],
    ['by another key under our name', () => forged({}, {}, new Uint8Array(32).fill(1))],
    ['with a changed claim', async () => tampered((await mint({ views: ['quotas'] })).token, { views: ['usage'] })],
    ['without signature', async () => (await mint()).token.replace(/[^.]+$/, '')],
    ['by no algorithm', async () => unsigned((await mint()).token)],
  ])('%s', async (_name, make) => {
    expect(await read(await make())).toBe(401);
  });

  test('a good one made the same way is believed, so that the above say something', async () => {
    expect(await read(await forged({}))).toBe(200);
  });

  test('one that the key of before signed is believed', async () => {
    const current = { id: 'old', secret: EMBED_KEYS.find('old') ?? new Uint8Array() };
    const before = createEmbedTokens({ ...EMBED_KEYS, current }, api.ports.embeds, () => START);
    await mint();
    const [given] = api.ports.embeds.items;
    if (given === undefined) throw new Error('none was given out');
    expect(await read(await before.sign(given))).toBe(200);
  });
});

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function tampered(token: string, changes: object): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return [header, part({ ...claims, ...changes }), signature].join('.');
}

function unsigned(token: string): string {
  return `${part({ alg: 'none', typ: 'tenantry-embed+jwt', kid: 'new' })}.${token.split('.')[1]}.`;
}

test('it is taken from the authorization header alone', async () => {
  const { token } = await mint();
  const elsewhere: Record<string, string>[] = [
    { cookie: `tenantry_session=${token}` },
    { 'x-api-key': token },
    { 'x-tenantry-key': token },
  ];
  for (const headers of elsewhere) {
    expect((await api.app.inject({ url: USAGE, headers })).statusCode).toBe(401);
  }
  expect((await api.app.inject({ url: `${USAGE}&token=${token}` })).statusCode).toBe(401);
});

describe('who may show it in a frame', () => {
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  async function headersOf(embedOrigins: readonly string[] | undefined, path: string) {
    const publicDir = await mkdtemp(join(tmpdir(), 'tenantry-embed-'));
    folders.push(publicDir);
    await writeFile(join(publicDir, 'index.html'), '<!doctype html><title>Tenantry</title>');
    await mkdir(join(publicDir, 'embed'));
    await writeFile(join(publicDir, 'embed', 'tenantry-usage.js'), '{}');
    const server = await startApi({ publicDir, embedOrigins });
    try {
      const { headers } = await server.app.inject({ url: path, headers: { accept: 'text/html' } });
      const [ancestors] = /frame-ancestors [^;]+/.exec(String(headers['content-security-policy'])) ?? [];
      return { ancestors, frameOptions: headers['x-frame-options'], resource: headers['cross-origin-resource-policy'] };
    } finally {
      await server.close();
    }
  }

  const NOBODY = { ancestors: "frame-ancestors 'none'", frameOptions: 'DENY', resource: 'same-origin' };
  const ORIGINS = ['https://app.example.com', 'http://localhost:4100'];

  test('nobody, unless origins are set', async () => {
    expect(await headersOf(undefined, '/embed/usage')).toEqual(NOBODY);
    expect(await headersOf([], '/embed/usage')).toEqual(NOBODY);
  });

  test('the origins that are set, and this page alone', async () => {
    expect(await headersOf(ORIGINS, '/embed/usage')).toEqual({
      ...{ ancestors: `frame-ancestors ${ORIGINS.join(' ')}`, frameOptions: undefined, resource: 'cross-origin' },
    });
    for (const path of ['/', '/usage', '/embed', '/embed/usage/x', '/embed/', '/tenants/embed/usage']) {
      expect([path, await headersOf(ORIGINS, path)]).toEqual([path, NOBODY]);
    }
  });

  test('the script may be loaded from anywhere', async () => {
    expect((await headersOf(undefined, '/embed/tenantry-usage.js')).resource).toBe('cross-origin');
  });
});
