/** Keys under which secrets are sealed before the database keeps them. The first seals, all of them open. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, SECRETS_KEY_BYTES } from '../config/config.ts';
import { TenantryError } from '../domain/errors.ts';

export interface SecretsKeys {
  readonly current: { readonly id: string; readonly key: Buffer };
  readonly all: ReadonlyMap<string, Buffer>;
  /** In the data directory, where this process may drop those that nothing needs any more; else the settings hold them. */
  readonly inFile: boolean;
}

const FILE = 'secrets-keys.json';

/**
 * The keys of TENANTRY_SECRETS_KEY, else those of the data directory, where one is made at the first start (0600).
 * @throws TenantryError CONFIG_INVALID when the file is damaged: a new key would open nothing of what is sealed
 */
export function secretsKeys(config: Config): SecretsKeys {
  if (config.TENANTRY_SECRETS_KEY.length > 0) return keyRing(config.TENANTRY_SECRETS_KEY, false);
  const kept = readKept(config.TENANTRY_DATA_DIR);
  if (kept.length > 0) return keyRing(kept, true);
  const made = [newKey()];
  keep(config.TENANTRY_DATA_DIR, made);
  return keyRing(made, true);
}

/** Puts a new key in front of those of the data directory. @throws TenantryError CONFLICT when the settings hold the keys */
export function addSecretsKey(config: Config): { readonly id: string } {
  if (config.TENANTRY_SECRETS_KEY.length > 0) {
    throw new TenantryError('CONFLICT', 'The keys are set by TENANTRY_SECRETS_KEY.', {
      hint: 'Put a new one in front of it (`openssl rand -base64 32`), restart every server, then take the old one out.',
    });
  }
  const keys = [newKey(), ...readKept(config.TENANTRY_DATA_DIR)];
  keep(config.TENANTRY_DATA_DIR, keys);
  return { id: keyRing(keys, true).current.id };
}

/** Forgets all keys of the data directory but the current one: nothing is sealed under the others any more. */
export function dropOldSecretsKeys(config: Config, { inFile, current, all }: SecretsKeys): void {
  if (!inFile || all.size === 1) return;
  const text = current.key.toString('base64');
  // Another key may have been put in front meanwhile; that one stays too.
  const kept = readKept(config.TENANTRY_DATA_DIR);
  const last = kept.indexOf(text);
  if (last >= 0 && last < kept.length - 1) keep(config.TENANTRY_DATA_DIR, kept.slice(0, last + 1));
}

function newKey(): string {
  return randomBytes(SECRETS_KEY_BYTES).toString('base64');
}

function keyRing(texts: readonly string[], inFile: boolean): SecretsKeys {
  const keys = texts.map((text) => {
    const key = Buffer.from(text, 'base64');
    return { id: createHash('sha256').update('key id ').update(key).digest('hex').slice(0, 16), key };
  });
  const [current] = keys;
  if (current === undefined) throw new TenantryError('INTERNAL', 'There is no key to seal secrets with');
  return { current, all: new Map(keys.map(({ id, key }) => [id, key])), inFile };
}

function readKept(dataDir: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(join(dataDir, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const damaged = (cause?: unknown) =>
    new TenantryError('CONFIG_INVALID', `${FILE} in the data directory is damaged.`, {
      hint: 'Put it back from a backup. Without it the targets of alert routes cannot be read: delete it, and set the routes up anew.',
      cause,
    });
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown }).keys;
  } catch (cause) {
    throw damaged(cause);
  }
  const isKey = (key: unknown) => typeof key === 'string' && Buffer.from(key, 'base64').length === SECRETS_KEY_BYTES;
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isKey)) throw damaged();
  return keys as readonly string[];
}

/** Whole or not at all: a half-written file would lose every secret. */
function keep(dataDir: string, keys: readonly string[]): void {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify({ keys })}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
