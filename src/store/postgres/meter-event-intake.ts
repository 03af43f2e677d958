import { createHash } from 'node:crypto';
import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import { compareText } from '../../domain/text-order.ts';
import type { UsageEvent } from '../../domain/usage-event.ts';
import { DAY_MS } from '../../domain/window.ts';
import { ConcurrencyLimit } from '../clickhouse/concurrency-limit.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';

const INTAKE: StaffActor = { kind: 'system', subject: 'meter-events' };
/** Connections for events at a time: a flood of them must leave some to flags and to people. */
const AT_ONCE = 2;
const MOST_WAITING = 512;
/** Beyond this many events that are acknowledged and not in ClickHouse, which is down then, no more are taken. */
const MOST_BACKLOG_EVENTS = 5_000_000;
/** Beyond the time by which an event may be late, for those that are ahead of time, and for clocks that differ. */
const SPARE_MS = 2 * DAY_MS;
const FORGET_AT_ONCE = 20_000;

export interface TakenEvents {
  readonly accepted: number;
  /** Known already, with the same content. */
  readonly repeated: number;
  /** Known already with other content; what came first counts. */
  readonly conflicting: number;
}

export interface MeterEventIntakeOptions {
  readonly postgres: Postgres;
  /** How late an event may be. An id is remembered for longer, so that none that is dated is ever counted twice. */
  readonly acceptPastMs: number;
}

interface KeyedEvent {
  readonly key: string;
  readonly content: string;
  readonly event: UsageEvent;
}

/**
 * Takes events in: once it has answered, they are on disk, and each counts once whoever sends it how often. The rows
 * wait in PostgreSQL for the loader (`MeterEventQueue`).
 */
export class MeterEventIntake {
  readonly #options: MeterEventIntakeOptions;
  readonly #limit = new ConcurrencyLimit(AT_ONCE, MOST_WAITING);
  #backlog = 0;

  constructor(options: MeterEventIntakeOptions) {
    this.#options = options;
  }

  /** How many events wait, as last counted. */
  noteBacklog(events: number): void {
    this.#backlog = events;
  }

  /**
   * All or none. `now`: Unix ms.
   * @throws TenantryError STORE_UNAVAILABLE, also while too many events wait
   */
  async take(events: readonly UsageEvent[], keyId: string, now: number): Promise<TakenEvents> {
    if (events.length === 0) return { accepted: 0, repeated: 0, conflicting: 0 };
    if (this.#backlog > MOST_BACKLOG_EVENTS) {
      throw new TenantryError('STORE_UNAVAILABLE', 'Too many events wait to be counted.', {
        hint: 'Send them again later; ClickHouse takes none at the moment, /readyz says why.',
      });
    }
    const keyed = events.map(keyedEvent);
    return this.#limit.run(() =>
      this.#options.postgres.inStaffTransaction(INTAKE, async (transaction) => {
        transaction.unaudited('what apps report is data, as spans are');
        await enterTenants(transaction, [...new Set(events.map(({ tenantId }) => tenantId))]);
        return enterEvents(transaction, keyed, { keyId, now });
      }),
    );
  }

  /** Forgets ids that no event may come with any more. `now`: Unix ms. */
  async forget(now: number): Promise<void> {
    const before = now - this.#options.acceptPastMs - SPARE_MS;
    for (let gone = FORGET_AT_ONCE; gone === FORGET_AT_ONCE; ) {
      gone = await this.#options.postgres.inStaffTransaction(INTAKE, async (transaction) => {
        transaction.unaudited('bookkeeping');
        const rows = await transaction.query(
          `delete from tenantry.usage_event_ids where event_key = any(array(
             select event_key from tenantry.usage_event_ids where taken_at < ${fromUnixMs('$1')} limit $2)) returning 1`,
          [before, FORGET_AT_ONCE],
        );
        return rows.length;
      });
    }
  }
}

async function enterEvents(
  transaction: StaffTransaction,
  keyed: readonly KeyedEvent[],
  { keyId, now }: { readonly keyId: string; readonly now: number },
): Promise<TakenEvents> {
  // The first of several in one request, as of several requests.
  const first = new Map<string, KeyedEvent>();
  for (const one of keyed) if (!first.has(one.key)) first.set(one.key, one);
  // In the order of the keys: two requests with the same events in different orders would wait for each other.
  const asked = [...first.values()].toSorted((left, right) => compareText(left.key, right.key));
  const entered = await transaction.query<{ event_key: string }>(
    `insert into tenantry.usage_event_ids (event_key, content, taken_at)
     select key, content, ${fromUnixMs('$3')} from unnest($1::uuid[], $2::bigint[]) as asked (key, content)
     order by key on conflict do nothing returning event_key`,
    [asked.map(({ key }) => key), asked.map(({ content }) => content), now],
  );
  const fresh = new Set(entered.map((row) => row.event_key));
  const accepted = [...first.values()].filter(({ key }) => fresh.has(key));
  const known = await knownContents(transaction, keyed, fresh, first);
  if (accepted.length > 0) {
    await transaction.query(
      `insert into tenantry.usage_event_batches (rows, events, taken_at) values ($1, $2, ${fromUnixMs('$3')})`,
      [accepted.map(({ event }) => rowOf(event, keyId, now)).join('\n'), accepted.length, now],
    );
  }
  const counted = new Set(accepted);
  const others = keyed.filter((one) => !counted.has(one));
  const conflicting = others.filter(({ key, content }) => known.get(key) !== content).length;
  return { accepted: accepted.length, repeated: others.length - conflicting, conflicting };
}

/** What each key that is not new to the table stood for first. */
async function knownContents(
  transaction: StaffTransaction,
  keyed: readonly KeyedEvent[],
  fresh: ReadonlySet<string>,
  first: ReadonlyMap<string, KeyedEvent>,
): Promise<ReadonlyMap<string, string>> {
  const old = [...new Set(keyed.map(({ key }) => key))].filter((key) => !fresh.has(key));
  const rows =
    old.length === 0
      ? []
      : await transaction.query<{ event_key: string; content: string }>(
          'select event_key, content::text as content from tenantry.usage_event_ids where event_key = any($1::uuid[])',
          [old],
        );
  return new Map([
    ...[...fresh].map((key) => [key, first.get(key)?.content ?? ''] as const),
    ...rows.map((row) => [row.event_key, row.content] as const),
  ]);
}

function keyedEvent(event: UsageEvent): KeyedEvent {
  const { tenantId, source, id, type, data } = event;
  const hash = sha256([tenantId, source, id]).toString('hex');
  const key = [hash.slice(0, 8), hash.slice(8, 12), hash.slice(12, 16), hash.slice(16, 20), hash.slice(20, 32)].join(
    '-',
  );
  // Without the time: an event that names none gets another one with each attempt.
  return { key, content: String(sha256([type, data]).readBigInt64BE(0)), event };
}

function sha256(parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

/** The event as a row of `usage_events`. */
function rowOf(event: UsageEvent, keyId: string, now: number): string {
  return JSON.stringify({
    TenantId: event.tenantId,
    Type: event.type,
    Time: clickHouseTime(event.time),
    Source: event.source,
    Id: event.id,
    Numbers: event.numbers,
    Texts: event.texts,
    Data: event.data,
    ReceivedAt: clickHouseTime(now),
    KeyId: keyId,
  });
}

function clickHouseTime(time: number): string {
  return new Date(time).toISOString().replace('T', ' ').slice(0, -1);
}
