import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { toError } from '../../domain/errors.ts';
import { SEGMENT_NAME_PATTERN, type SegmentSignal, SPOOL_FOLDERS, signalOfSegment } from '../../domain/spool-format.ts';
import type { ClickHouse, SegmentInsert } from './clickhouse.ts';
import { insertVerdict } from './engine-errors.ts';
import { InsertGate } from './insert-gate.ts';
import type { LateTenantFigures, LateTenants } from './late-tenants.ts';
import { RefusedSegments } from './quarantine.ts';

const POLL_MS = 500;
const FIRST_RETRY_MS = 500;
/** The longest wait is so many times the first. */
const LAST_RETRY_TIMES = 60;
/** Each wait is between half of its length and all of it: loaders that failed together do not come back together. */
const JITTER = 0.5;
/** Refusals of one segment, about a minute of them, before it is asked whether others fare better. */
const MOST_REFUSALS = 8;
const QUARANTINE_MAX_BYTES = 1024 ** 3;

export interface LoaderFigures {
  readonly loadedSegments: number;
  readonly loadedBytes: number;
  readonly quarantinedRequests: number;
  /** Requests that were deleted because the quarantine was full. */
  readonly evictedRequests: number;
  /** Sealed segments that wait. */
  readonly waitingSegments: number;
  /** Age of the oldest one that waits, by its name; 0 when none does. */
  readonly oldestWaitingMs: number;
  /** Spans that wait for a tenant; undefined where none does. */
  readonly late: LateTenantFigures | undefined;
  /** Why the last attempt failed; undefined while all is well. */
  readonly trouble: string | undefined;
  /** Unix ms of the first of the failures that have not ended; undefined while all is well. */
  readonly troubleSince: number | undefined;
  /** From the first byte of the last segment to its being queryable; undefined before the first. */
  readonly lastLoadMs: number | undefined;
}

export interface SegmentLoaderOptions {
  readonly spoolFolder: string;
  /** Stores the spans that wait for a tenant, between two segments; absent where none waits. */
  readonly late?: LateTenants;
  readonly clickhouse: Pick<ClickHouse, 'insertSegment' | 'checkSegment'>;
  readonly log: Logger;
  /** Passed by each segment from its insert to its deletion; who holds it sees none in between. */
  readonly gate?: InsertGate;
  /** Size of the quarantine. */
  readonly quarantineMaxBytes?: number;
  /** Told of each segment that is in while its file is still there; a failure is nobody's loss. `at`: Unix ms. */
  readonly onLoaded?: (path: string, signal: SegmentSignal, at: number) => Promise<void>;
  /** Wait after the first of several failures, in ms. */
  readonly firstRetryMs?: number;
  readonly now?: () => number;
  readonly random?: () => number;
}

/**
 * Inserts sealed segments, oldest first, one at a time, and deletes each once it is in. The file's name is the insert's
 * token: should the process die between the insert and the deletion, the next start inserts the same bytes under the
 * same token, and the engine drops them as known. A segment that is refused for its content is taken apart request by
 * request, and one that keeps being refused while others go in is set aside whole; everything else is tried again for
 * ever, slower and slower while nothing goes in, and the spool holds what comes meanwhile.
 */
export class SegmentLoader {
  readonly #options: SegmentLoaderOptions;
  readonly #sealed: string;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #refused: RefusedSegments;
  readonly #gate: InsertGate;
  #watcher: FSWatcher | undefined;
  #wake: () => void = () => undefined;
  #changed = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #waiting: string[] = [];
  #loaded = 0;
  #loadedBytes = 0;
  #quarantined = 0;
  /** Of the oldest segment that waits. */
  #refusals = 0;
  #trouble: string | undefined;
  #troubleSince: number | undefined;
  #lastLoadMs: number | undefined;

  constructor(options: SegmentLoaderOptions) {
    const { clickhouse, late } = options;
    this.#options = {
      ...options,
      clickhouse: {
        checkSegment: (segment) => clickhouse.checkSegment(segment),
        insertSegment: (segment) => clickhouse.insertSegment(late?.batched(segment) ?? segment),
      },
    };
    this.#sealed = join(options.spoolFolder, SPOOL_FOLDERS.sealed);
    this.#gate = options.gate ?? new InsertGate();
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#refused = new RefusedSegments({
      ...this.#options,
      maxBytes: options.quarantineMaxBytes ?? QUARANTINE_MAX_BYTES,
      now: this.#now,
    });
  }

  async start(): Promise<void> {
    await mkdir(this.#sealed, { recursive: true });
    this.#watcher = watch(this.#sealed, () => {
      this.#changed = true;
      this.#wake();
    });
    // A watch can be lost (folder replaced, too many watches); the poll in #rest makes it a matter of speed only.
    this.#watcher.on('error', (error) => this.#options.log.warn({ error: error.message }, 'spool watch lost, polling'));
    this.#running = this.#run();
  }

  /** Stops after the segment that is being inserted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watcher?.close();
    this.#wake();
    await this.#running;
  }

  figures(): LoaderFigures {
    const oldest = this.#waiting[0];
    return {
      loadedSegments: this.#loaded,
      loadedBytes: this.#loadedBytes,
      quarantinedRequests: this.#quarantined,
      evictedRequests: this.#refused.evicted,
      waitingSegments: this.#waiting.length,
      oldestWaitingMs: oldest === undefined ? 0 : Math.max(0, this.#now() - openedAt(oldest)),
      late: this.#options.late?.figures(),
      trouble: this.#trouble,
      troubleSince: this.#troubleSince,
      lastLoadMs: this.#lastLoadMs,
    };
  }

  async #run(): Promise<void> {
    const firstMs = this.#options.firstRetryMs ?? FIRST_RETRY_MS;
    let retryMs = firstMs;
    while (!this.#stopped) {
      const loadedBefore = this.#loaded;
      try {
        const worked = await this.#loadAll();
        this.#trouble = undefined;
        this.#troubleSince = undefined;
        retryMs = firstMs;
        if (!worked && !this.#changed) await this.#rest(POLL_MS);
      } catch (thrown) {
        this.#trouble = toError(thrown).message.slice(0, 500);
        this.#troubleSince ??= this.#now();
        // A store that takes some inserts and fails others has to be asked often, or it would never catch up.
        if (this.#loaded > loadedBefore) retryMs = firstMs;
        const waitMs = retryMs * (1 - JITTER * this.#random());
        this.#options.log.error({ error: this.#trouble, retryMs: waitMs }, 'segment not loaded, trying again');
        await this.#rest(waitMs, false);
        retryMs = Math.min(retryMs * 2, firstMs * LAST_RETRY_TIMES);
      }
    }
  }

  async #loadAll(): Promise<boolean> {
    this.#changed = false;
    const readAt = this.#now();
    this.#waiting = (await readdir(this.#sealed)).filter((name) => SEGMENT_NAME_PATTERN.test(name)).toSorted();
    const found = this.#waiting.length > 0;
    for (let name = this.#waiting[0]; name !== undefined && !this.#stopped; name = this.#waiting[0]) {
      await this.#gate.share(async () => {
        await this.#options.late?.adopt(Math.min(readAt, openedAt(name)));
        await this.#load(name).catch((thrown: unknown) => this.#passOver(name, thrown));
      });
      this.#refusals = 0;
      this.#waiting.shift();
    }
    if (!this.#stopped) await this.#gate.share(async () => this.#options.late?.adopt(readAt));
    return found;
  }

  async #load(name: string): Promise<void> {
    const segment = this.#segment(name);
    if (await this.#refused.isBegun(segment.token)) {
      this.#quarantined += await this.#refused.takeApart(segment);
    } else {
      await this.#options.clickhouse.insertSegment(segment).catch(async (thrown: unknown) => {
        if (insertVerdict(thrown) !== 'content') throw thrown;
        const error = toError(thrown).message.slice(0, 300);
        this.#options.log.warn({ segment: name, error }, 'segment refused, taking it apart');
        this.#quarantined += await this.#refused.takeApart(segment, thrown);
      });
    }
    await this.#remove(segment);
  }

  /**
   * Sets a segment aside that was refused often enough, if the one behind it goes in: then it is the segment, and not
   * the store. Else it stays where it is.
   */
  async #passOver(name: string, thrown: unknown): Promise<void> {
    if (insertVerdict(thrown) === 'store') throw thrown;
    this.#refusals += 1;
    const next = this.#waiting[1];
    if (this.#refusals < MOST_REFUSALS || next === undefined) throw thrown;
    await this.#load(next);
    this.#waiting.splice(1, 1);
    const error = toError(thrown).message;
    this.#options.log.error({ segment: name, error: error.slice(0, 500) }, 'segment refused for good, set aside whole');
    this.#quarantined += await this.#refused.setAside(this.#segment(name), error);
  }

  #segment(name: string): SegmentInsert {
    return { signal: signalOfSegment(name), path: join(this.#sealed, name), token: name.replace(/\.otlp$/, '') };
  }

  async #remove({ path, signal, token }: SegmentInsert): Promise<void> {
    const loadedAt = this.#now();
    await this.#options.onLoaded?.(path, signal, loadedAt).catch(() => undefined);
    const { size } = await stat(path);
    await rm(path, { force: true });
    await this.#refused.forget(token);
    this.#options.late?.loaded();
    this.#loaded += 1;
    this.#loadedBytes += size;
    this.#lastLoadMs = Math.max(0, loadedAt - openedAt(token));
  }

  /** Until something is sealed, at most `ms`; `wakeable` false after a failure, so that new segments do not cut it short. */
  async #rest(ms: number, wakeable = true): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!wakeable && !this.#stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}

/** Unix ms that a segment's name carries: everything in it arrived later. */
function openedAt(name: string): number {
  return Number(name.slice(0, 13));
}
