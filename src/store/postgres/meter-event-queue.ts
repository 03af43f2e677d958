import { randomUUID } from 'node:crypto';
import type { StaffActor } from '../../domain/actor.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

const LOADER: StaffActor = { kind: 'system', subject: 'meter-events' };
/** Text of one insert; it is held in memory a few times over. */
const SEGMENT_CHARACTERS = 8_000_000;
const SEGMENT_BATCHES = 2_000;

export interface UsageEventSegment {
  /** Deduplication token of its insert. */
  readonly id: string;
  /** JSON lines. */
  readonly rows: string;
  readonly events: number;
}

export interface UsageEventBacklog {
  readonly events: number;
  /** When the oldest of them was taken in, Unix ms; null when none waits. */
  readonly oldestAt: number | null;
}

/**
 * Events between their acknowledgement and ClickHouse. What is inserted is sealed first: an insert whose answer was lost
 * is repeated with the same rows under the same token, whatever has been taken in since.
 */
export class MeterEventQueue {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** The next segment to insert: one that was sealed before, else what waits, sealed now. Undefined: nothing waits. */
  async next(): Promise<UsageEventSegment | undefined> {
    return this.#postgres.inStaffTransaction(LOADER, async (transaction) => {
      transaction.unaudited('events on their way into ClickHouse');
      const [sealed] = await transaction.query<UsageEventSegment>(
        'select id, rows, events from tenantry.usage_event_segments order by sealed_at, id limit 1',
      );
      if (sealed !== undefined) return sealed;
      const [made] = await transaction.query<UsageEventSegment>(
        `with candidate as (
           select id, sum(length(rows)) over (order by id) - length(rows) as before
           from (select id, rows from tenantry.usage_event_batches order by id limit $2) as oldest),
         taken as (
           delete from tenantry.usage_event_batches where id in (select id from candidate where before < $3)
           returning id, rows, events, taken_at)
         insert into tenantry.usage_event_segments (id, rows, events, taken_at)
         select $1, string_agg(rows, E'\\n' order by id), sum(events), min(taken_at) from taken having count(*) > 0
         returning id, rows, events`,
        [randomUUID(), SEGMENT_BATCHES, SEGMENT_CHARACTERS],
      );
      return made;
    });
  }

  /** The segment is in ClickHouse. */
  async done(id: string): Promise<void> {
    await this.#postgres.inStaffTransaction(LOADER, async (transaction) => {
      transaction.unaudited('events on their way into ClickHouse');
      await transaction.query('delete from tenantry.usage_event_segments where id = $1', [id]);
    });
  }

  async backlog(): Promise<UsageEventBacklog> {
    const [row] = await this.#postgres.inStaffTransaction(LOADER, (transaction) =>
      transaction.query<UsageEventBacklog>(
        `select coalesce(sum(events), 0)::float8 as events, ${unixMs('min(taken_at)')} as "oldestAt"
         from (select events, taken_at from tenantry.usage_event_batches
               union all select events, taken_at from tenantry.usage_event_segments) as waiting`,
      ),
    );
    return row ?? { events: 0, oldestAt: null };
  }
}
