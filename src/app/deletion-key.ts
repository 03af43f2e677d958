/**
 * The key of this installation, which signs certificates of deletion and makes the pseudonyms of deleted tenants. Not one
 * of the keys that secrets are sealed with: those are changed from time to time, and a certificate must be proven, and a
 * deleted tenant known again, for years.
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, SECRETS_KEY_BYTES } from '../config/config.ts';
import { TenantryError } from '../domain/errors.ts';

export interface InstallationKey {
  /** Fingerprint of the public key. */
  readonly id: string;
  /** SPKI, base64. */
  readonly publicKey: string;
  /** `deleted-<32 hex digits>`: an id that no tenant has, the same for the same tenant every time. */
  pseudonym(tenantId: string): string;
  /** Ed25519 over the text, base64. */
  sign(text: string): string;
}

const FILE = 'installation-key.json';
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * The key of TENANTRY_INSTALLATION_KEY, else that of the data directory, where it is made at first use (0600).
 * @throws TenantryError CONFIG_INVALID when the file is damaged: another key would know none of the deleted tenants
 */
export function installationKey(config: Config): InstallationKey {
  const given = config.TENANTRY_INSTALLATION_KEY;
  if (given !== undefined) return keyOf(Buffer.from(given, 'base64'));
  return keyOf(readKept(config.TENANTRY_DATA_DIR) ?? make(config.TENANTRY_DATA_DIR));
}

/** @param seed 32 random bytes */
export function keyOf(seed: Buffer): InstallationKey {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  const hashKey = Buffer.from(hkdfSync('sha256', seed, '', 'tenantry pseudonyms of deleted tenants', 32));
  return {
    id: createHash('sha256').update(spki).digest('hex').slice(0, 16),
    publicKey: spki.toString('base64'),
    pseudonym: (tenantId) => `deleted-${createHmac('sha256', hashKey).update(tenantId).digest('hex').slice(0, 32)}`,
    sign: (text) => sign(null, Buffer.from(text), secret).toString('base64'),
  };
}

/** Whether the signature (base64) over the text is that of the public key (SPKI, base64). */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

function readKept(dataDir: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataDir, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const seed = seedIn(text);
  if (seed === undefined) {
    throw new TenantryError('CONFIG_INVALID', `${FILE} in the data directory is damaged.`, {
      hint: 'Put it back from a backup: certificates of deletion are signed with it, and deleted tenants known by it.',
    });
  }
  return seed;
}

function seedIn(text: string): Buffer | undefined {
  try {
    const { key } = JSON.parse(text) as { key?: unknown };
    const seed = typeof key === 'string' ? Buffer.from(key, 'base64') : Buffer.alloc(0);
    return seed.length === SECRETS_KEY_BYTES ? seed : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: half a key would be another one. */
function make(dataDir: string): Buffer {
  const seed = randomBytes(SECRETS_KEY_BYTES);
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify({ key: seed.toString('base64') })}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  return seed;
}
