import { context } from '@opentelemetry/api';
import type { JWK, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import { warnedPeer } from './optional-peer.ts';
import { withoutTracing } from './server-span.ts';
import type { Found, TenantSource } from './tenant-source.ts';

/** A JSON Web Key, public or symmetric. */
export interface JwtKey {
  readonly kty: string;
  readonly [member: string]: unknown;
}

/** Options of `fromJwt`. */
export interface JwtSourceOptions {
  /** Where the identity provider publishes its keys. Either this or `key`. */
  readonly jwksUrl?: string;
  /** Bytes of a shared secret (HS256), or a JSON Web Key. Either this or `jwksUrl`. */
  readonly key?: Uint8Array | JwtKey;
  /** `iss` must be this or one of these. */
  readonly issuer: string | readonly string[];
  /** `aud` must be, or hold, this or one of these. */
  readonly audience: string | readonly string[];
  /** The claim that names the tenant. Default: `tenant_id`. */
  readonly claim?: string;
  /** The claim that names the tenant's plan. Default: none. */
  readonly planClaim?: string;
  /** The claim that names the user. Default: `sub`; false: none. */
  readonly userClaim?: string | false;
  /** How far the clocks of issuer and app may be apart, in seconds. Default 5. */
  readonly clockToleranceSeconds?: number;
  /** Signature algorithms that are accepted. Default: HS256 for a secret, else the asymmetric ones in common use. */
  readonly algorithms?: readonly string[];
}

const DEFAULT_CLAIM = 'tenant_id';
// A token says itself how it is signed; believing it is the classic hole (RFC 8725, 3.1), so the list is fixed here.
const SYMMETRIC = ['HS256'];
const ASYMMETRIC = ['RS256', 'PS256', 'ES256', 'EdDSA'];
/** RFC 8725 names no bound; ID tokens of the big providers stay below 4 KB. */
const MAX_TOKEN_LENGTH = 8_192;
const CLOCK_TOLERANCE_SECONDS = 5;
const JWKS_TIMEOUT_MS = 2_000;

type Claims = Readonly<Record<string, unknown>>;
type Verify = (token: string) => Promise<Claims>;

/** What lies with the key server, not with the token. */
class KeysUnavailable extends Error {}

const list = (value: string | readonly string[]) => (typeof value === 'string' ? value : [...value]);

async function makeVerify(options: JwtSourceOptions): Promise<Verify> {
  // jose is an optional peer: only apps that identify tenants by token need it.
  const jose = await warnedPeer('fromJwt', ['jose'], () => import('jose'));
  const { jwksUrl, key } = options;
  const symmetric = key instanceof Uint8Array || key?.kty === 'oct';
  const rules: JWTVerifyOptions = {
    algorithms: [...(options.algorithms ?? (symmetric ? SYMMETRIC : ASYMMETRIC))],
    issuer: list(options.issuer),
    audience: list(options.audience),
    requiredClaims: ['exp', options.claim ?? DEFAULT_CLAIM],
    clockTolerance: options.clockToleranceSeconds ?? CLOCK_TOLERANCE_SECONDS,
  };
  if (jwksUrl !== undefined) {
    const remote = jose.createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS });
    const keys: JWTVerifyGetKey = (header, token) =>
      remote(header, token).catch((error: unknown) => {
        throw isTokensFault(error) ? error : new KeysUnavailable('The keys could not be fetched', { cause: error });
      });
    return async (token) => (await jose.jwtVerify(token, keys, rules)).payload;
  }
  return async (token) => (await jose.jwtVerify(token, key as Uint8Array | JWK, rules)).payload;
}

function bearerToken(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? /^Bearer +(\S+)$/i.exec(header)?.[1] : undefined;
}

// jose's codes for what lies with the key server. Anything that is no error of jose (a failed fetch) is not the
// token's fault either.
const KEY_SERVER_FAULTS: ReadonlySet<unknown> = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT']);

function isTokensFault(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^ERR_J(OSE|W[STK])/.test(code) && !KEY_SERVER_FAULTS.has(code);
}

// Numeric ids are common in claims; null, booleans and objects would turn into words that look like ids.
function idIn(claim: unknown): string | undefined {
  if (typeof claim === 'number') return String(claim);
  return typeof claim === 'string' ? claim : undefined;
}

function toFound(claims: Claims, options: JwtSourceOptions): Found {
  const { claim = DEFAULT_CLAIM, planClaim, userClaim = 'sub' } = options;
  const tenantId = idIn(claims[claim]) ?? '';
  const plan = planClaim === undefined ? undefined : claims[planClaim];
  const userId = userClaim === false ? undefined : idIn(claims[userClaim]);
  return {
    tenantId,
    ...(typeof plan === 'string' ? { plan } : {}),
    ...(userId === undefined ? {} : { userId }),
  };
}

/**
 * The tenant from a claim of the request's bearer token. The token is verified (signature, issuer, audience, expiry);
 * one that does not verify yields no tenant and is counted as `jwt_rejected`; keys that cannot be fetched are a failure
 * of the source, not of the token. Needs the package `jose`.
 * @throws RangeError unless exactly one of `jwksUrl` and `key` is given
 */
export function fromJwt(options: JwtSourceOptions): TenantSource {
  if ((options.jwksUrl === undefined) === (options.key === undefined)) {
    throw new RangeError('fromJwt needs either jwksUrl or key');
  }
  let verify: Promise<Verify> | undefined;
  return {
    name: 'jwt',
    find(request, count): Found | Promise<Found> {
      const token = bearerToken(request.headers['authorization']);
      if (token === undefined) return undefined;
      if (token.length > MAX_TOKEN_LENGTH) {
        count('jwt_rejected');
        return undefined;
      }
      verify ??= makeVerify(options);
      const verifying = verify;
      return context.with(withoutTracing(context.active()), async () => {
        // Outside the try: a missing package is the app's fault. All that a token brings about is its own fault, jose's
        // TypeError for an algorithm that does not fit the key too: whoever sends it must not look like a failed source.
        const check = await verifying;
        try {
          return toFound(await check(token), options);
        } catch (error) {
          if (error instanceof KeysUnavailable) throw error;
          count('jwt_rejected');
          return undefined;
        }
      });
    },
  };
}
