import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import { TenantryError } from '../domain/errors.ts';
import { type ClaimRules, type Grant, grantOf, PLAIN_CLAIMS } from './jwt-claims.ts';
import { createKeySource } from './jwt-keys.ts';

/** Longer tokens are refused unread (RFC 8725 asks for a bound; real ones have one or two KB). */
export const MAX_TOKEN_LENGTH = 8 * 1024;
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
const CLOCK_SKEW_SECONDS = 60;
const MAX_AGE_SECONDS = 86_400;
const TOKEN_TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'at+jwt', 'application/at+jwt'];

export interface JwtConfig {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  /** Of `ASYMMETRIC_ALGORITHMS`; absent: all of them. Others are never believed. */
  readonly algorithms?: readonly string[];
  /** How far the provider's clock may be from ours; absent: 60. */
  readonly clockSkewSeconds?: number;
  /** Counted from `iat`, however late `exp` is; absent: a day. 0: `exp` alone counts. */
  readonly maxAgeSeconds?: number;
  /** Absent: `role` and `tenant_id`. */
  readonly claims?: ClaimRules;
}

/**
 * Why a token was not believed; its sender is not told. `key`: none of the provider's that may be used fits it.
 * `claims`: it was signed by one of them, and what it says is no set of claims.
 */
export type TokenRefusal =
  | 'length'
  | 'form'
  | 'algorithm'
  | 'key'
  | 'signature'
  | 'claims'
  | 'issuer'
  | 'audience'
  | 'time'
  | 'header';

export interface VerifierOptions {
  /** Monotonic milliseconds. */
  readonly monotonicNow?: () => number;
  /** Hears of every token that is not believed. */
  readonly onRefused?: (reason: TokenRefusal) => void;
}

export interface TokenVerifier {
  /**
   * undefined: not a token to believe.
   * @throws TenantryError STORE_UNAVAILABLE when the keys cannot be had, UNAUTHENTICATED when the token is genuine and
   * does not say what is needed
   */
  verify(token: string): Promise<Grant | undefined>;
}

/** Without a key id in the token jose names every key that would fit; one of them has to. */
async function verifyByAny(token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keys, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      const verified = await jwtVerify(token, key, options).catch((reason: unknown) => {
        if (reason instanceof errors.JWSSignatureVerificationFailed) return undefined;
        throw reason;
      });
      if (verified !== undefined) return verified;
    }
    throw error;
  }
}

const REFUSED_CLAIMS: Readonly<Record<string, TokenRefusal>> = { iss: 'issuer', aud: 'audience' };

/** jose checks the signature before it looks at what is signed, so the class of its error says how far a token came. */
function refusalBy(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTClaimValidationFailed) return REFUSED_CLAIMS[error.claim] ?? 'time';
  if (error instanceof errors.JWTExpired) return 'time';
  if (error instanceof errors.JWTInvalid) return 'claims';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'signature';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWKSNoMatchingKey) return 'key';
  if (error instanceof errors.JOSENotSupported) return 'header';
  // What no key can be tried on, and keys that cannot be used.
  return error instanceof errors.JWSInvalid ? 'form' : 'key';
}

/**
 * Verifies tokens of the operator's identity provider. Keys come from the configured URL alone, never from a token.
 * @param now Unix milliseconds
 */
export function createJwksVerifier(
  config: JwtConfig,
  now: () => number,
  { monotonicNow = () => performance.now(), onRefused = () => {} }: VerifierOptions = {},
): TokenVerifier {
  const keys = createKeySource({ url: config.jwksUrl, monotonicNow });
  const { clockSkewSeconds = CLOCK_SKEW_SECONDS, maxAgeSeconds = MAX_AGE_SECONDS, claims = PLAIN_CLAIMS } = config;
  const algorithms = ASYMMETRIC_ALGORITHMS.filter((name) => config.algorithms?.includes(name) ?? true);

  async function verified(token: string): Promise<JWTVerifyResult | undefined> {
    try {
      return await verifyByAny(token, keys, {
        algorithms,
        issuer: config.issuer,
        audience: config.audience,
        requiredClaims: ['exp'],
        clockTolerance: clockSkewSeconds,
        currentDate: new Date(now()),
        ...(maxAgeSeconds === 0 ? {} : { maxTokenAge: maxAgeSeconds }),
      });
    } catch (error) {
      if (error instanceof TenantryError) throw error;
      return refused(refusalBy(error));
    }
  }
  function refused(reason: TokenRefusal): undefined {
    onRefused(reason);
    return undefined;
  }

  return {
    async verify(token) {
      if (token.length > MAX_TOKEN_LENGTH) return refused('length');
      const { payload, protectedHeader } = (await verified(token)) ?? {};
      if (payload === undefined || protectedHeader === undefined) return undefined;
      // jose knows the extension b64, which has no place in a token for people; RFC 7515 4.1.11 lets us know none.
      if (protectedHeader.crit !== undefined) return refused('header');
      if (!TOKEN_TYPES.includes(protectedHeader.typ?.toLowerCase())) return refused('header');
      return grantOf(payload, claims);
    },
  };
}
