import { SignJWT } from 'jose';
import { SESSION_COOKIE } from '../../src/api/authenticate.ts';
import { type KeyScope, STAFF_ROLES, TENANT_ROLES } from '../../src/domain/roles.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, type IdentityProvider, OTHER, OWN } from './api-harness.ts';

/** Headers that say who calls. */
export type Credentials = Readonly<Record<string, string>>;

/** `kind` is what the caller amounts to: a role, a key with scopes, or nobody. */
export interface TestCaller {
  readonly name: string;
  readonly kind: string;
  readonly tenant: TenantId | undefined;
  readonly credentials: Credentials;
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The same token with other claims and the old signature. */
function forge(token: string, changes: Record<string, unknown>): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return [header, base64url({ ...claims, ...changes }), signature].join('.');
}

function session(token: string): Credentials {
  return { cookie: `${SESSION_COOKIE}=${token}`, 'x-tenantry-csrf': '1' };
}

/** Everybody who is somebody: each role in each way it can show itself, each kind of key. */
export async function goodCallers(api: ApiUnderTest, provider: IdentityProvider): Promise<TestCaller[]> {
  const callers: TestCaller[] = [
    { name: 'admin token', kind: 'admin', tenant: undefined, credentials: bearer(ADMIN_TOKEN) },
  ];
  for (const role of STAFF_ROLES) {
    const dev = await api.issuer.issueToken(role);
    callers.push(
      { name: `${role}, provider`, kind: role, tenant: undefined, credentials: bearer(await provider.sign({ role })) },
      { name: `${role}, dev issuer`, kind: role, tenant: undefined, credentials: bearer(dev) },
      {
        name: `${role}, session`,
        kind: role,
        tenant: undefined,
        credentials: session(await api.issuer.issueToken(role)),
      },
    );
  }
  for (const role of TENANT_ROLES) {
    for (const tenant of [OWN, OTHER]) {
      const token = await provider.sign({ role, tenant_id: tenant });
      const dev = await api.issuer.issueToken(role, tenant);
      callers.push(
        { name: `${role} of ${tenant}, provider`, kind: role, tenant, credentials: bearer(token) },
        { name: `${role} of ${tenant}, session`, kind: role, tenant, credentials: session(dev) },
      );
    }
  }
  const key = (scopes: KeyScope[], tenant: TenantId | undefined, header: string, prefix = ''): TestCaller => ({
    name: `key ${scopes.join('+')} of ${tenant ?? 'all'} in ${header}`,
    kind: `key ${scopes.join('+')}`,
    tenant,
    credentials: { [header]: `${prefix}${api.ports.keys.issue(scopes, tenant)}` },
  });
  callers.push(
    key(['ingest'], undefined, 'authorization', 'Bearer '),
    key(['flags'], undefined, 'authorization', 'bearer '),
    key(['flags'], undefined, 'x-tenantry-key'),
    key(['flags'], undefined, 'x-api-key'),
    key(['ingest', 'flags'], undefined, 'authorization', 'Bearer '),
    key(['flags'], OWN, 'authorization', 'Bearer '),
    key(['flags'], OTHER, 'authorization', 'Bearer '),
    key(['scim'], OWN, 'authorization', 'Bearer '),
    key(['scim'], OTHER, 'x-tenantry-key'),
  );
  return callers;
}

/** Everybody who is nobody; each must get the one and same 401. */
export async function badCredentials(
  api: ApiUnderTest,
  provider: IdentityProvider,
  otherProvider: IdentityProvider,
): Promise<Record<string, Credentials>> {
  const seconds = Math.floor(api.clock.now / 1_000);
  const good = await provider.sign({ role: 'admin' });
  const goodDev = await api.issuer.issueToken('viewer', OWN);
  const claims = {
    iss: provider.config.issuer,
    aud: provider.config.audience,
    sub: 'x',
    role: 'admin',
    exp: seconds + 600,
  };
  const hmac = (secret: string) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'provider-1' }).sign(new TextEncoder().encode(secret));
  const revokedKey = api.ports.keys.issue(['flags', 'ingest']);
  api.ports.keys.revoke(revokedKey);
  const ended = await api.issuer.issueToken('admin');
  await api.issuer.revoke(ended);
  const signed = async (changes: Record<string, unknown>, header: Record<string, unknown> = {}) =>
    bearer(await provider.sign(changes, header));
  return {
    nothing: {},
    'empty bearer': { authorization: 'Bearer ' },
    'basic auth': { authorization: `Basic ${Buffer.from(`admin:${ADMIN_TOKEN}`).toString('base64')}` },
    'admin token without its last letter': bearer(ADMIN_TOKEN.slice(0, -1)),
    'admin token in another case': bearer(ADMIN_TOKEN.toUpperCase()),
    'admin token as key header': { 'x-api-key': ADMIN_TOKEN },
    'unknown key': bearer('tk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'),
    'revoked key': bearer(revokedKey),
    expired: await signed({ exp: seconds - 61 }),
    'not valid yet': await signed({ nbf: seconds + 61 }),
    'no expiry': await signed({ exp: undefined }),
    'wrong issuer': await signed({ iss: 'https://evil.example.test/' }),
    'no issuer': await signed({ iss: undefined }),
    'wrong audience': await signed({ aud: 'another-service' }),
    'no audience': await signed({ aud: undefined }),
    'token of another type': await signed({}, { typ: 'logout+jwt' }),
    'unknown critical header': bearer(
      `${base64url({ alg: 'RS256', kid: 'provider-1', crit: ['exp'], exp: 1 })}.${good.split('.').slice(1).join('.')}`,
    ),
    'key of another provider': bearer(
      await otherProvider.sign({ iss: provider.config.issuer, aud: provider.config.audience }),
    ),
    'key that the token brings along': await signed(
      { role: 'admin' },
      { kid: 'mine', jku: otherProvider.config.jwksUrl },
    ),
    'claims changed after signing': bearer(
      forge(await provider.sign({ role: 'viewer', tenant_id: OWN }), { role: 'admin', tenant_id: undefined }),
    ),
    'dev claims changed after signing': bearer(forge(goodDev, { tenant_id: OTHER })),
    'algorithm none': bearer(`${base64url({ alg: 'none' })}.${base64url(claims)}.`),
    'algorithm none, old signature': bearer(`${base64url({ alg: 'none' })}.${good.split('.').slice(1).join('.')}`),
    'HMAC with the public key as secret': bearer(await hmac(provider.publicKeyJson)),
    'HMAC with the admin token as secret': bearer(await hmac(ADMIN_TOKEN)),
    'over 8 KB': await signed({ padding: 'x'.repeat(8_192) }),
    'dev token that was expired at birth': bearer(await api.issuer.issueToken('admin', undefined, -31_000)),
    'dev token of an ended session': bearer(ended),
    'cookie of an ended session': session(ended),
    'provider token as cookie': session(good),
    'admin token as cookie': session(ADMIN_TOKEN),
    'bad bearer beside a good cookie': {
      ...session(await api.issuer.issueToken('admin')),
      authorization: 'Bearer nonsense',
    },
  };
}
