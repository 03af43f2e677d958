import { createHash, timingSafeEqual } from 'node:crypto';
import '@fastify/cookie';
import type { FastifyRequest } from 'fastify';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Actor } from '../domain/actor.ts';
import { KEY_HEADER } from '../domain/attributes.ts';
import type { EmbedView } from '../domain/embed.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { type EmbedTokens, isEmbedToken } from './embed-tokens.ts';
import { DEV_ISSUER, type DevIssuer } from './issuer.ts';
import type { Keys } from './ports.ts';
import {
  createJwksVerifier,
  type JwtConfig,
  MAX_TOKEN_LENGTH,
  type TokenRefusal,
  type TokenVerifier,
} from './tokens.ts';

export const SESSION_COOKIE = 'tenantry_session';
/** OFREP clients send their key under this name. */
const OFREP_KEY_HEADER = 'x-api-key';

export interface ApiAuth {
  /** Bearer token with role admin. */
  readonly adminToken: string;
  /** The operator's identity provider. */
  readonly jwt?: JwtConfig | undefined;
  /** Sign-in links; absent in production. */
  readonly issuer?: DevIssuer | undefined;
  /** Tokens for frames; absent: none are signed and none are believed. */
  readonly embed?: EmbedTokens | undefined;
  /** Signs paging cursors; give several servers the same one. Absent: random, so cursors end with the process. */
  readonly cursorSecret?: Uint8Array | undefined;
}

export interface Caller {
  readonly actor: Exclude<Actor, { kind: 'system' }>;
  /** How the caller showed who they are. Only `session` travels by itself with a forged browser request. */
  readonly via: 'admin-token' | 'token' | 'key' | 'session' | 'embed';
  /** With `embed` alone: the parts of the usage page that the token opens, and nothing else does it open. */
  readonly views?: readonly EmbedView[];
  /** Every tenant that the caller's token lists, where it does; the actor's is the active one. */
  readonly tenants?: readonly TenantId[];
  /** Unix milliseconds; null: the credentials do not expire by themselves. */
  readonly expiresAt: number | null;
}

export interface Authenticator {
  /**
   * Who sends this request; undefined when nobody can be believed, for whatever reason.
   * @throws TenantryError STORE_UNAVAILABLE when credentials cannot be checked right now, UNAUTHENTICATED when a genuine
   * token does not say who its holder is here
   */
  identify(request: FastifyRequest): Promise<Caller | undefined>;
}

type Credential =
  | { readonly kind: 'bearer' | 'key' | 'session'; readonly text: string }
  | { readonly kind: 'none' | 'unusable' };

/** One credential per request: a header wins over the cookie, and a bad header is not rescued by a good cookie. */
function credentialOf(request: FastifyRequest): Credential {
  const { authorization, [KEY_HEADER]: key, [OFREP_KEY_HEADER]: ofrepKey } = request.headers;
  let found: Credential = { kind: 'none' };
  if (authorization !== undefined) {
    const token = /^Bearer +([^\s]+)$/i.exec(authorization)?.[1];
    found = token === undefined ? { kind: 'unusable' } : { kind: 'bearer', text: token };
  } else if (typeof key === 'string') {
    found = { kind: 'key', text: key };
  } else if (typeof ofrepKey === 'string') {
    found = { kind: 'key', text: ofrepKey };
  } else {
    const session = request.cookies[SESSION_COOKIE];
    if (session !== undefined) found = { kind: 'session', text: session };
  }
  return 'text' in found && found.text.length > MAX_TOKEN_LENGTH ? { kind: 'unusable' } : found;
}

/** Compares in a time that depends on neither text nor length. */
function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function isJwt(token: string): boolean {
  try {
    return decodeProtectedHeader(token).alg !== undefined;
  } catch {
    return false;
  }
}

/** Only chooses which verifier to ask; the verifier checks the issuer again, signed. */
function isFromDevIssuer(token: string): boolean {
  try {
    return decodeJwt(token).iss === DEV_ISSUER;
  } catch {
    return false;
  }
}

/** `onRefused` hears of every token of the identity provider that is not believed. */
export function createAuthenticator(
  auth: ApiAuth,
  keys: Keys,
  now: () => number,
  onRefused?: (reason: TokenRefusal) => void,
): Authenticator {
  const options = onRefused === undefined ? {} : { onRefused };
  const provider = auth.jwt === undefined ? undefined : createJwksVerifier(auth.jwt, now, options);

  async function fromVerifier(verifier: TokenVerifier | undefined, token: string, via: 'token' | 'session') {
    const grant = await verifier?.verify(token);
    return grant === undefined ? undefined : { ...grant, via };
  }

  async function fromKey(text: string): Promise<Caller | undefined> {
    const key = await keys.verify(text);
    if (key === undefined) return undefined;
    const actor = { kind: 'key', subject: key.keyId, scopes: key.scopes, tenantId: key.tenantId } as const;
    return { actor, via: 'key', expiresAt: null };
  }

  async function fromEmbed(token: string): Promise<Caller | undefined> {
    const grant = await auth.embed?.verify(token);
    return grant === undefined ? undefined : { ...grant, via: 'embed' };
  }

  async function fromBearer(token: string): Promise<Caller | undefined> {
    if (sameSecret(token, auth.adminToken)) {
      const actor = { kind: 'staff', subject: 'admin-token', role: 'admin' } as const;
      return { actor, via: 'admin-token', expiresAt: null };
    }
    if (!isJwt(token)) return fromKey(token);
    if (isEmbedToken(token)) return fromEmbed(token);
    return fromVerifier(isFromDevIssuer(token) ? auth.issuer : provider, token, 'token');
  }

  return {
    async identify(request) {
      const credential = credentialOf(request);
      switch (credential.kind) {
        case 'bearer':
          return fromBearer(credential.text);
        case 'key':
          return fromKey(credential.text);
        case 'session':
          return fromVerifier(auth.issuer, credential.text, 'session');
        case 'none':
        case 'unusable':
          return undefined;
      }
    },
  };
}
