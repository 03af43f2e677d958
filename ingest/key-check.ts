import { createHash, timingSafeEqual } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { KEY_HEADER } from '../src/domain/attributes.ts';
import { TenantryError, toError } from '../src/domain/errors.ts';
import type { KeyScope } from '../src/domain/roles.ts';
import { KEY_SNAPSHOT_FILE, type KeySnapshotEntry, type KeyUse } from '../src/domain/spool-format.ts';
import { parseKeySnapshot } from './key-snapshot.ts';

/** Whose request it is: what goes into the record's trailer. */
export interface KeyHolder {
  readonly keyId: string;
  /** The one tenant that the key may speak for; undefined = every tenant. */
  readonly tenantId: string | undefined;
  /** The one service that the key belongs to; undefined = any. It overrules `service.name`. */
  readonly service?: string | undefined;
}

export interface KeyCheckOptions {
  /** Folder of the snapshot file; must exist. */
  readonly folder: string;
  readonly bootstrapKey: string | undefined;
  readonly log: Logger;
  readonly now?: () => number;
  readonly pollMs?: number;
}

const BOOTSTRAP_HOLDER: KeyHolder = { keyId: 'bootstrap', tenantId: undefined };
const INGEST_SCOPE: KeyScope = 'ingest';
const POLL_MS = 2_000;
const BEARER_PATTERN = /^bearer +(\S+) *$/i;

/**
 * Which key may send telemetry: the bootstrap key of the configuration, and the keys of the snapshot file that the
 * server writes. Ingest asks no database, so it goes on taking telemetry with the last good snapshot while the server
 * is down.
 */
export class KeyCheck {
  readonly #options: KeyCheckOptions;
  readonly #path: string;
  readonly #now: () => number;
  readonly #bootstrapHash: Buffer | undefined;
  #keys: ReadonlyMap<string, KeySnapshotEntry> | undefined;
  #revision: number | undefined;
  /** When the secret before a key's last rotation was last shown, by key; Unix ms. */
  readonly #previousUses = new Map<string, number>();
  /** Identity of the file that was read last, good or bad. */
  #seen = '';
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  private constructor(options: KeyCheckOptions) {
    this.#options = options;
    this.#path = join(options.folder, KEY_SNAPSHOT_FILE);
    this.#now = options.now ?? Date.now;
    this.#bootstrapHash = options.bootstrapKey === undefined ? undefined : sha256(options.bootstrapKey);
  }

  /** Reads the snapshot if there is one, then follows its changes until `stop`. */
  static async start(options: KeyCheckOptions): Promise<KeyCheck> {
    const check = new KeyCheck(options);
    await check.refresh();
    check.#follow();
    return check;
  }

  /** Revision of the snapshot in use; undefined = none has been seen. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /**
   * @throws TenantryError UNAUTHENTICATED, the same for every cause, so that keys cannot be told apart by probing;
   *   STORE_UNAVAILABLE when the key may be good but no list of keys has arrived yet
   */
  verify(headers: IncomingHttpHeaders): KeyHolder {
    const key = presentedKey(headers);
    if (key === undefined) throw unauthenticated();
    const hash = sha256(key);
    if (this.#bootstrapHash !== undefined && timingSafeEqual(hash, this.#bootstrapHash)) return BOOTSTRAP_HOLDER;
    if (this.#keys === undefined) {
      throw new TenantryError('STORE_UNAVAILABLE', 'the list of keys has not arrived yet', {
        hint: 'Send again after the time in Retry-After; if it stays, start the Tenantry server.',
      });
    }
    const entry = this.#keys.get(hash.toString('hex'));
    if (entry === undefined || !entry.scopes.includes(INGEST_SCOPE)) throw unauthenticated();
    if (entry.expiresAt !== undefined && entry.expiresAt <= this.#now()) throw unauthenticated();
    if (entry.closed) throw tenantClosed();
    if (entry.previous) this.#previousUses.set(entry.id, this.#now());
    return { keyId: entry.id, tenantId: entry.tenantId, service: entry.service };
  }

  /** `uses` with the times at which secrets from before a rotation were last shown, so that people see what is left to move. */
  withPreviousUses(uses: readonly KeyUse[]): KeyUse[] {
    return uses.map((use) => {
      const previousAt = this.#previousUses.get(use.keyId);
      return previousAt === undefined ? use : { ...use, previousAt };
    });
  }

  /** Reads the file if it has changed. Never rejects; one read at a time, in order. */
  refresh(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  async stop(): Promise<void> {
    this.#watcher?.close();
    clearInterval(this.#poll);
    await this.#reading;
  }

  #follow(): void {
    this.#poll = setInterval(() => void this.refresh(), this.#options.pollMs ?? POLL_MS);
    this.#poll.unref();
    try {
      // The folder, not the file: the server replaces the file by rename, and a watched file would be the old one.
      this.#watcher = watch(this.#options.folder, { persistent: false }, (_event, name) => {
        if (name === KEY_SNAPSHOT_FILE) void this.refresh();
      });
      this.#watcher.on('error', (error) => this.#options.log.warn({ err: error }, 'watching the key file failed'));
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the key file cannot be watched; it is looked at every 2 s');
    }
  }

  async #read(): Promise<void> {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(this.#path);
      const identity = `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
      if (identity === this.#seen) return;
      const text = await readFile(this.#path, 'utf8');
      this.#seen = identity;
      const snapshot = parseKeySnapshot(text);
      this.#keys = new Map(snapshot.keys.map((entry) => [entry.sha256, entry]));
      this.#revision = snapshot.revision;
      this.#options.log.info({ revision: snapshot.revision, keys: snapshot.keys.length }, 'keys read');
    } catch (thrown) {
      const error = toError(thrown) as NodeJS.ErrnoException;
      if (error.code === 'ENOENT') return;
      this.#options.log.error(
        { reason: error.message },
        'the key file cannot be used; the last good one stays in force',
      );
    }
  }
}

function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const bearer = BEARER_PATTERN.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const own = headers[KEY_HEADER];
  const key = typeof own === 'string' ? own.trim() : '';
  return key === '' ? undefined : key;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Only who shows a key that works learns it: the reason is no secret to the tenant whose it is. */
function tenantClosed(): TenantryError {
  return new TenantryError('TENANT_CLOSED', 'the tenant of this key is closed, and its telemetry is not taken', {
    hint: 'Ask the operator of this Tenantry; sending again will not help.',
  });
}

function unauthenticated(): TenantryError {
  return new TenantryError('UNAUTHENTICATED', 'no valid ingest key', {
    hint: `Send the key as "authorization: Bearer <key>" or "${KEY_HEADER}: <key>".`,
  });
}
