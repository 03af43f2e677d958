import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { isStaffRole, isTenantRole } from '../domain/roles.ts';
import { parseTenantId } from '../domain/tenant-id.ts';

/** Longer tokens are refused unread (RFC 8725 asks for a bound; real ones have one or two KB). */
export const MAX_TOKEN_LENGTH = 8 * 1024;
export const CLOCK_TOLERANCE_SECONDS = 30;
/** Asymmetric only: with an HMAC algorithm allowed, the public key would be the secret (RFC 8725, 2.1). */
const ASYMMETRIC_ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
];
const TOKEN_TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'at+jwt', 'application/at+jwt'];

export interface JwtConfig {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
}

/** What a verified token says. */
export interface Grant {
  readonly actor: Extract<Actor, { kind: 'staff' | 'tenant' }>;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export interface TokenVerifier {
  /** undefined: not a token to believe. @throws TenantryError STORE_UNAVAILABLE when the keys cannot be had */
  verify(token: string): Promise<Grant | undefined>;
}

/**
 * The caller that verified claims describe: `sub`, `role` and, for tenant roles only, `tenant_id`. A staff role beside
 * a `tenant_id` is refused: such a token comes from an issuer that means "admin of this tenant", not "our staff".
 */
export function grantFromClaims(claims: JWTPayload): Grant | undefined {
  const { sub, exp, role, tenant_id: tenant } = claims;
  if (typeof sub !== 'string' || sub === '' || typeof exp !== 'number' || typeof role !== 'string') return undefined;
  const expiresAt = exp * 1_000;
  if (isStaffRole(role)) {
    return tenant === undefined ? { actor: { kind: 'staff', subject: sub, role }, expiresAt } : undefined;
  }
  const tenantId = parseTenantId(tenant);
  if (!isTenantRole(role) || tenantId === undefined) return undefined;
  return { actor: { kind: 'tenant', subject: sub, role, tenantId }, expiresAt };
}

/** Verifies tokens of the operator's identity provider. Keys come from the configured URL alone, never from a token. */
export function createJwksVerifier(config: JwtConfig, now: () => number): TokenVerifier {
  const remoteKeys = createRemoteJWKSet(new URL(config.jwksUrl), { timeoutDuration: 3_000, cooldownDuration: 30_000 });
  const keyOf: JWTVerifyGetKey = async (header, token) => {
    try {
      return await remoteKeys(header, token);
    } catch (error) {
      const tokensFault =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys ||
        error instanceof errors.JOSENotSupported;
      if (tokensFault) throw error;
      throw new TenantryError('STORE_UNAVAILABLE', "The identity provider's keys cannot be fetched.", {
        hint: 'Check that the address in TENANTRY_JWKS_URL can be reached from Tenantry.',
        cause: error,
      });
    }
  };
  return {
    async verify(token) {
      try {
        const { payload, protectedHeader } = await jwtVerify(token, keyOf, {
          algorithms: ASYMMETRIC_ALGORITHMS,
          issuer: config.issuer,
          audience: config.audience,
          requiredClaims: ['exp', 'sub'],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(now()),
        });
        return TOKEN_TYPES.includes(protectedHeader.typ?.toLowerCase()) ? grantFromClaims(payload) : undefined;
      } catch (error) {
        if (error instanceof TenantryError) throw error;
        return undefined;
      }
    },
  };
}
