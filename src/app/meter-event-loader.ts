import type { Logger } from 'pino';
import { toError } from '../domain/errors.ts';
import { MINUTE_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { InsertGate } from '../store/clickhouse/insert-gate.ts';
import type { MeterEventIntake } from '../store/postgres/meter-event-intake.ts';
import type { MeterEventQueue } from '../store/postgres/meter-event-queue.ts';
import type { Leadership } from './detector-loop.ts';

const TABLE = 'usage_events';
const FORGET_EVERY_MS = 10 * MINUTE_MS;

export interface MeterEventLoaderOptions {
  readonly queue: Pick<MeterEventQueue, 'next' | 'done' | 'backlog'>;
  readonly clickhouse: Pick<ClickHouse, 'insertRows'>;
  readonly intake: Pick<MeterEventIntake, 'noteBacklog' | 'forget'>;
  readonly leadership: Leadership;
  /** Passed by each segment from its insert until the queue knows of it. */
  readonly gate?: InsertGate;
  readonly log: Logger;
  readonly now?: () => number;
}

export interface MeterEventLoaderFigures {
  readonly waitingEvents: number;
  /** Age of the oldest event that is acknowledged and not counted yet, in ms. */
  readonly oldestWaitingMs: number;
  readonly loadedEvents: number;
}

/** Brings acknowledged events into ClickHouse, each once: one server at a time, segment by segment. */
export class MeterEventLoader {
  readonly #options: MeterEventLoaderOptions;
  readonly #now: () => number;
  readonly #gate: InsertGate;
  #backlog = { events: 0, oldestAt: null as number | null };
  #loaded = 0;
  #forgotAt = 0;
  #stopped = false;

  constructor(options: MeterEventLoaderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#gate = options.gate ?? new InsertGate();
  }

  figures(): MeterEventLoaderFigures {
    const { events, oldestAt } = this.#backlog;
    return {
      waitingEvents: events,
      oldestWaitingMs: oldestAt === null ? 0 : Math.max(0, this.#now() - oldestAt),
      loadedEvents: this.#loaded,
    };
  }

  /** Inserts what waits. A failure leaves everything where it is, and the next run goes on with the same segment. */
  async tick(): Promise<void> {
    const { queue, intake, leadership, log } = this.#options;
    if (await leadership.isLeader()) {
      try {
        while (!this.#stopped && (await this.#loadOne()));
      } catch (thrown) {
        log.error({ error: toError(thrown).message }, 'events not loaded, trying again');
      }
      await this.#forget();
    }
    this.#backlog = await queue.backlog();
    intake.noteBacklog(this.#backlog.events);
  }

  /** After the segment that is being inserted. */
  stop(): void {
    this.#stopped = true;
  }

  async #loadOne(): Promise<boolean> {
    const { queue, clickhouse, leadership } = this.#options;
    const segment = await queue.next();
    // Two servers with one segment do no harm (one token), but only one of them should work.
    if (segment === undefined || !(await leadership.isLeader())) return false;
    await this.#gate.share(async () => {
      await clickhouse.insertRows({ table: TABLE, rows: segment.rows, token: segment.id });
      await queue.done(segment.id);
    });
    this.#loaded += segment.events;
    return true;
  }

  async #forget(): Promise<void> {
    if (this.#now() - this.#forgotAt < FORGET_EVERY_MS) return;
    this.#forgotAt = this.#now();
    await this.#options.intake.forget(this.#now());
  }
}
