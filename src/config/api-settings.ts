import { isIP } from 'node:net';
import { z } from 'zod';

const perSecond = (fallback: number) => z.coerce.number().min(0).default(fallback);
const names = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );

const SIGNATURE_ALGORITHMS = 'RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA,Ed25519';
const ROLES = ['admin', 'sre', 'sales', 'automation', 'tenant_admin', 'member', 'viewer'] as const;
type RoleName = (typeof ROLES)[number];

/** The pairs of `theirs=ours,…`; undefined when one is not of that form. */
function rolePairs(text: string): [string, RoleName][] | undefined {
  const pairs: [string, RoleName][] = [];
  for (const pair of text.split(',').map((one) => one.trim())) {
    if (pair === '') continue;
    const end = pair.lastIndexOf('=');
    const ours = ROLES.find((role) => role === pair.slice(end + 1).trim());
    if (end < 1 || ours === undefined) return undefined;
    pairs.push([pair.slice(0, end).trim(), ours]);
  }
  return pairs;
}

/** What a browser calls an origin: scheme and host, and the port where it is not the scheme's own. */
export function isOrigin(text: string): boolean {
  // The characters are bounded because it becomes part of a policy, in which a semicolon would end the directive.
  return /^https?:\/\/[\w.:[\]-]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** An address, or an address with a prefix length that fits it. */
function isAddressOrRange(text: string): boolean {
  const [, address = '', bits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits ?? 0) <= (version === 4 ? 32 : 128);
}

/** Who is believed to be whom. An identity provider's tokens are taken when the first three are set. */
export const IDENTITY_SETTINGS = {
  TENANTRY_JWKS_URL: z.url().optional().describe('public keys of the identity provider'),
  TENANTRY_JWT_ISSUER: z.string().optional().describe('expected issuer of tokens'),
  TENANTRY_JWT_AUDIENCE: z.string().optional().describe('expected audience of tokens'),
  TENANTRY_JWT_ALGORITHMS: z
    .string()
    .default(SIGNATURE_ALGORITHMS)
    .transform((text) => text.split(',').map((name) => name.trim()))
    .refine((all) => all.every((name) => SIGNATURE_ALGORITHMS.split(',').includes(name)), {
      error: `must be some of ${SIGNATURE_ALGORITHMS}`,
    })
    .describe('signature algorithms of tokens that are taken; none and HMAC never are'),
  TENANTRY_JWT_CLOCK_SKEW_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(300)
    .default(60)
    .describe('how far the clock of the identity provider may be from this one'),
  TENANTRY_JWT_MAX_AGE_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(86_400)
    .describe('tokens issued longer ago are refused, however late they expire; 0 = only their expiry counts'),
  TENANTRY_JWT_SHAPE: z
    .enum(['plain', 'clerk', 'auth0', 'keycloak'])
    .default('plain')
    .describe('where tokens name tenant and role, as the identity provider writes them'),
  TENANTRY_JWT_NAMESPACE: z
    .string()
    .default('https://tenantry/')
    .describe("prefix of Auth0's custom claims; with the shape auth0 only"),
  TENANTRY_JWT_USER_CLAIM: names.describe('claims that name the user, first hit wins; unset = sub'),
  TENANTRY_JWT_TENANT_CLAIM: names.describe('claims that name the active tenant, first hit wins; unset = by shape'),
  TENANTRY_JWT_TENANTS_CLAIM: names.describe("claims that list all of a user's tenants; unset = by shape"),
  TENANTRY_JWT_ROLE_CLAIM: names.describe('claims that name the role in the tenant; unset = by shape'),
  TENANTRY_JWT_STAFF_CLAIM: names.describe(
    "claims that name the role among the operator's own staff; unset = by shape",
  ),
  TENANTRY_JWT_ROLE_MAP: z
    .string()
    .default('')
    .refine((text) => rolePairs(text) !== undefined, {
      error: `must be pairs such as org:owner=tenant_admin with one of ${ROLES.join(', ')} on the right`,
    })
    .transform((text) => new Map(rolePairs(text)))
    .describe("the identity provider's names of roles and ours, as in org:owner=tenant_admin,org:guest=viewer"),
} as const;

/** What stands between the API and whoever calls it. Rates are those of one server process. */
export const EDGE_SETTINGS = {
  TENANTRY_TRUSTED_PROXIES: names
    .refine((all) => all.every(isAddressOrRange), 'must be addresses or ranges such as 10.0.0.5,10.20.0.0/16')
    .describe('proxies that are believed about the address and scheme of callers (X-Forwarded-…); unset = none'),
  TENANTRY_CORS_ORIGINS: names
    .refine((origins) => origins.every(isOrigin), 'must be origins such as https://app.example.com, without a path')
    .describe('pages of these origins may call the API from browsers, with a token; unset = none may'),
  TENANTRY_LIMIT_API_ADDRESS_PER_SECOND: perSecond(100).describe(
    'requests a second without valid credentials from one address; 0 = no limit',
  ),
  TENANTRY_LIMIT_API_USER_PER_SECOND: perSecond(200).describe('API requests a second of one user; 0 = no limit'),
  TENANTRY_LIMIT_API_TENANT_PER_SECOND: perSecond(400).describe(
    "API requests a second of all of one tenant's users and keys; 0 = no limit",
  ),
  TENANTRY_LIMIT_API_KEY_PER_SECOND: perSecond(500).describe('API requests a second of one key; 0 = no limit'),
  TENANTRY_LIMIT_FLAGS_KEY_PER_SECOND: perSecond(5_000).describe(
    'requests a second of one key or user for flags, which count apart; 0 = no limit',
  ),
  TENANTRY_LIMIT_STREAMS_PER_KEY: z.coerce
    .number()
    .int()
    .min(0)
    .default(2_000)
    .describe('streams of flags that one key holds open; 0 = no limit'),
} as const;
