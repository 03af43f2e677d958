import { randomBytes } from 'node:crypto';
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

const NAME = /^\d{13}-([0-9a-f]{16})-[0-9a-f]{8}$/;

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
 * Exactly once, wherever it is cut short: a batch that is closed gets no more rows, so its spans are frozen. The answer
 * is one row set under one token; pieces follow from spans and answer, under tokens made of the spans. All that a
 * later attempt does is therefore the same again, which the engine recognises table by table. A batch is closed when no
 * segment that was begun under it is in doubt.
 */
export class LateTenants {
  readonly #options: LateTenantsOptions;
  readonly #now: () => number;
  readonly #run = randomBytes(4).toString('hex');
  #open: { readonly name: string; readonly since: number } | undefined;
  #lastOpenedAt = 0;
  /** Segments whose insert has begun and not been confirmed, and the batch of the first attempt. */
  readonly #inDoubt = new Map<string, string>();
  /** The insert that a killed predecessor may have left running on a server is over once its segment is in. */
  #isPredecessorOver = false;
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

  /** A segment as it is to be inserted: with the batch under which its nameless spans wait, at every attempt the same. */
  batched(segment: SegmentInsert): SegmentInsert {
    return segment.signal === 'traces' ? { ...segment, waitingBatch: this.#batchOf(segment.token) } : segment;
  }

  #batchOf(insertToken: string): string {
    // A segment that is taken apart goes in under tokens of its own with something behind it.
    const [token = ''] = insertToken.split(':');
    const known = this.#inDoubt.get(token);
    if (known !== undefined) return known;
    this.#closeOld();
    this.#open ??= this.#newBatch();
    this.#inDoubt.set(token, this.#open.name);
    if (this.#options.waitMs > 0) this.#mayWait = true;
    return this.#open.name;
  }

  /** The segment is in, whole, and will not be inserted again. */
  loaded(token: string): void {
    this.#inDoubt.delete(token);
    this.#isPredecessorOver = true;
    if (this.#segmentsSince !== undefined) this.#segmentsSince += 1;
  }

  /**
   * Stores what is due. A failure is told in the figures and tried again at a later call, slower and slower; segments
   * may be loaded meanwhile.
   * @param queuedAt Unix ms: spans that were in the queue then are loaded
   * @param isQueueEmpty whether nothing at all was left in it
   * @throws TenantryError STORE_UNAVAILABLE when a batch could be stored in part, and more segments would make the
   *   engine forget which part
   */
  async adopt(queuedAt: number, isQueueEmpty: boolean): Promise<void> {
    const now = this.#now();
    if (isQueueEmpty) this.#isPredecessorOver = true;
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
      if (isStuck) {
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
    this.#closeOld();
    const batches = await this.#batches();
    const waiting = batches.filter(({ spans }) => spans > 0);
    const oldest = Math.min(...waiting.map((batch) => batch.oldest));
    this.#figures = {
      ...this.#figures,
      waitingSpans: waiting.reduce((sum, { spans }) => sum + spans, 0),
      oldestMs: waiting.length === 0 ? 0 : Math.max(0, now - oldest),
    };
    this.#mayWait = batches.length > 0 || this.#inDoubt.size > 0;
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
    if (NAME.exec(name)?.[1] !== this.#options.owner) return newest < now - ORPHAN_MS;
    if (name === this.#open?.name || [...this.#inDoubt.values()].includes(name)) return false;
    if (isBegun) return true;
    return this.#isPredecessorOver && (newest + this.#options.waitMs <= settledAt || newest > now + AHEAD_MS);
  }

  async #store(name: string): Promise<void> {
    const { clickhouse } = this.#options;
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
      await clickhouse.command(writeNoAnswer(name));
    }
  }

  #closeOld(): void {
    const age = this.#now() - (this.#open?.since ?? 0);
    if (age >= BATCH_MS || age < 0) this.#open = undefined;
  }

  #newBatch(): { readonly name: string; readonly since: number } {
    const since = this.#now();
    this.#lastOpenedAt = Math.max(since, this.#lastOpenedAt + 1);
    return { name: `${this.#lastOpenedAt}-${this.#options.owner}-${this.#run}`, since };
  }
}
