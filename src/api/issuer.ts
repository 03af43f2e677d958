import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt, exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { isStaffRole, isTenantRole, type Role } from '../domain/roles.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import { EndedSessions, writePrivately } from './issuer-sessions.ts';
import { type Grant, grantOf, PLAIN_CLAIMS } from './jwt-claims.ts';
import type { TokenVerifier } from './tokens.ts';

const ALGORITHM = 'ES256';
const AUDIENCE = 'tenantry';
/** Several servers may share the key pair, and each has a clock. */
const CLOCK_TOLERANCE_SECONDS = 30;
const KEY_FILE = 'dev-issuer-key.json';
/** How long a sign-in link can be used. */
export const CODE_LIFE_MS = 15 * MINUTE_MS;
export const DEV_ISSUER = 'urn:tenantry:dev-issuer';
export const SESSION_LIFE_MS = 12 * HOUR_MS;

const privateKeySchema = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
});
type PrivateKey = z.infer<typeof privateKeySchema>;

export interface DevIssuerOptions {
  /** Where the key pair and the list of ended sessions live; made if absent (mode 0700). */
  readonly folder: string;
  readonly production: boolean;
  /** Address of the API as browsers see it, without a slash at its end. Asked late: a port of 0 is known once it listens. */
  readonly baseUrl: () => string;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/**
 * A token issuer for development: anybody who holds a sign-in link is the role that the link names.
 * States of a sign-in code: made -> redeemed (once) or forgotten after 15 minutes; codes do not survive a restart.
 */
export interface DevIssuer extends TokenVerifier {
  /**
   * A link that signs one browser in, once, within 15 minutes. Tenant roles need the tenant; staff roles have none.
   * `subject`: who that is then; absent: whoever.
   */
  createSignInLink(role: Role, tenantId?: TenantId, subject?: string): string;
  /** The session token that the code stands for; undefined if it is unknown, used or too old. */
  redeem(code: string): Promise<string | undefined>;
  /** A signed token as an identity provider would issue it; for scripts and tests. */
  issueToken(role: Role, tenantId?: TenantId, lifeMs?: number, subject?: string): Promise<string>;
  /** Whether browsers reach the API by https, so that the cookie may be limited to it. */
  isBehindHttps(): boolean;
  /** Ends the session of a token that was verified before; also over a restart. */
  revoke(token: string): Promise<void>;
  /** Ends every session and sign-in link that somebody has in a tenant; also over a restart. */
  endSessionsOf(tenantId: TenantId, subject: string): Promise<void>;
}

async function readKey(folder: string): Promise<PrivateKey | undefined> {
  const file = join(folder, KEY_FILE);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return undefined;
  const readableByOthers = (found.mode & 0o077) !== 0;
  if (readableByOthers) {
    throw new TenantryError('CONFIG_INVALID', `${KEY_FILE} can be read by other users of this machine`, {
      hint: 'Delete the file: a new key pair is made and everybody signs in again.',
    });
  }
  const parsed = privateKeySchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new TenantryError('CONFIG_INVALID', `${KEY_FILE} does not hold a P-256 key pair`, {
    hint: 'Delete the file: a new key pair is made and everybody signs in again.',
  });
}

/** The key pair of the folder; the first of several processes that start at once makes it, the others read it. */
async function loadKey(folder: string): Promise<PrivateKey> {
  const existing = await readKey(folder);
  if (existing !== undefined) return existing;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const made = privateKeySchema.parse(await exportJWK(privateKey));
  try {
    await writePrivately(folder, KEY_FILE, JSON.stringify(made), link);
    return made;
  } catch (error) {
    const theirs = await readKey(folder);
    if (theirs === undefined) throw error;
    return theirs;
  }
}

function checkRole(role: Role, tenantId: TenantId | undefined): void {
  if (isStaffRole(role) && tenantId !== undefined) {
    throw new TenantryError('BAD_REQUEST', `The staff role ${role} belongs to no tenant.`, {
      hint: 'Leave the tenant out, or use one of tenant_admin, member, viewer.',
    });
  }
  if (isTenantRole(role) && tenantId === undefined) {
    throw new TenantryError('BAD_REQUEST', `The role ${role} needs a tenant.`, { hint: 'Name the tenant.' });
  }
}

/** @throws TenantryError CONFIG_INVALID in production, or when the key file is damaged or readable by others */
export async function createDevIssuer(options: DevIssuerOptions): Promise<DevIssuer> {
  if (options.production) {
    throw new TenantryError('CONFIG_INVALID', 'The embedded token issuer is for development only.', {
      hint: 'Set TENANTRY_JWKS_URL, TENANTRY_JWT_ISSUER and TENANTRY_JWT_AUDIENCE, and TENANTRY_DEV_ISSUER=false.',
    });
  }
  const { folder, baseUrl, now = Date.now } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const privateJwk = await loadKey(folder);
  const { d: _secret, ...publicJwk } = privateJwk;
  const privateKey = await importJWK(privateJwk, ALGORITHM);
  const publicKey = await importJWK(publicJwk, ALGORITHM);
  const ended = await EndedSessions.load(folder, {
    sessionLifeMs: SESSION_LIFE_MS,
    toleranceSeconds: CLOCK_TOLERANCE_SECONDS,
  });
  const codes = new Map<string, { role: Role; tenantId?: TenantId; subject?: string; expiresAt: number }>();
  const fingerprint = (code: string) => createHash('sha256').update(code).digest('hex');

  async function issueToken(
    role: Role,
    tenantId?: TenantId,
    lifeMs = SESSION_LIFE_MS,
    subject = tenantId === undefined ? `dev:${role}` : `dev:${role}@${tenantId}`,
  ): Promise<string> {
    checkRole(role, tenantId);
    // To the millisecond, as RFC 7519 allows: who signs in again in the second in which sessions were ended is in.
    const issuedAt = now() / SECOND_MS;
    return new SignJWT({ role, ...(tenantId === undefined ? {} : { tenant_id: tenantId }) })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .setIssuer(DEV_ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(subject)
      .setJti(randomUUID())
      .setIssuedAt(issuedAt)
      .setExpirationTime(Math.floor(issuedAt) + Math.floor(lifeMs / SECOND_MS))
      .sign(privateKey);
  }

  return {
    issueToken,
    createSignInLink(role, tenantId, subject) {
      checkRole(role, tenantId);
      for (const [key, { expiresAt }] of codes) if (expiresAt <= now()) codes.delete(key);
      const code = randomBytes(32).toString('base64url');
      codes.set(fingerprint(code), {
        role,
        ...(tenantId === undefined ? {} : { tenantId }),
        ...(subject === undefined ? {} : { subject }),
        expiresAt: now() + CODE_LIFE_MS,
      });
      return `${baseUrl()}/signin?code=${code}`;
    },
    isBehindHttps: () => baseUrl().startsWith('https:'),
    async redeem(code) {
      const key = fingerprint(code);
      const grant = codes.get(key);
      codes.delete(key);
      if (grant === undefined || grant.expiresAt <= now()) return undefined;
      return issueToken(grant.role, grant.tenantId, SESSION_LIFE_MS, grant.subject);
    },
    async verify(token): Promise<Grant | undefined> {
      try {
        const { payload } = await jwtVerify(token, publicKey, {
          algorithms: [ALGORITHM],
          issuer: DEV_ISSUER,
          audience: AUDIENCE,
          requiredClaims: ['exp', 'sub', 'jti'],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: new Date(now()),
        });
        return ended.has(payload) ? undefined : grantOf(payload, PLAIN_CLAIMS);
      } catch {
        return undefined;
      }
    },
    async revoke(token) {
      const { jti, exp } = decodeJwt(token);
      if (jti === undefined || exp === undefined) return;
      await ended.endToken(jti, exp, now());
    },
    async endSessionsOf(tenantId, subject) {
      for (const [key, code] of codes) if (code.tenantId === tenantId && code.subject === subject) codes.delete(key);
      await ended.endPerson(tenantId, subject, now());
    },
  };
}
