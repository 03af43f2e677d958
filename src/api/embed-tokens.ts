/**
 * Tokens for frames: HS256 under a key of their own, which no other token here is signed with. What they say is checked
 * twice, by the signature and by the ledger of those that were given out, so that one can be taken back.
 */
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { type EmbedToken, type EmbedView, isEmbedView } from '../domain/embed.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { EmbedKeys, EmbedLedger } from './embed-ports.ts';
import type { Grant } from './jwt-claims.ts';
import { UUID } from './parameters.ts';

export const EMBED_AUDIENCE = 'tenantry-embed';
const ISSUER = 'urn:tenantry:embed';
const ALGORITHM = 'HS256';
const TYPE = 'tenantry-embed+jwt';

interface EmbedGrant extends Grant {
  readonly views: readonly EmbedView[];
}

export interface EmbedTokens {
  sign(token: EmbedToken): Promise<string>;
  /** undefined: not a token to believe. @throws TenantryError STORE_UNAVAILABLE when the ledger cannot be asked */
  verify(token: string): Promise<EmbedGrant | undefined>;
}

/** Only chooses which verifier to ask: the type is signed, and the verifier checks it. */
export function isEmbedToken(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === TYPE;
  } catch {
    return false;
  }
}

/** `now`: Unix ms. */
export function createEmbedTokens(
  keys: EmbedKeys,
  ledger: Pick<EmbedLedger, 'isGood'>,
  now: () => number,
): EmbedTokens {
  const keyOf = ({ kid = '' }: { kid?: string }): Uint8Array => {
    const secret = keys.find(kid);
    if (secret === undefined) throw new Error('signed with a key that is not here');
    return secret;
  };

  async function claimsOf(token: string) {
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer: ISSUER,
        audience: EMBED_AUDIENCE,
        requiredClaims: ['exp', 'sub', 'jti', 'tenant_id', 'views'],
        // We alone write and read them: without a second clock there is nothing to forgive.
        clockTolerance: 0,
        currentDate: new Date(now()),
      });
      return payload;
    } catch {
      return undefined;
    }
  }

  return {
    sign({ tokenId, tenantId, user, views, createdAt, expiresAt }) {
      return new SignJWT({ tenant_id: tenantId, views: [...views] })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: keys.current.id })
        .setIssuer(ISSUER)
        .setAudience(EMBED_AUDIENCE)
        .setSubject(user === null ? 'embed' : `embed:${user}`)
        .setJti(tokenId)
        .setIssuedAt(Math.floor(createdAt / SECOND_MS))
        .setExpirationTime(Math.floor(expiresAt / SECOND_MS))
        .sign(keys.current.secret);
    },
    async verify(token) {
      const { sub = '', exp = 0, jti = '', tenant_id: tenant, views } = (await claimsOf(token)) ?? {};
      const tenantId = parseTenantId(tenant);
      if (tenantId === undefined || !UUID.test(jti) || !Array.isArray(views)) return undefined;
      if (!(await ledger.isGood(tenantId, jti))) return undefined;
      return {
        actor: { kind: 'tenant', subject: sub, role: 'viewer', tenantId },
        expiresAt: exp * SECOND_MS,
        views: views.filter(isEmbedView),
      };
    },
  };
}
