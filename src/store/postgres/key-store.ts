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
import { endPreviousSecret, type KeyRotation, rotateKey } from './key-rotation.ts';
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
import { KeyUses, type SeenUse } from './key-uses.ts';
import type { Postgres } from './postgres.ts';
import { Refresher } from './refresher.ts';
import { currentRevision } from './revisions.ts';

const KEEPER: StaffActor = { kind: 'system', subject: 'key-store' };
const STALE_MAX_MS = 300_000;
/** The copy is this old at most while the database answers (it is polled more often than that). */
const FRESH_MS = 15_000;

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

/** One secret of a key: a key that is being rotated is here twice. */
interface ActiveKey extends VerifiedKey {
  readonly service: string | undefined;
  readonly expiresAt: number | undefined;
  readonly isBootstrap: boolean;
  /** The secret before the last rotation. */
  readonly isPrevious: boolean;
}

const CLOSED_TENANTS = `select tenant_id as "tenantId" from tenantry.tenant_states where status = 'closed'`;

interface StoredKey extends KeyRecord {
  readonly sha256: string;
  readonly previousSha256: string | null;
}

export class KeyStore {
  readonly #postgres: Postgres;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #bootstrap: ReadonlyMap<string, ActiveKey>;
  readonly #listeners = new Set<() => void>();
  readonly #uses: KeyUses;
  readonly #refresher = new Refresher(() => this.#read());
  #active: ReadonlyMap<string, ActiveKey>;
  /** Tenants whose keys ingest refuses; their people are held by the api. */
  #closed: ReadonlySet<TenantId> = new Set();
  #revision = 0;
  #readAt: number | undefined;

  /** Call `refresh` once before use, unless the database is away. */
  constructor(options: KeyStoreOptions) {
    this.#postgres = options.postgres;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
    this.#uses = new KeyUses({ postgres: options.postgres, log: options.log });
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
    const { revision, rows, closed } = await this.#postgres.inStaffTransaction(KEEPER, async (transaction) => ({
      revision: await currentRevision(transaction, 'keys'),
      rows: await transaction.query<StoredKey>(
        `select sha256, previous_sha256 as "previousSha256", ${RECORD_COLUMNS} from tenantry.keys where revoked_at is null`,
      ),
      closed: await transaction.query<{ tenantId: TenantId }>(CLOSED_TENANTS),
    }));
    const isNews = this.#readAt === undefined || revision !== this.#revision;
    this.#active = new Map([...rows.flatMap(toEntries), ...this.#bootstrap]);
    this.#uses.known(rows.map(({ id }) => id));
    this.#closed = new Set(closed.map(({ tenantId }) => tenantId));
    this.#revision = revision;
    this.#readAt = readAt;
    if (isNews) this.#tellListeners();
    await this.#uses.write(readAt);
  }

  /** @returns the new key, which is shown this once and never again, and its record */
  async create(actor: StaffActor, wanted: NewKey): Promise<MadeKey> {
    return this.#make(actor, wanted);
  }

  /**
   * A key that speaks for a tenant, made by one of its people: to send telemetry, unless they say otherwise; like `create`.
   * @throws TenantryError CONFLICT when they have made too many
   */
  async createOwn(
    actor: TenantActor,
    wanted: Omit<NewKey, 'scopes' | 'tenantId'> & Partial<Pick<NewKey, 'scopes'>>,
  ): Promise<MadeKey> {
    return this.#make(actor, { scopes: ['ingest'], ...wanted, tenantId: actor.tenantId });
  }

  /** Ends a key at once. False if there is none with this id, or it was revoked before. */
  async revoke(actor: StaffActor, id: string): Promise<boolean> {
    return this.#end(actor, id);
  }

  /** Like `revoke`, of those alone that the tenant's own people made. */
  async revokeOwn(actor: TenantActor, id: string): Promise<boolean> {
    return this.#end(actor, id);
  }

  /**
   * Gives a key a new secret; the old one works for a while yet. A tenant's people rotate those alone that they made.
   * Undefined if there is no such key that works.
   * @throws TenantryError CONFLICT while two secrets work and the rotation asks for a grace
   */
  async rotate(actor: StaffActor | TenantActor, id: string, rotation: KeyRotation): Promise<MadeKey | undefined> {
    const made = await rotateKey(this.#postgres, actor, id, rotation);
    await this.#refreshAfterWrite();
    return made;
  }

  /** Ends the secret before the last rotation at once. Undefined if there is no such key with two that work. */
  async endPrevious(actor: StaffActor | TenantActor, id: string): Promise<KeyRecord | undefined> {
    const record = await endPreviousSecret(this.#postgres, actor, id);
    await this.#refreshAfterWrite();
    return record;
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
    const at = this.#now();
    this.#uses.note([{ keyId: found.keyId, at, ...(found.isPrevious && { previousAt: at }) }]);
    return { keyId: found.keyId, scopes: found.scopes, tenantId: found.tenantId };
  }

  /** Uses of keys that ingest saw. */
  noteUse(uses: readonly SeenUse[]): void {
    this.#uses.note(uses);
  }

  /** What ingest needs to check keys by itself. */
  snapshot(): KeySnapshot {
    return {
      // Bootstrap keys change with a restart only and have no revision in the table: the start time makes it grow then.
      revision: this.#startedAt + this.#revision,
      keys: [...this.#active].map(([hash, key]) => toSnapshotEntry(hash, key, this.#closed)),
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
}

function toBootstrapEntry({ id, key, scopes }: BootstrapKey): [string, ActiveKey] {
  const rest = { tenantId: undefined, service: undefined, expiresAt: undefined };
  const kind = { isBootstrap: true, isPrevious: false };
  return [sha256(key), { keyId: id, scopes, ...rest, ...kind }];
}

function toEntries(row: StoredKey): [string, ActiveKey][] {
  const key = {
    keyId: row.id,
    scopes: row.scopes,
    tenantId: row.tenantId ?? undefined,
    service: row.service ?? undefined,
    isBootstrap: false,
  };
  const current = { ...key, expiresAt: row.expiresAt ?? undefined, isPrevious: false };
  const { previousSha256, previousUntil } = row;
  if (previousSha256 === null || previousUntil === null) return [[row.sha256, current]];
  return [
    [row.sha256, current],
    [previousSha256, { ...key, expiresAt: previousUntil, isPrevious: true }],
  ];
}

function toSnapshotEntry(hash: string, key: ActiveKey, closed: ReadonlySet<TenantId>): KeySnapshotEntry {
  const { keyId, scopes, tenantId, service, expiresAt, isPrevious } = key;
  return {
    id: keyId,
    sha256: hash,
    scopes,
    ...(tenantId !== undefined && { tenantId }),
    ...(service !== undefined && { service }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(isPrevious && { previous: true as const }),
    ...(tenantId !== undefined && closed.has(tenantId) && { closed: true as const }),
  };
}
