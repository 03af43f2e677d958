import { claimRules } from '../api/jwt-claims.ts';
import type { JwtConfig } from '../api/tokens.ts';
import type { Config } from '../config/config.ts';
import { TenantryError } from '../domain/errors.ts';

/**
 * Where tokens of the operator's issuer are checked; undefined: none is accepted but those of the embedded issuer.
 * @throws TenantryError CONFIG_INVALID when only a part of it is set
 */
export function jwtConfig(config: Config): JwtConfig | undefined {
  const { TENANTRY_JWKS_URL: jwksUrl, TENANTRY_JWT_ISSUER: issuer, TENANTRY_JWT_AUDIENCE: audience } = config;
  if (jwksUrl === undefined && issuer === undefined && audience === undefined) return undefined;
  if (jwksUrl === undefined || issuer === undefined || audience === undefined) {
    throw new TenantryError('CONFIG_INVALID', 'Of the identity provider, only a part is set.', {
      hint: 'Set all of TENANTRY_JWKS_URL, TENANTRY_JWT_ISSUER and TENANTRY_JWT_AUDIENCE, or none.',
    });
  }
  return {
    ...{ jwksUrl, issuer, audience },
    algorithms: config.TENANTRY_JWT_ALGORITHMS,
    clockSkewSeconds: config.TENANTRY_JWT_CLOCK_SKEW_SECONDS,
    maxAgeSeconds: config.TENANTRY_JWT_MAX_AGE_SECONDS,
    claims: claimRules({
      audience,
      shape: config.TENANTRY_JWT_SHAPE,
      namespace: config.TENANTRY_JWT_NAMESPACE,
      user: config.TENANTRY_JWT_USER_CLAIM,
      tenant: config.TENANTRY_JWT_TENANT_CLAIM,
      tenants: config.TENANTRY_JWT_TENANTS_CLAIM,
      role: config.TENANTRY_JWT_ROLE_CLAIM,
      staffRole: config.TENANTRY_JWT_STAFF_CLAIM,
      roleMap: config.TENANTRY_JWT_ROLE_MAP,
    }),
  };
}
