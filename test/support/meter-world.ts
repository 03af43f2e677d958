import { eventsOf } from '../../src/api/events-parse.ts';
import { MeterEventLoader } from '../../src/app/meter-event-loader.ts';
import { DAY_MS } from '../../src/domain/window.ts';
import type { RowsInsert } from '../../src/store/clickhouse/clickhouse.ts';
import { MeterEventIntake } from '../../src/store/postgres/meter-event-intake.ts';
import { MeterEventQueue } from '../../src/store/postgres/meter-event-queue.ts';
import { startTestClickHouse, type TestClickHouse } from './embedded-clickhouse.ts';
import { silentLog, startTestPostgres, type TestPostgres } from './postgres.ts';

export const METER_NOW = Date.UTC(2026, 10, 20, 12);
const BOUNDS = { now: METER_NOW, acceptPastMs: 35 * DAY_MS, acceptFutureMs: 300_000 };

/** Both stores, and the way of an event between them. */
export async function startMeterWorld() {
  const [db, store]: [TestPostgres, TestClickHouse] = await Promise.all([startTestPostgres(), startTestClickHouse()]);
  const queue = new MeterEventQueue(db.postgres);
  const newIntake = () => new MeterEventIntake({ postgres: db.postgres, acceptPastMs: BOUNDS.acceptPastMs });
  const intake = newIntake();
  const newLoader = (
    insertRows: (insert: RowsInsert) => Promise<void> = (insert) => store.clickhouse.insertRows(insert),
  ) =>
    new MeterEventLoader({
      queue,
      clickhouse: { insertRows },
      intake,
      leadership: { isLeader: async () => true },
      log: silentLog,
      now: () => METER_NOW,
    });
  return {
    db,
    store,
    intake,
    queue,
    /** What another server, or this one after a restart, would have. */
    newIntake,
    newLoader,
    send: async (body: unknown, via = intake) => {
      const actor = { kind: 'key', subject: 'k', scopes: ['ingest'], tenantId: undefined } as const;
      return via.take(eventsOf(JSON.stringify(body), 'application/json', actor, BOUNDS), 'k', METER_NOW);
    },
    load: () => newLoader().tick(),
    stop: async () => {
      await db.stop();
      await store.stop();
    },
  };
}

export type MeterWorld = Awaited<ReturnType<typeof startMeterWorld>>;

/** An event of the id `<type>-1` unless said otherwise: the id alone tells events of a tenant and source apart. */
export function cloudEvent(changes: Record<string, unknown> = {}) {
  const { type = 'prompt' } = changes;
  return {
    specversion: '1.0',
    id: `${String(type)}-1`,
    source: 'app',
    type,
    subject: 'acme',
    data: { tokens: 5 },
    ...changes,
  };
}
