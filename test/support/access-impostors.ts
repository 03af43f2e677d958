/** Credentials that must be worth nothing: each of them gets the one answer that nobody gets. */
import { SignJWT } from 'jose';
import { type Credentials, issuerOf, session } from './access-callers.ts';
import { type AccessWorld, INGEST_KEY } from './access-world.ts';
import { ADMIN_TOKEN, bearer, type IdentityProvider, OTHER, OWN } from './api-harness.ts';

type Claims = Readonly<Record<string, unknown>>;

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The same token with other claims or another header, and the old signature. */
function forged(token: string, claims: Claims, header: Claims = {}): string {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object;
  return [base64url({ ...read(head), ...header }), base64url({ ...read(payload), ...claims }), signature].join('.');
}

/** Good in everything but one thing, which the operator's provider would never write. */
async function wrongClaims({ token }: AccessWorld): Promise<Record<string, Credentials>> {
  const now = Math.floor(Date.now() / 1_000);
  const of = async (claims: Claims, header?: Record<string, unknown>) =>
    bearer(await token({ role: 'admin', ...claims }, header));
  return {
    expired: await of({ exp: now - 61 }),
    'issued too long ago': await of({ iat: now - 90_000 }),
    'issued in the future': await of({ iat: now + 600 }),
    'not valid yet': await of({ nbf: now + 600 }),
    'no expiry': await of({ exp: undefined }),
    'expiry as text': await of({ exp: String(now + 600) }),
    'wrong issuer': await of({ iss: 'https://evil.example.test/' }),
    'issuer without its slash': await of({ iss: 'https://id.example.test' }),
    'no issuer': await of({ iss: undefined }),
    'issuer of our own': await of({ iss: 'urn:tenantry:dev-issuer' }),
    'wrong audience': await of({ aud: 'another-service' }),
    'no audience': await of({ aud: undefined }),
    'audience of frames': await of({ aud: 'tenantry-embed', tenant_id: OWN }, { typ: 'tenantry-embed+jwt' }),
    'token of another type': await of({}, { typ: 'logout+jwt' }),
    'over 8 KB': await of({ padding: 'x'.repeat(8_192) }),
  };
}

/** Tricks with algorithms, keys and signatures. */
async function wrongSignatures(world: AccessWorld, stranger: IdentityProvider): Promise<Record<string, Credentials>> {
  const { provider, token } = world;
  const now = Math.floor(Date.now() / 1_000);
  const { issuer: iss, audience: aud, jwksUrl: jku } = provider.config;
  const claims = { iss, aud, sub: 'x', role: 'admin', iat: now, exp: now + 600 };
  const viewer = await token({ role: 'viewer', tenant_id: OWN });
  const [, payload = '', signature = ''] = (await token({ role: 'admin' })).split('.');
  const hmac = async (secret: string) =>
    bearer(
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: 'provider-1' })
        .sign(new TextEncoder().encode(secret)),
    );
  const strangers = async (header: Record<string, unknown>) => bearer(await stranger.sign(claims, header));
  const theirKey = JSON.parse(stranger.publicKeyJson) as object;
  const frame = await world.must<{ token: string }>('POST', '/v1/embed-tokens', { tenant_id: OWN });
  const own = await issuerOf(world).issueToken('viewer', OWN);
  return {
    'algorithm none': bearer(`${base64url({ alg: 'none' })}.${base64url(claims)}.`),
    'algorithm None': bearer(`${base64url({ alg: 'None' })}.${base64url(claims)}.`),
    'algorithm none, old signature': bearer(`${base64url({ alg: 'none' })}.${payload}.${signature}`),
    'no signature': bearer(`${base64url({ alg: 'RS256', kid: 'provider-1' })}.${payload}.`),
    'another algorithm, same signature': bearer(
      `${base64url({ alg: 'PS256', kid: 'provider-1' })}.${payload}.${signature}`,
    ),
    'HMAC with the public key as secret': await hmac(provider.publicKeyJson),
    'HMAC with the admin token as secret': await hmac(ADMIN_TOKEN),
    'HMAC with nothing as secret': bearer(`${base64url({ alg: 'HS256' })}.${payload}.${base64url('')}`),
    'key of another provider': await strangers({}),
    'unknown key id': await strangers({ kid: 'nobody' }),
    'key id that is a path': await strangers({ kid: '../../../../dev/null' }),
    'key id that is SQL': await strangers({ kid: "x' union select '" }),
    'address of its keys': await strangers({ jku: stranger.config.jwksUrl }),
    'address of its certificate': await strangers({ x5u: stranger.config.jwksUrl }),
    'its own key inside': await strangers({ jwk: theirKey }),
    'critical header that nobody knows': bearer(forged(viewer, {}, { crit: ['exp'], exp: 1 })),
    'claims changed after signing': bearer(forged(viewer, { role: 'admin', tenant_id: undefined })),
    'tenant changed after signing': bearer(forged(viewer, { tenant_id: OTHER })),
    'header changed after signing': bearer(forged(viewer, {}, { jku })),
    'session claims changed after signing': bearer(forged(own, { tenant_id: OTHER })),
    'frame turned to another tenant': bearer(forged(frame.token, { tenant_id: OTHER })),
    'frame opened wider': bearer(forged(frame.token, { views: ['usage', 'performance'], role: 'admin' })),
    'frame as the type of a person': bearer(forged(frame.token, {}, { typ: 'JWT' })),
    'five parts': bearer('a.b.c.d.e'),
  };
}

/** What was good once, or would be somewhere else. */
async function wrongPlaces(world: AccessWorld): Promise<Record<string, Credentials>> {
  const { token, must } = world;
  const issuer = issuerOf(world);
  const revoked = await must<{ id: string; key: string }>('POST', '/v1/keys', {
    name: 'x',
    scopes: ['ingest', 'flags'],
  });
  await must('DELETE', `/v1/keys/${revoked.id}`);
  const short = await must<{ key: string }>('POST', '/v1/keys', {
    ...{ name: 'x', scopes: ['ingest', 'flags'], expires_in_seconds: 1 },
  });
  const frame = await must<{ id: string; token: string }>('POST', '/v1/embed-tokens', { tenant_id: OWN });
  await must('DELETE', `/v1/embed-tokens/${frame.id}`);
  const ended = await issuer.issueToken('admin');
  await issuer.revoke(ended);
  const good = await token({ role: 'admin' });
  return {
    nothing: {},
    'empty bearer': { authorization: 'Bearer ' },
    'basic authentication': { authorization: `Basic ${Buffer.from(`admin:${ADMIN_TOKEN}`).toString('base64')}` },
    'admin token without its last letter': bearer(ADMIN_TOKEN.slice(0, -1)),
    'admin token in another case': bearer(ADMIN_TOKEN.toUpperCase()),
    'admin token as key': { 'x-api-key': ADMIN_TOKEN },
    'admin token as cookie': session(ADMIN_TOKEN),
    'key without its last letter': { 'x-tenantry-key': INGEST_KEY.slice(0, -1) },
    'unknown key': bearer('tk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'),
    'revoked key': { 'x-tenantry-key': revoked.key },
    'expired key': { 'x-tenantry-key': short.key },
    'revoked frame': bearer(frame.token),
    'frame as cookie': session(frame.token),
    'provider token as cookie': session(good),
    'provider token as key': { 'x-tenantry-key': good },
    'ended session': session(ended),
    'ended session as bearer': bearer(ended),
    'session expired at birth': bearer(await issuer.issueToken('admin', undefined, -31_000)),
    'bad bearer beside a good cookie': {
      ...session(await issuer.issueToken('admin')),
      authorization: 'Bearer nonsense',
    },
  };
}

/** By name; `nothing` is among them. The key that expires does so a second later. */
export async function impostors(world: AccessWorld, stranger: IdentityProvider): Promise<Record<string, Credentials>> {
  return {
    ...(await wrongPlaces(world)),
    ...(await wrongClaims(world)),
    ...(await wrongSignatures(world, stranger)),
  };
}
