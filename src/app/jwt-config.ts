import type { Config } from '../config/config.ts';

/** Where tokens of the operator's issuer are checked; undefined: none is accepted but those of the embedded issuer. */
export function jwtConfig(config: Config) {
  const { TENANTRY_JWKS_URL: jwksUrl, TENANTRY_JWT_ISSUER: issuer, TENANTRY_JWT_AUDIENCE: audience } = config;
  if (jwksUrl === undefined || issuer === undefined || audience === undefined) return undefined;
  return { jwksUrl, issuer, audience };
}
