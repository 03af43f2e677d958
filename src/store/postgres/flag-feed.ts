/**
 * The change feed of flags. Apps are served from memory: `snapshot` asks nobody, and when the database is away it goes
 * on with what it knows, each flag until its own expiry. Subscribers get every committed revision once and in order;
 * after an interruption those that were missed come first.
 */
import type { Logger } from 'pino';
import type { StaffActor } from '../../domain/actor.ts';
import { toError } from '../../domain/errors.ts';
import type { FlagAck, FlagChange, FlagSnapshot, WireFlag } from '../../domain/flag-wire.ts';
import type { EnforcementMode, Flag } from '../../domain/flags.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { HOUR_MS } from '../../domain/window.ts';
import type { ChangeListener } from './change-listener.ts';
import { readSharedSwitch, type SharedSwitch } from './control-switch-store.ts';
import { FlagAckLog } from './flag-ack-log.ts';
import { type ClockReading, changesByRevision, FlagCache, type FlagState, type RevisionChange } from './flag-cache.ts';
import type { Postgres } from './postgres.ts';
import { Refresher } from './refresher.ts';
import { currentRevision } from './revisions.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

const FEED: StaffActor = { kind: 'system', subject: 'flag-feed' };

export interface FlagFeedOptions {
  readonly postgres: Postgres;
  readonly changes: ChangeListener;
  readonly log: Logger;
  /** First segments of routes that automatic throttles do not hold for; default: `PROTECTED_ROUTES`. */
  readonly sparedRoutes?: readonly string[];
  /** Milliseconds that never jump; default: performance.now. */
  readonly monotonicMs?: () => number;
}

interface FlagRow {
  readonly id: string;
  readonly tenant_id: TenantId;
  readonly kind: Flag['kind'];
  readonly scope: Record<string, string>;
  readonly value: Record<string, unknown>;
  readonly mode: EnforcementMode;
  readonly reason: string;
  readonly expires_ms: number;
  readonly revision: string;
  readonly lifted_revision: string | null;
  /** A finding led to it, not a person. */
  readonly automatic: boolean;
}

interface Reading {
  readonly revision: number;
  readonly clock: ClockReading;
  readonly rows: readonly FlagState[];
  readonly automatic: readonly string[];
  readonly killSwitch: SharedSwitch;
}

interface Subscriber {
  readonly tenant: TenantId | undefined;
  readonly listener: (change: FlagChange) => void;
}

export class FlagFeed {
  readonly #postgres: Postgres;
  readonly #log: Logger;
  readonly #monotonicMs: () => number;
  readonly #acks: FlagAckLog;
  readonly #cache: FlagCache;
  readonly #refresher = new Refresher(() => this.#sync());
  readonly #subscribers = new Set<Subscriber>();
  readonly #resets = new Set<() => void>();
  /** Ids of throttles in the cache that automation set. */
  readonly #automatic = new Set<string>();
  #withheld = false;
  #onSwitch: (shared: SharedSwitch) => void = () => undefined;
  /** While a reading is taken over, resets wait for its end: a snapshot is never of half a reading. */
  #isSyncing = false;
  #isResetDue = false;
  /** Newest revision in the cache; undefined before the first reading. */
  #revision: number | undefined;
  #acksPrunedAt = Number.NEGATIVE_INFINITY;

  /** Call `refresh` once before use, unless the database is away. */
  constructor(options: FlagFeedOptions) {
    this.#postgres = options.postgres;
    this.#acks = new FlagAckLog(options.postgres);
    this.#log = options.log;
    this.#cache = new FlagCache(options.sparedRoutes);
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    options.changes.onChange('flags', () => this.refresh());
  }

  /** Reads what was committed since the last time and hands it to the subscribers. */
  async refresh(): Promise<void> {
    await this.#refresher.run();
  }

  /**
   * Flags in force now, of one tenant or (undefined) of all.
   * @throws TenantryError STORE_UNAVAILABLE when the database has not been reached since the start
   */
  async snapshot(tenant: TenantId | undefined): Promise<FlagSnapshot> {
    if (this.#revision === undefined) await this.#refresher.join();
    return { revision: this.#revision ?? 0, flags: this.#told(this.#cache.inForce(tenant, this.#monotonicMs())) };
  }

  /**
   * Calls back once per committed revision, in order; with empty lists when it concerns other tenants only. Subscribe
   * first, then take the snapshot, and pass over changes up to its revision: nothing falls between the two.
   */
  subscribe(tenant: TenantId | undefined, listener: (change: FlagChange) => void): () => void {
    const subscriber = { tenant, listener };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /**
   * While `on`, no automatic throttle is told to anybody, whether or not the database can be reached. What is in force
   * stays so in the database, and is told again afterwards until its own expiry.
   */
  withholdAutomatic(on: boolean): void {
    if (this.#withheld === on) return;
    this.#withheld = on;
    if (this.#isSyncing) this.#isResetDue = true;
    else this.#reset();
  }

  /**
   * Hears of the kill switch of all servers with every reading, before anything of that reading is told: whoever obeys
   * the revision at which it was set obeys the switch.
   */
  onKillSwitch(listener: (shared: SharedSwitch) => void): void {
    this.#onSwitch = listener;
  }

  /** Calls back when what snapshots hold changes without a revision: readers need a new one. */
  onReset(listener: () => void): () => void {
    this.#resets.add(listener);
    return () => this.#resets.delete(listener);
  }

  /**
   * Notes that an app instance obeys a revision now; the first time counts.
   * @throws TenantryError CONFLICT for a revision that does not exist (the database was restored from a backup)
   */
  async acknowledge(keyId: string, ack: FlagAck): Promise<void> {
    await this.#acks.add(keyId, ack);
  }

  async #sync(): Promise<void> {
    const last = this.#revision;
    const reading = await this.#postgres.inStaffTransaction(FEED, (transaction) =>
      read(transaction, last, this.#monotonicMs),
    );
    this.#cache.setClock(reading.clock);
    for (const id of reading.automatic) this.#automatic.add(id);
    this.#isSyncing = true;
    this.#onSwitch(reading.killSwitch);
    this.#isSyncing = false;
    if (this.#isResetDue && last !== undefined && reading.revision >= last) {
      // Readers get a snapshot of it all instead of the changes one by one.
      for (const change of changesByRevision(reading.rows, last, reading.revision)) this.#cache.apply(change);
    } else if (last === undefined) this.#cache.replaceAll(reading.rows.map((row) => row.flag));
    else if (reading.revision < last) this.#startOver(reading);
    else for (const change of changesByRevision(reading.rows, last, reading.revision)) this.#pass(change);
    this.#revision = reading.revision;
    if (this.#isResetDue) this.#reset();
    this.#cache.prune(this.#monotonicMs());
    for (const id of this.#automatic) if (this.#cache.get(id) === undefined) this.#automatic.delete(id);
    await this.#pruneAcks();
  }

  #reset(): void {
    this.#isResetDue = false;
    for (const listener of this.#resets) listener();
  }

  #told(flags: WireFlag[]): WireFlag[] {
    return this.#withheld ? flags.filter(({ id }) => !this.#automatic.has(id)) : flags;
  }

  #pass(change: RevisionChange): void {
    this.#cache.apply(change);
    this.#revision = change.revision;
    const now = this.#monotonicMs();
    for (const { tenant, listener } of this.#subscribers) {
      const removals = change.removals.filter((flag) => tenant === undefined || flag.tenantId === tenant);
      try {
        listener({
          revision: change.revision,
          upserts: this.#told(this.#cache.toWire(change.upserts, tenant, now)),
          removals: removals.map((flag) => flag.id),
        });
      } catch (error) {
        this.#log.error({ err: toError(error) }, 'a subscriber of the flag feed failed');
      }
    }
  }

  /** The database went back in time (restored from a backup): what it has now holds, told as one change. */
  #startOver({ revision, rows }: Reading): void {
    const now = new Set(rows.map((row) => row.flag.id));
    const gone = [...this.#cache.ids()].filter((id) => !now.has(id)).flatMap((id) => this.#cache.get(id) ?? []);
    this.#pass({ revision, upserts: rows.map((row) => row.flag), removals: gone });
  }

  async #pruneAcks(): Promise<void> {
    if (this.#monotonicMs() - this.#acksPrunedAt < HOUR_MS) return;
    this.#acksPrunedAt = this.#monotonicMs();
    await this.#acks.prune();
  }
}

/** The revision is read first: every row of a revision up to it is visible to the statement that follows. */
async function read(transaction: Transaction, last: number | undefined, monotonicMs: () => number): Promise<Reading> {
  const revision = await currentRevision(transaction, 'flags');
  const askedAt = monotonicMs();
  const [clock] = await transaction.query<{ now_ms: number }>(`select ${unixMs('clock_timestamp()')} as now_ms`);
  const since = last === undefined || revision < last ? undefined : last;
  const rows = since === revision ? [] : await readRows(transaction, since, revision);
  const killSwitch = await readSharedSwitch(transaction);
  return {
    revision,
    clock: { databaseMs: clock?.now_ms ?? Number.POSITIVE_INFINITY, monotonicMs: askedAt },
    rows: rows.map(toState),
    automatic: rows.flatMap(({ id, automatic }) => (automatic ? [id] : [])),
    killSwitch,
  };
}

function readRows(transaction: Transaction, since: number | undefined, upTo: number): Promise<readonly FlagRow[]> {
  const wanted =
    since === undefined
      ? 'revision <= $2 and $1::bigint is null and lifted_at is null and expires_at > clock_timestamp()'
      : '((revision > $1 and revision <= $2) or (lifted_revision > $1 and lifted_revision <= $2))';
  return transaction.query<FlagRow>(
    `select id, tenant_id, kind, scope, value, mode, reason, ${unixMs('expires_at')} as expires_ms, revision,
            lifted_revision, kind = 'throttle' and anomaly_id is not null as automatic
     from tenantry.flags where ${wanted} order by revision`,
    [since ?? null, upTo],
  );
}

/** The table's checks guarantee the shapes of scope and value for each kind. */
function toState(row: FlagRow): FlagState {
  const common = {
    id: row.id,
    tenantId: row.tenant_id,
    reason: row.reason,
    expiresAt: row.expires_ms,
    revision: Number(row.revision),
  };
  const content = { ...row.scope, ...row.value };
  const flag = (
    row.kind === 'throttle'
      ? { kind: row.kind, ...common, mode: row.mode, scope: row.scope, limit: row.value, automatic: row.automatic }
      : { kind: row.kind, ...common, ...content }
  ) as Flag;
  return { flag, liftedRevision: row.lifted_revision === null ? null : Number(row.lifted_revision) };
}
