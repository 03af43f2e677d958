import type { Logger } from 'pino';
import { TenantryError, toError } from '../../domain/errors.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/window.ts';
import type { ClickHouse, SegmentInsert } from './clickhouse.ts';
import {
  countAdopted,
  dropPartition,
  type FrozenBatch,
  LIST_BEGUN,
  LIST_WAITING,
  readFrozen,
  storePieces,
  writeAnswer,
  writeNoAnswer,
} from './late-tenants-sql.ts';

/** Segments that were opened within so long share a batch. */
const BATCH_MS = 5 * SECOND_MS;
const CHECK_MS = 2 * SECOND_MS;
const FIRST_RETRY_MS = SECOND_MS;
const LAST_RETRY_MS = 30 * SECOND_MS;
const LOOK_ATTEMPTS = 3;
/** A loader that is gone for so long does not come back for what it left. */
const ORPHAN_MS = HOUR_MS;
/** Further ahead the clock was wrong when the span arrived: it would wait until the clock is there again. */
const AHEAD_MS = 5 * MINUTE_MS;
/**
 * Inserts between two attempts to store one batch. Tables recognise the tokens of their last 10,000 inserts
 * (ddl-macros.ts), and one segment may be several there, one a partition.
 */
const MOST_SEGMENTS_BETWEEN = 1_000;

const NAME = /^(\d{13})-([0-9a-f]{16})$/;

export interface LateTenantFigures {
  /** Spans that wait, of all loaders, and the age of the one that arrived first. */
  readonly waitingSpans: number;
  readonly oldestMs: number;
  /** Since the start: stored with the tenant of their trace, and stored without one. */
  readonly adoptedSpans: number;
  readonly givenUpSpans: number;
  /** Why the last attempt failed; undefined while all is well. */
  readonly trouble: string | undefined;
}

export interface LateTenantsOptions {
  readonly clickhouse: Pick<ClickHouse, 'command' | 'inspect'>;
  /** 16 hex digits that stay the same for this spool: several loaders may fill one database. */
  readonly owner: string;
  /** 0: nothing new waits, and what still does is stored at once. */
  readonly waitMs: number;
  /** From the arrival of a span to its segment's being in the loader's queue. */
  readonly settleMs: number;
  readonly log: Logger;
  readonly now?: () => number;
}

interface Batch {
  readonly name: string;
  readonly spans: number;
  /** Unix ms of the arrival of its first and last span. */
  readonly oldest: number;
  readonly newest: number;
  readonly isBegun: boolean;
}

/**
 * Stores spans that came without a tenant, with that of their trace if another span has named one meanwhile.
 *
 *   segment -> spans_waiting (batch open) -> closed -> due -> answer written -> pieces stored -> batch dropped -> answer dropped
 *
 * Exactly once, wherever it is cut short:
 * - A segment's batch follows from its name, so every attempt at it ends in the same one: the engine recognises a token
 *   within a partition, and a batch is one.
 * - A batch is closed when no segment of its time is queued, so that none is in doubt, and while it is being stored
 *   none is let into it: its spans are frozen.
 * - The answer is one set of rows under one token; pieces follow from spans and answer, under tokens made of the spans.
 *   All that a later attempt does is the same again, which the engine recognises table by table.
 * - What comes into a batch that was stored before, as out of the quarantine, is stored as a batch of other spans.
 */
export class LateTenants {
  readonly #options: LateTenantsOptions;
  readonly #now: () => number;
  /** Batches that may be stored in part; undefined until the store has been asked. */
  #begun: ReadonlySet<string> | undefined;
  #mayWait = true;
  #nextAt = 0;
  #retryMs = FIRST_RETRY_MS;
  #failedLooks = 0;
  /** Segments loaded since a batch that may be stored in part could not be finished. */
  #segmentsSince: number | undefined;
  #figures: LateTenantFigures = {
    ...{ waitingSpans: 0, oldestMs: 0, adoptedSpans: 0, givenUpSpans: 0, trouble: undefined },
  };

  constructor(options: LateTenantsOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  figures(): LateTenantFigures {
    return this.#figures;
  }

  /**
   * A segment as it is to be inserted: with the batch under which its nameless spans wait.
   * @throws TenantryError STORE_UNAVAILABLE when that batch may be stored in part
   */
  batched(segment: SegmentInsert): SegmentInsert {
    if (segment.signal !== 'traces' || this.#options.waitMs === 0) return segment;
    const openedAt = Number(segment.token.slice(0, 13));
    const waitingBatch = `${openedAt - (openedAt % BATCH_MS)}-${this.#options.owner}`;
    if (this.#begun?.has(waitingBatch) !== false) {
      throw new TenantryError('STORE_UNAVAILABLE', 'Spans of the time of this segment are just being stored.', {
        hint: 'It is loaded once they are.',
      });
    }
    this.#mayWait = true;
    return { ...segment, waitingBatch };
  }

  /** A segment is in, and will not be inserted again. */
  loaded(): void {
    if (this.#segmentsSince !== undefined) this.#segmentsSince += 1;
  }

  /**
   * Stores what is due. A failure is told in the figures and tried again at a later call, slower and slower; segments
   * may be loaded meanwhile.
   * @param queuedAt Unix ms: segments that were opened and queued until then are loaded
   * @throws TenantryError STORE_UNAVAILABLE when a batch could be stored in part, and more segments would make the
   *   engine forget which part
   */
  async adopt(queuedAt: number): Promise<void> {
    const now = this.#now();
    const isStuck = (this.#segmentsSince ?? 0) >= MOST_SEGMENTS_BETWEEN;
    const isEarly = now < this.#nextAt && now > this.#nextAt - 2 * LAST_RETRY_MS;
    if (!this.#mayWait || (isEarly && !isStuck)) return;
    try {
      await this.#adoptAll(now, Math.min(queuedAt, now) - this.#options.settleMs);
      this.#retryMs = FIRST_RETRY_MS;
      this.#nextAt = now + CHECK_MS;
      this.#segmentsSince = undefined;
      this.#figures = { ...this.#figures, trouble: undefined };
    } catch (thrown) {
      const trouble = toError(thrown).message.slice(0, 500);
      this.#figures = { ...this.#figures, trouble };
      this.#options.log.error({ error: trouble, retryMs: this.#retryMs }, 'late tenants not resolved, trying again');
      this.#nextAt = now + this.#retryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
      if (isStuck || this.#begun === undefined) {
        throw new TenantryError(
          'STORE_UNAVAILABLE',
          `Spans that waited for their tenant cannot be stored: ${trouble}`,
          {
            hint: 'Segments wait until they are, as the engine could else forget what of them is stored already.',
            cause: thrown,
          },
        );
      }
    }
  }

  async #adoptAll(now: number, settledAt: number): Promise<void> {
    const batches = await this.#batches();
    const waiting = batches.filter(({ spans }) => spans > 0);
    const oldest = Math.min(...waiting.map((batch) => batch.oldest));
    this.#figures = {
      ...this.#figures,
      waitingSpans: waiting.reduce((sum, { spans }) => sum + spans, 0),
      oldestMs: waiting.length === 0 ? 0 : Math.max(0, now - oldest),
    };
    this.#mayWait = batches.length > 0;
    for (const batch of batches) {
      if (this.#isDue(batch, now, settledAt)) await this.#store(batch.name);
    }
  }

  async #batches(): Promise<readonly Batch[]> {
    const { clickhouse } = this.#options;
    const waiting = await clickhouse.inspect<{ batch: string; spans: number; oldest: string; newest: string }>(
      LIST_WAITING,
    );
    const begun = new Set((await clickhouse.inspect<{ batch: string }>(LIST_BEGUN)).map(({ batch }) => batch));
    this.#begun = begun;
    const ms = (ns: string) => Number(BigInt(ns) / 1_000_000n);
    const found = waiting.map(
      ({ batch, spans, oldest, newest }): Batch => ({
        ...{ name: batch, spans: Number(spans), oldest: ms(oldest), newest: ms(newest), isBegun: begun.has(batch) },
      }),
    );
    const left = [...begun].filter((name) => !found.some((batch) => batch.name === name));
    return [
      ...found,
      // Stored and dropped, and cut short before its answer was.
      ...left.map((name) => ({ name, spans: 0, oldest: 0, newest: Number(name.slice(0, 13)) || 0, isBegun: true })),
    ];
  }

  #isDue({ name, newest, isBegun }: Batch, now: number, settledAt: number): boolean {
    const [, openedAt, owner] = NAME.exec(name) ?? [];
    if (owner !== this.#options.owner) return newest < now - ORPHAN_MS;
    if (isBegun || newest > now + AHEAD_MS) return true;
    return Math.max(Number(openedAt) + BATCH_MS, newest + this.#options.waitMs) <= settledAt;
  }

  async #store(name: string): Promise<void> {
    const { clickhouse } = this.#options;
    this.#begun = new Set([...(this.#begun ?? []), name]);
    const [frozen] = await clickhouse.inspect<FrozenBatch>(readFrozen(name));
    if (frozen !== undefined && frozen.spans > 0) {
      await this.#look(name, frozen);
      const [counted] = await clickhouse.inspect<{ adopted: number }>(countAdopted(name));
      const adopted = counted?.adopted ?? 0;
      this.#segmentsSince ??= 0;
      for (const piece of storePieces(name, frozen)) await clickhouse.command(piece);
      await clickhouse.command(dropPartition('spans_waiting', name));
      this.#figures = {
        ...this.#figures,
        waitingSpans: Math.max(0, this.#figures.waitingSpans - frozen.spans),
        adoptedSpans: this.#figures.adoptedSpans + adopted,
        givenUpSpans: this.#figures.givenUpSpans + frozen.spans - adopted,
      };
    }
    await clickhouse.command(dropPartition('adopting_traces', name));
    this.#segmentsSince = undefined;
    this.#begun = new Set([...(this.#begun ?? [])].filter((begun) => begun !== name));
  }

  /** An answer that stands is never asked for again. Where none can be had, the spans stay without a tenant. */
  async #look(name: string, frozen: FrozenBatch): Promise<void> {
    const { clickhouse, log } = this.#options;
    const begun = await clickhouse.inspect<{ batch: string }>(LIST_BEGUN);
    if (begun.some(({ batch }) => batch === name)) return;
    try {
      await clickhouse.command(writeAnswer(name, frozen));
      this.#failedLooks = 0;
    } catch (thrown) {
      this.#failedLooks += 1;
      if (this.#failedLooks < LOOK_ATTEMPTS) throw thrown;
      this.#failedLooks = 0;
      log.error({ error: toError(thrown).message.slice(0, 500), spans: frozen.spans }, 'tenants of traces not found');
      await clickhouse.command(writeNoAnswer(name, frozen));
    }
  }
}
