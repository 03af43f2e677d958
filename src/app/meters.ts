import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import { readMeter, readRejected } from '../aggregate/meter-reader.ts';
import { MeterUsageSource } from '../aggregate/meter-usage-source.ts';
import type { UsageEvents } from '../api/events-ports.ts';
import type { Meters } from '../api/meters-ports.ts';
import type { Config } from '../config/config.ts';
import type { StaffActor } from '../domain/actor.ts';
import { DAY_MS, SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import type { InsertGate } from '../store/clickhouse/insert-gate.ts';
import { MeterEventIntake } from '../store/postgres/meter-event-intake.ts';
import { MeterEventQueue } from '../store/postgres/meter-event-queue.ts';
import { MeterStore } from '../store/postgres/meter-store.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { PostgresLeadership } from './leadership.ts';
import { MeterEventLoader } from './meter-event-loader.ts';
import { runEvery } from './schedule.ts';

const METERING: StaffActor = { kind: 'system', subject: 'meters' };
const LOAD_EVERY_MS = SECOND_MS;

export interface MeteringOptions {
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly clickhouse: Pick<ClickHouse, 'rows' | 'insertRows'>;
  readonly config: Pick<Config, 'TENANTRY_ACCEPT_EVENTS_PAST_DAYS' | 'TENANTRY_ACCEPT_FUTURE_SECONDS'>;
  readonly registry: Registry;
  /** Passed by each segment from its insert until the queue knows of it. */
  readonly gate: InsertGate;
  readonly log: Logger;
}

/** Everything about usage events and meters: taking them in, bringing them into ClickHouse, answering what they come to. */
export function startMetering({ postgres, postgresUrl, clickhouse, config, registry, gate, log }: MeteringOptions): {
  readonly events: UsageEvents;
  readonly meters: Meters;
  /** Meters that add up, as usage. */
  readonly usage: MeterUsageSource;
  /** Resolves when the segment that is being inserted is in. */
  stop(): Promise<void>;
} {
  const acceptPastMs = config.TENANTRY_ACCEPT_EVENTS_PAST_DAYS * DAY_MS;
  const intake = new MeterEventIntake({ postgres, acceptPastMs });
  const store = new MeterStore(postgres);
  const leadership = new PostgresLeadership(postgresUrl, 'meter-events');
  const queue = new MeterEventQueue(postgres);
  const loader = new MeterEventLoader({ queue, clickhouse, intake, leadership, gate, log });
  addGauges(registry, loader);
  const schedule = runEvery(LOAD_EVERY_MS, 'meter-events', log, () => loader.tick());
  return {
    events: {
      acceptPastMs,
      acceptFutureMs: config.TENANTRY_ACCEPT_FUTURE_SECONDS * SECOND_MS,
      take: (events, keyId, now) => intake.take(events, keyId, now),
    },
    meters: {
      list: (actor) => store.list(actor),
      find: (actor, slug) => store.find(actor, slug),
      create: (actor, meter) => store.create(actor, meter),
      remove: (actor, slug) => store.remove(actor, slug),
      values: (question) => readMeter(clickhouse, question),
      rejected: (question) => readRejected(clickhouse, question),
    },
    usage: new MeterUsageSource(clickhouse, () => store.list(METERING)),
    stop: async () => {
      loader.stop();
      await schedule.stop();
      await leadership.release();
    },
  };
}

function addGauges(registry: Registry, loader: MeterEventLoader): void {
  const gauge = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge(
    'tenantry_usage_events_waiting',
    'Events that are acknowledged and not in ClickHouse yet',
    () => loader.figures().waitingEvents,
  );
  gauge(
    'tenantry_usage_events_oldest_waiting_seconds',
    'Age of the oldest of them',
    () => loader.figures().oldestWaitingMs / SECOND_MS,
  );
  gauge(
    'tenantry_usage_events_loaded',
    'Events that this process brought into ClickHouse',
    () => loader.figures().loadedEvents,
  );
}
