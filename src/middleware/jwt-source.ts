import { context } from '@opentelemetry/api';
import type { JWK, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import { withoutTracing } from './server-span.ts';
import type { Found, TenantSource } from './tenant-source.ts';

/** A JSON Web Key, public or symmetric. */
export interface JwtKey {
  readonly kty: string;
  readonly [member: string]: unknown;
}

export interface JwtSourceOptions {
  /** Where the identity provider publishes its keys. Either this or `key`. */
  readonly jwksUrl?: string;
  /** Bytes of a shared secret (HS256), or a JSON Web Key. Either this or `jwksUrl`. */
  readonly key?: Uint8Array | JwtKey;
  readonly issuer: string;
  readonly audience: string;
  /** The claim that names the tenant. Default: `tenant_id`. */
  readonly claim?: string;
  /** The claim that names the tenant's plan. Default: none. */
  readonly planClaim?: string;
  /** Signature algorithms that are accepted. Default: HS256 for a secret, else the asymmetric ones in common use. */
  readonly algorithms?: readonly string[];
}

// A token says itself how it is signed; believing it is the classic hole (RFC 8725, 3.1), so the list is fixed here.
const SYMMETRIC = ['HS256'];
const ASYMMETRIC = ['RS256', 'PS256', 'ES256', 'EdDSA'];
/** RFC 8725 names no bound; ID tokens of the big providers stay below 4 KB. */
const MAX_TOKEN_LENGTH = 8_192;
const CLOCK_TOLERANCE_SECONDS = 5;

type Verify = (token: string) => Promise<Readonly<Record<string, unknown>>>;

async function makeVerify(options: JwtSourceOptions): Promise<Verify> {
  // jose is an optional peer: only apps that identify tenants by token need it.
  const jose = await import('jose');
  const { jwksUrl, key } = options;
  const symmetric = key instanceof Uint8Array || key?.kty === 'oct';
  const rules: JWTVerifyOptions = {
    algorithms: [...(options.algorithms ?? (symmetric ? SYMMETRIC : ASYMMETRIC))],
    issuer: options.issuer,
    audience: options.audience,
    requiredClaims: ['exp', options.claim ?? 'tenant_id'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
  };
  if (jwksUrl !== undefined) {
    const keys: JWTVerifyGetKey = jose.createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 2_000 });
    return async (token) => (await jose.jwtVerify(token, keys, rules)).payload;
  }
  return async (token) => (await jose.jwtVerify(token, key as Uint8Array | JWK, rules)).payload;
}

function bearerToken(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? /^Bearer +(\S+)$/i.exec(header)?.[1] : undefined;
}

// jose's codes for what lies with the key server, not with the token. Anything that is no error of jose (a failed
// fetch, a missing package) is not the token's fault either.
const KEY_SERVER_FAULTS: ReadonlySet<unknown> = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT']);

function isTokensFault(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^ERR_J(OSE|W[STK])/.test(code) && !KEY_SERVER_FAULTS.has(code);
}

function toFound(tenantId: unknown, plan: unknown): Found {
  // Numeric ids are common in claims; null, booleans and objects would turn into words that look like ids.
  const id = typeof tenantId === 'number' ? String(tenantId) : tenantId;
  if (typeof id !== 'string') return '';
  return typeof plan === 'string' ? { tenantId: id, plan } : id;
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
  const claim = options.claim ?? 'tenant_id';
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
        try {
          const payload = await (await verifying)(token);
          return toFound(payload[claim], options.planClaim === undefined ? undefined : payload[options.planClaim]);
        } catch (error) {
          if (!isTokensFault(error)) throw error;
          count('jwt_rejected');
          return undefined;
        }
      });
    },
  };
}
