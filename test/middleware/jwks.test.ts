/** Tokens verified by the keys that an identity provider publishes: a real key server, real keys. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CounterName, fromJwt, type JwtKey, type JwtSourceOptions } from '../../src/middleware/index.ts';
import { findTenant } from '../../src/middleware/tenant-source.ts';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
type Answer = (published: readonly JWK[]) => { status: number; body: string };

const publish: Answer = (published) => ({ status: 200, body: JSON.stringify({ keys: published }) });
const named = { issuer: 'https://id.example.com', audience: 'shop', claim: 'org' };

let server: Server;
let jwksUrl: string;
let answer: Answer;
let published: JWK[];
let fetches: number;
let ours: Pair;
let theirs: Pair;

async function publicKey(pair: Pair, kid: string, alg: string): Promise<JWK> {
  return { ...(await exportJWK(pair.publicKey)), kid, alg, use: 'sig' };
}

interface TokenParts {
  readonly claims?: Record<string, unknown>;
  readonly kid?: string;
  readonly alg?: string;
  readonly key?: Pair['privateKey'];
  readonly expiresIn?: number;
}

async function token({ claims = { org: 'acme' }, kid = 'k1', alg = 'ES256', key, expiresIn = 60 }: TokenParts = {}) {
  return await new SignJWT({ sub: 'user-1', ...claims })
    .setProtectedHeader({ alg, kid })
    .setIssuer(named.issuer)
    .setAudience(named.audience)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresIn)
    .sign(key ?? ours.privateKey);
}

async function ask(bearer: string, options: Partial<JwtSourceOptions> = {}, source = makeSource(options)) {
  const counted: CounterName[] = [];
  const request = { headers: { authorization: `Bearer ${bearer}` }, url: '/', request: undefined };
  return { tenant: await findTenant([source], request, (name) => counted.push(name)), counted };
}
const makeSource = (options: Partial<JwtSourceOptions> = {}) =>
  fromJwt({ ...named, ...(options.key === undefined ? { jwksUrl } : {}), ...options });
const refused = { tenant: undefined, counted: ['jwt_rejected'] };
const failed = { tenant: undefined, counted: ['tenant_source_failed'] };

beforeAll(async () => {
  ours = await generateKeyPair('ES256', { extractable: true });
  theirs = await generateKeyPair('ES256', { extractable: true });
  server = createServer((_request, response) => {
    fetches += 1;
    const { status, body } = answer(published);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  answer = publish;
  published = [await publicKey(ours, 'k1', 'ES256')];
  fetches = 0;
});

describe('a token', () => {
  it('names tenant, plan and user by the claims the app says, with keys fetched once', async () => {
    const source = makeSource({ planClaim: 'tier', userClaim: 'email' });
    const claims = { org: 'acme', tier: 'team', email: 'a@example.com' };
    for (let i = 0; i < 3; i++) {
      expect((await ask(await token({ claims }), {}, source)).tenant).toEqual({
        tenantId: 'acme',
        source: 'jwt',
        plan: 'team',
        userId: 'a@example.com',
      });
    }
    expect(fetches).toBe(1);
  });

  it('names its user by sub, by a number, or not at all', async () => {
    expect((await ask(await token())).tenant).toEqual({ tenantId: 'acme', source: 'jwt', userId: 'user-1' });
    expect((await ask(await token(), { userClaim: false })).tenant).toEqual({ tenantId: 'acme', source: 'jwt' });
    const numbered = await token({ claims: { org: 'acme', uid: 7 } });
    expect((await ask(numbered, { userClaim: 'uid' })).tenant).toMatchObject({ userId: '7' });
    const odd = await token({ claims: { org: 'acme', uid: { toString: 'x' }, tier: ['team'] } });
    expect((await ask(odd, { userClaim: 'uid', planClaim: 'tier' })).tenant).toEqual({
      tenantId: 'acme',
      source: 'jwt',
    });
  });

  it('may come from one of several issuers, for one of several audiences', async () => {
    const both = { issuer: ['https://old.example.com', named.issuer], audience: ['admin', 'shop'] };
    expect((await ask(await token(), both)).tenant?.tenantId).toBe('acme');
    expect(await ask(await token(), { issuer: ['https://old.example.com'] })).toEqual(refused);
    expect(await ask(await token(), { audience: ['admin'] })).toEqual(refused);
  });

  it('may be late by what clocks differ, and no more', async () => {
    const late = await token({ expiresIn: -20 });
    expect(await ask(late)).toEqual(refused);
    expect((await ask(late, { clockToleranceSeconds: 30 })).tenant?.tenantId).toBe('acme');
    expect(await ask(late, { clockToleranceSeconds: 10 })).toEqual(refused);
  });

  it.each([
    ['signed with a key that is not published', { key: 'theirs' }],
    ['that names a key that is not published', { kid: 'k9' }],
  ])('%s is refused', async (_what, { key, kid }: { key?: string; kid?: string }) => {
    const forged = await token({ ...(key && { key: theirs.privateKey }), ...(kid && { kid }) });
    expect(await ask(forged)).toEqual(refused);
  });

  it('with an algorithm the key does not have is its own fault, not a failed source that would let it pass', async () => {
    const rsa = await generateKeyPair('RS256', { extractable: true });
    const key = (await exportJWK(rsa.publicKey)) as JwtKey;
    expect(await ask(await token(), { key })).toEqual(refused);
    expect((await ask(await token({ alg: 'RS256', key: rsa.privateKey }), { key })).tenant?.tenantId).toBe('acme');
    expect(await ask(await token({ alg: 'RS256', key: rsa.privateKey }), { key, algorithms: ['PS256'] })).toEqual(
      refused,
    );
  });

  it.each(['..', 'x', 'e30.e30.', `${'A'.repeat(4_000)}.${'B'.repeat(4_000)}.`, '\u0000.a.b'])(
    'that is garbage (%s) is refused without asking for keys',
    async (garbage) => {
      expect((await ask(garbage.replaceAll('\u0000', 'z'))).tenant).toBeUndefined();
      expect(fetches).toBe(0);
    },
  );
});

describe('a key server', () => {
  it('speaks for its present keys only', async () => {
    const source = makeSource();
    expect((await ask(await token(), {}, source)).tenant?.tenantId).toBe('acme');
    published = [await publicKey(theirs, 'k2', 'ES256')];
    const fresh = makeSource();
    expect((await ask(await token({ kid: 'k2', key: theirs.privateKey }), {}, fresh)).tenant?.tenantId).toBe('acme');
    expect(await ask(await token(), {}, fresh)).toEqual(refused);
  });

  it.each([
    ['answers 500', () => ({ status: 500, body: '' })],
    ['answers garbage', () => ({ status: 200, body: '<html>' })],
    ['answers another document', () => ({ status: 200, body: '{"hello":1}' })],
  ] satisfies [string, Answer][])('that %s is a failure of the source', async (_what, broken) => {
    answer = broken;
    expect(await ask(await token())).toEqual(failed);
  });
});
