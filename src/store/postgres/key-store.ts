/**
 * Keys of apps and exporters, checked from memory: no request waits for the database. The copy follows the table within
 * moments (notifications) or seconds (polling). When the database is away, keys that are known go on working for
 * `STALE_MAX_MS`; about unknown ones the answer is "not now" and not "no", because they may be new.
 */
import type { Logger } from 'pino';
import type { StaffActor, TenantActor } from '../../domain/actor.ts';
import { TenantryError, toError } from '../../domain/errors.ts';
import type { KeyScope } from '../../domain/roles.ts';
import type { KeySnapshot, KeySnapshotEntry } from '../../domain/spool-format.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { ChangeListener } from './change-listener.ts';
import {
  endKey,
  type KeyRecord,
  listKeys,
  type MadeKey,
  makeKey,
  type NewKey,
  RECORD_COLUMNS,
  sha256,
} from './key-rows.ts';
import type { Postgres } from './postgres.ts';
import { Refresher } from './refresher.ts';
import { currentRevision } from './revisions.ts';

const KEEPER: StaffActor = { kind: 'system', subject: 'key-store' };
const STALE_MAX_MS = 300_000;
/** The copy is this old at most while the database answers (it is polled more often than that). */
const FRESH_MS = 15_000;
const USE_NOTED_EVERY_MS = 60_000;

/** A key from the configuration: works without the database and is not stored. */
interface BootstrapKey {
  readonly id: string;
  readonly key: string;
  readonly scopes: readonly KeyScope[];
}

export interface VerifiedKey {
  readonly keyId: string;
  readonly scopes: readonly KeyScope[];
  readonly tenantId: TenantId | undefined;
}

export interface KeyStoreOptions {
  readonly postgres: Postgres;
  readonly changes: ChangeListener;
  readonly bootstrapKeys: readonly BootstrapKey[];
  readonly log: Logger;
  readonly now?: () => number;
}

interface ActiveKey extends VerifiedKey {
  readonly service: string | undefined;
  readonly expiresAt: number | undefined;
  readonly isBootstrap: boolean;
}

export class KeyStore {
  readonly #postgres: Postgres;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #bootstrap: ReadonlyMap<string, ActiveKey>;
  readonly #listeners = new Set<() => void>();
  readonly #used = new Set<string>();
  readonly #refresher = new Refresher(() => this.#read());
  #active: ReadonlyMap<string, ActiveKey>;
  #revision = 0;
  #readAt: number | undefined;
  #useNotedAt = 0;

  /** Call `refresh` once before use, unless the database is away. */
  constructor(options: KeyStoreOptions) {
    this.#postgres = options.postgres;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
    this.#startedAt = this.#now();
    this.#bootstrap = new Map(options.bootstrapKeys.map(toBootstrapEntry));
    this.#active = this.#bootstrap;
    options.changes.onChange('keys', () => this.refresh());
  }

  /** Reads the table's keys into memory. */
  async refresh(): Promise<void> {
    await this.#refresher.run();
  }

  async #read(): Promise<void> {
    const readAt = this.#now();
    const { revision, rows } = await this.#postgres.inStaffTransaction(KEEPER, async (transaction) => ({
      revision: await currentRevision(transaction, 'keys'),
      rows: await transaction.query<KeyRecord & { sha256: string }>(
        `select sha256, ${RECORD_COLUMNS} from tenantry.keys where revoked_at is null`,
      ),
    }));
    const isNews = this.#readAt === undefined || revision !== this.#revision;
    this.#active = new Map([...rows.map(toEntry), ...this.#bootstrap]);
    this.#revision = revision;
    this.#readAt = readAt;
    if (isNews) this.#tellListeners();
    await this.#noteUse();
  }

  /** @returns the new key, which is shown this once and never again, and its record */
  async create(actor: StaffActor, wanted: NewKey): Promise<MadeKey> {
    return this.#make(actor, wanted);
  }

  /**
   * A key by which a tenant sends its own telemetry, made by one of its people; like `create`.
   * @throws TenantryError CONFLICT when they have made too many
   */
  async createOwn(actor: TenantActor, wanted: Omit<NewKey, 'scopes' | 'tenantId'>): Promise<MadeKey> {
    return this.#make(actor, { ...wanted, scopes: ['ingest'], tenantId: actor.tenantId });
  }

  /** Ends a key at once. False if there is none with this id, or it was revoked before. */
  async revoke(actor: StaffActor, id: string): Promise<boolean> {
    return this.#end(actor, id);
  }

  /** Like `revoke`, of those alone that the tenant's own people made. */
  async revokeOwn(actor: TenantActor, id: string): Promise<boolean> {
    return this.#end(actor, id);
  }

  /** Every key there ever was, newest first, without bootstrap keys. */
  async list(actor: StaffActor): Promise<readonly KeyRecord[]> {
    return listKeys(this.#postgres, actor);
  }

  /** Keys that speak for the tenant, newest first, whoever made them. */
  async listOwn(actor: TenantActor): Promise<readonly KeyRecord[]> {
    return listKeys(this.#postgres, actor);
  }

  async #make(actor: StaffActor | TenantActor, wanted: NewKey): Promise<MadeKey> {
    const made = await makeKey(this.#postgres, actor, wanted);
    await this.#refreshAfterWrite();
    return made;
  }

  async #end(actor: StaffActor | TenantActor, id: string): Promise<boolean> {
    const revoked = await endKey(this.#postgres, actor, id);
    await this.#refreshAfterWrite();
    return revoked;
  }

  /**
   * Who a key stands for; undefined for a wrong, revoked or expired one.
   * @throws TenantryError STORE_UNAVAILABLE when that cannot be told right now
   */
  async verify(key: string): Promise<VerifiedKey | undefined> {
    const found = this.#active.get(sha256(key));
    const age = this.#readAt === undefined ? Number.POSITIVE_INFINITY : this.#now() - this.#readAt;
    if (!found?.isBootstrap && age > (found === undefined ? FRESH_MS : STALE_MAX_MS)) {
      throw new TenantryError('STORE_UNAVAILABLE', 'Keys cannot be checked right now', {
        hint: 'Try again in a few seconds.',
      });
    }
    if (found === undefined || (found.expiresAt ?? Number.POSITIVE_INFINITY) <= this.#now()) return undefined;
    if (!found.isBootstrap) this.#used.add(found.keyId);
    return { keyId: found.keyId, scopes: found.scopes, tenantId: found.tenantId };
  }

  /** What ingest needs to check keys by itself. */
  snapshot(): KeySnapshot {
    return {
      // Bootstrap keys change with a restart only and have no revision in the table: the start time makes it grow then.
      revision: this.#startedAt + this.#revision,
      keys: [...this.#active].map(([hash, key]) => toSnapshotEntry(hash, key)),
    };
  }

  /** Calls back after every change of `snapshot()`. Returns the unsubscribe function. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The write is committed: a failing read must not look like a failed write, and the listener repeats it. */
  async #refreshAfterWrite(): Promise<void> {
    await this.refresh().catch((error: unknown) => {
      this.#log.warn({ err: toError(error) }, 'keys were changed but could not be read back; trying again');
    });
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#log.error({ err: toError(error) }, 'a listener for key changes failed');
      }
    }
  }

  async #noteUse(): Promise<void> {
    if (this.#used.size === 0 || this.#now() - this.#useNotedAt < USE_NOTED_EVERY_MS) return;
    const ids = [...this.#used];
    this.#used.clear();
    this.#useNotedAt = this.#now();
    await this.#postgres.inStaffTransaction(KEEPER, async (transaction) => {
      transaction.unaudited('when a key was last used is no change of the key');
      await transaction.query('update tenantry.keys set last_used_at = clock_timestamp() where id = any($1)', [ids]);
    });
  }
}

function toBootstrapEntry({ id, key, scopes }: BootstrapKey): [string, ActiveKey] {
  const rest = { tenantId: undefined, service: undefined, expiresAt: undefined, isBootstrap: true };
  return [sha256(key), { keyId: id, scopes, ...rest }];
}

function toEntry(row: KeyRecord & { sha256: string }): [string, ActiveKey] {
  return [
    row.sha256,
    {
      keyId: row.id,
      scopes: row.scopes,
      tenantId: row.tenantId ?? undefined,
      service: row.service ?? undefined,
      expiresAt: row.expiresAt ?? undefined,
      isBootstrap: false,
    },
  ];
}

function toSnapshotEntry(hash: string, { keyId, scopes, tenantId, service, expiresAt }: ActiveKey): KeySnapshotEntry {
  return {
    id: keyId,
    sha256: hash,
    scopes,
    ...(tenantId !== undefined && { tenantId }),
    ...(service !== undefined && { service }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
