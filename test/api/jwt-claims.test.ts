import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createJwksVerifier, type JwtConfig } from '../../src/api/tokens.ts';
import { jwtConfig } from '../../src/app/jwt-config.ts';
import { loadConfig } from '../../src/config/config.ts';
import { bearer, START, startApi } from '../support/api-harness.ts';
import {
  AUDIENCE,
  claims,
  ISSUER,
  type KeySetServer,
  makeSigningKey,
  type SigningKey,
  startKeySet,
} from '../support/edge-identity.ts';

let key: SigningKey;
let keySet: KeySetServer;

beforeAll(async () => {
  key = await makeSigningKey('k');
  keySet = await startKeySet([key.publicJwk]);
});
afterAll(() => keySet.close());

/** The provider under these settings, as an operator writes them. */
function providerOf(settings: Record<string, string>): JwtConfig {
  const config = loadConfig({
    TENANTRY_JWKS_URL: keySet.url,
    TENANTRY_JWT_ISSUER: ISSUER,
    TENANTRY_JWT_AUDIENCE: AUDIENCE,
    ...settings,
  });
  const jwt = jwtConfig(config);
  if (jwt === undefined) throw new Error('no provider is set');
  return jwt;
}

async function actorOf(settings: Record<string, string>, changes: Record<string, unknown>) {
  const verifier = createJwksVerifier(providerOf(settings), () => START);
  return (await verifier.verify(await key.sign(claims(changes))))?.actor;
}

const CLERK = { TENANTRY_JWT_SHAPE: 'clerk' };
const AUTH0 = { TENANTRY_JWT_SHAPE: 'auth0' };
const KEYCLOAK = { TENANTRY_JWT_SHAPE: 'keycloak' };
const client = (...roles: string[]) => ({ resource_access: { [AUDIENCE]: { roles } } });
const realm = (...roles: string[]) => ({ realm_access: { roles: ['offline_access', 'default-roles-acme', ...roles] } });

describe('who a good token stands for', () => {
  test.each<[string, Record<string, string>, Record<string, unknown>, string, string | null]>([
    ['plain staff', {}, { role: 'sre' }, 'sre', null],
    ['plain tenant', {}, { role: 'member', tenant_id: 'acme' }, 'member', 'acme'],
    ['plain, one of several tenants', {}, { role: 'viewer', tenant_id: 'b', tenants: ['a', 'b'] }, 'viewer', 'b'],
    ['plain, the only one of its list', {}, { role: 'viewer', tenants: ['a'] }, 'viewer', 'a'],
    ['clerk version 1', CLERK, { org_id: 'org_1', org_role: 'org:admin', org_slug: 'acme' }, 'tenant_admin', 'org_1'],
    ['clerk version 2', CLERK, { v: 2, o: { id: 'org_1', slg: 'acme', rol: 'member' } }, 'member', 'org_1'],
    [
      'clerk by slug, own role',
      { ...CLERK, TENANTRY_JWT_TENANT_CLAIM: 'o.slg', TENANTRY_JWT_ROLE_MAP: 'auditor=viewer' },
      { o: { id: 'org_1', slg: 'acme', rol: 'auditor' } },
      'viewer',
      'acme',
    ],
    ['clerk staff', CLERK, { metadata: { tenantry_role: 'sales' } }, 'sales', null],
    ['auth0 organisation', AUTH0, { org_id: 'org_9', 'https://tenantry/roles': ['member'] }, 'member', 'org_9'],
    [
      'auth0 with a tenant of its own',
      { ...AUTH0, TENANTRY_JWT_NAMESPACE: 'https://app.example.com/' },
      { 'https://app.example.com/tenant_id': 'acme', 'https://app.example.com/role': 'admin' },
      'tenant_admin',
      'acme',
    ],
    ['auth0 staff', AUTH0, { 'https://tenantry/staff_role': 'admin' }, 'admin', null],
    [
      'auth0, a claim whose name is an address with dots',
      { ...AUTH0, TENANTRY_JWT_ROLE_CLAIM: 'https://app.example.com/level' },
      { org_id: 'org_9', 'https://app.example.com/level': 'viewer' },
      'viewer',
      'org_9',
    ],
    ['keycloak, a list of one', KEYCLOAK, { ...realm('member'), organization: ['acme'] }, 'member', 'acme'],
    ['keycloak, an object', KEYCLOAK, { ...client('viewer'), organization: { acme: { id: 'x' } } }, 'viewer', 'acme'],
    [
      'keycloak, the active one of several, strongest role',
      KEYCLOAK,
      { ...realm('viewer'), ...client('tenant_admin'), organization: ['acme', 'b'], active_organization: 'b' },
      'tenant_admin',
      'b',
    ],
    ['keycloak staff', KEYCLOAK, { ...realm(), ...client('admin', 'sre') }, 'admin', null],
    [
      'another user claim',
      { TENANTRY_JWT_USER_CLAIM: 'preferred_username' },
      { preferred_username: 'ann', role: 'sre' },
      'sre',
      null,
    ],
  ])('%s', async (_name, settings, changes, role, tenant) => {
    const actor = await actorOf(settings, changes);
    const subject = changes['preferred_username'] ?? 'user-1';
    expect(actor).toEqual({
      kind: expect.any(String),
      subject,
      role,
      ...(tenant === null ? {} : { tenantId: tenant }),
    });
  });
});

describe('a genuine token that does not say enough is refused with what is missing, and with nothing of itself', () => {
  test.each<[string, Record<string, string>, Record<string, unknown>, RegExp]>([
    ['no user', {}, { role: 'admin', sub: undefined }, /whose it is/],
    ['an empty user', {}, { role: 'admin', sub: '' }, /whose it is/],
    ['a user of several lines', {}, { role: 'admin', sub: 'a\nb' }, /whose it is/],
    ['a user that is no text', {}, { role: 'admin', sub: 7 }, /whose it is/],
    ['no role', {}, { tenant_id: 'canary' }, /no role/],
    ['an unknown role', {}, { role: 'canary', tenant_id: 'acme' }, /no role/],
    ['a role by inheritance', {}, { role: 'constructor', tenant_id: 'acme' }, /no role/],
    ['a tenant role without a tenant', {}, { role: 'member' }, /names no tenant/],
    ['a tenant that is no id', {}, { role: 'member', tenant_id: '../canary' }, /no tenant id/],
    ['a tenant that is a list', {}, { role: 'member', tenant_id: ['canary'] }, /no tenant id/],
    ['a reserved tenant', {}, { role: 'member', tenant_id: '(unknown)' }, /no tenant id/],
    ['several tenants and none active', {}, { role: 'member', tenants: ['canary', 'b'] }, /several tenants/],
    [
      'an active tenant that is not its own',
      {},
      { role: 'member', tenant_id: 'canary', tenants: ['b'] },
      /none of those/,
    ],
    ['a list with something else', {}, { role: 'member', tenant_id: 'a', tenants: ['a', 7] }, /list of tenants/],
    ['a staff role beside a tenant', {}, { role: 'admin', tenant_id: 'canary' }, /staff role and a tenant/],
    ['several staff roles', KEYCLOAK, client('sre', 'sales'), /several staff roles/],
    ["clerk: a customer's own role called sre", CLERK, { o: { id: 'org_1', rol: 'sre' } }, /no role/],
    ['clerk: no organisation', CLERK, { org_role: 'org:admin' }, /names no tenant/],
    ['auth0: a role without the namespace', AUTH0, { org_id: 'org_9', role: 'admin' }, /no role/],
    ['keycloak: admin of the realm', KEYCLOAK, realm('admin'), /no role/],
    ['keycloak: role of another client', KEYCLOAK, { resource_access: { other: { roles: ['admin'] } } }, /no role/],
    ['a mapped name is not itself any more', { TENANTRY_JWT_ROLE_MAP: 'admin=viewer' }, { role: 'admin' }, /no tenant/],
  ])('%s', async (_name, settings, changes, reason) => {
    const refusal: unknown = await actorOf(settings, changes).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringMatching(reason),
      hint: expect.stringMatching(/TENANTRY_JWT_\w+_CLAIM/),
    });
    expect(JSON.stringify(refusal)).not.toContain('canary');
  });

  test('over HTTP as a 401, and in the log', async () => {
    const api = await startApi({ jwt: providerOf({}) });
    const token = await key.sign(claims({ sub: 'canary', role: 'member', tenant_id: '../canary' }));
    const answer = await api.app.inject({ url: '/v1/whoami', headers: bearer(token) });
    await api.close();
    expect([answer.statusCode, answer.json().detail]).toEqual([401, expect.stringMatching(/no tenant id/)]);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="tenantry"');
    for (const text of [answer.body, api.logLines.join('')]) expect(text).not.toContain('canary');
  });
});

describe('settings of the provider', () => {
  test.each([
    { TENANTRY_JWKS_URL: 'https://id.example.test/jwks' },
    { TENANTRY_JWT_ISSUER: ISSUER, TENANTRY_JWT_AUDIENCE: AUDIENCE },
  ])('a part of them (%o) is a mistake, not "no provider"', (settings) => {
    expect(() => jwtConfig(loadConfig(settings))).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(jwtConfig(loadConfig({}))).toBeUndefined();
  });

  test.each([
    ['TENANTRY_JWT_ALGORITHMS', 'RS256,HS256'],
    ['TENANTRY_JWT_ALGORITHMS', 'none'],
    ['TENANTRY_JWT_ROLE_MAP', 'owner'],
    ['TENANTRY_JWT_ROLE_MAP', 'owner=root'],
    ['TENANTRY_JWT_SHAPE', 'okta'],
    ['TENANTRY_JWT_CLOCK_SKEW_SECONDS', '3600'],
    ['TENANTRY_CORS_ORIGINS', '*'],
    ['TENANTRY_CORS_ORIGINS', 'https://app.example.com/'],
    ['TENANTRY_TRUSTED_PROXIES', '10.0.0.0/99'],
  ])('%s=%s stops the start', (name, value) => {
    expect(() => loadConfig({ [name]: value })).toThrow(name);
  });
});

describe('in production', () => {
  const production = { NODE_ENV: 'production' };

  test('the embedded issuer is off, and stops the start when it is asked for', () => {
    expect(loadConfig(production).TENANTRY_DEV_ISSUER).toBe(false);
    expect(loadConfig({ ...production, TENANTRY_DEV_ISSUER: 'false' }).TENANTRY_DEV_ISSUER).toBe(false);
    expect(() => loadConfig({ ...production, TENANTRY_DEV_ISSUER: 'true' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
