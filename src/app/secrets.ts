import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { TenantryError } from '../domain/errors.ts';

export interface BootstrapSecrets {
  readonly adminToken: string;
  readonly ingestKey: string;
  /** Names of those that were made just now, to be printed this once. */
  readonly generated: readonly ('TENANTRY_ADMIN_TOKEN' | 'TENANTRY_INGEST_KEY')[];
}

const FILE = 'secrets.json';
/** 256 random bits: nothing to guess, so a plain hash of it may be compared and stored. */
const BYTES = 32;

/**
 * The admin token and the first ingest key: from the environment, else from the data directory, where they are made at
 * the first start (0600) and stay, so that apps keep working over restarts.
 */
export function bootstrapSecrets(config: Config): BootstrapSecrets {
  const stored = readStored(config.TENANTRY_DATA_DIR);
  const generated: BootstrapSecrets['generated'][number][] = [];
  const pick = (
    given: string | undefined,
    kept: string | undefined,
    name: 'TENANTRY_ADMIN_TOKEN' | 'TENANTRY_INGEST_KEY',
    prefix: string,
  ) => {
    if (given !== undefined) return given;
    if (kept !== undefined) return kept;
    generated.push(name);
    return prefix + randomBytes(BYTES).toString('base64url');
  };
  const adminToken = pick(config.TENANTRY_ADMIN_TOKEN, stored.adminToken, 'TENANTRY_ADMIN_TOKEN', 'ta_');
  const ingestKey = pick(config.TENANTRY_INGEST_KEY, stored.ingestKey, 'TENANTRY_INGEST_KEY', 'tk_');
  if (generated.length > 0) {
    mkdirSync(config.TENANTRY_DATA_DIR, { recursive: true });
    const kept = {
      ...(config.TENANTRY_ADMIN_TOKEN === undefined ? { adminToken } : {}),
      ...(config.TENANTRY_INGEST_KEY === undefined ? { ingestKey } : {}),
    };
    writeFileSync(join(config.TENANTRY_DATA_DIR, FILE), `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  }
  return { adminToken, ingestKey, generated };
}

/** The admin token if it is known here: from the environment, else as an earlier start left it in the data directory. */
export function knownAdminToken(config: Config): string | undefined {
  return config.TENANTRY_ADMIN_TOKEN ?? readStored(config.TENANTRY_DATA_DIR).adminToken;
}

function readStored(dataDir: string): { adminToken?: string; ingestKey?: string } {
  let text: string;
  try {
    text = readFileSync(join(dataDir, FILE), 'utf8');
  } catch {
    return {};
  }
  try {
    return JSON.parse(text) as { adminToken?: string; ingestKey?: string };
  } catch (cause) {
    throw new TenantryError('CONFIG_INVALID', `${FILE} in the data directory is damaged.`, {
      hint: 'Delete the file: new secrets are made, and apps need the new ingest key.',
      cause,
    });
  }
}
