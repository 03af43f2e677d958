import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { toError } from '../../domain/errors.ts';
import { SEGMENT_NAME_PATTERN, SPOOL_FOLDERS, signalOfSegment } from '../../domain/spool-format.ts';
import type { ClickHouse } from './clickhouse.ts';
import { isBadSegment } from './engine-errors.ts';
import { loadByBisection } from './quarantine.ts';

const POLL_MS = 500;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

export interface LoaderFigures {
  readonly loadedSegments: number;
  readonly quarantinedRequests: number;
  /** Sealed segments that wait. */
  readonly waitingSegments: number;
  /** Age of the oldest one that waits, by its name; 0 when none does. */
  readonly oldestWaitingMs: number;
  /** Why the last attempt failed; undefined while all is well. */
  readonly trouble: string | undefined;
  /** Unix ms of the first of the failures that have not ended; undefined while all is well. */
  readonly troubleSince: number | undefined;
  /** From the first byte of the last segment to its being queryable; undefined before the first. */
  readonly lastLoadMs: number | undefined;
}

export interface SegmentLoaderOptions {
  readonly spoolFolder: string;
  readonly clickhouse: Pick<ClickHouse, 'insertSegment'>;
  readonly log: Logger;
  readonly now?: () => number;
}

/**
 * Inserts sealed segments, oldest first, one at a time, and deletes each once it is in. The file's name is the insert's
 * token: should the process die between the insert and the deletion, the next start inserts the same bytes under the
 * same token, and the engine drops them as known. A segment that is refused for its content is taken apart request by
 * request; everything else is tried again for ever, slower and slower, and the spool holds what comes meanwhile.
 */
export class SegmentLoader {
  readonly #options: SegmentLoaderOptions;
  readonly #sealed: string;
  readonly #now: () => number;
  #watcher: FSWatcher | undefined;
  #wake: () => void = () => undefined;
  #changed = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #waiting: string[] = [];
  #loaded = 0;
  #quarantined = 0;
  #trouble: string | undefined;
  #troubleSince: number | undefined;
  #lastLoadMs: number | undefined;

  constructor(options: SegmentLoaderOptions) {
    this.#options = options;
    this.#sealed = join(options.spoolFolder, SPOOL_FOLDERS.sealed);
    this.#now = options.now ?? Date.now;
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
      quarantinedRequests: this.#quarantined,
      waitingSegments: this.#waiting.length,
      oldestWaitingMs: oldest === undefined ? 0 : Math.max(0, this.#now() - Number(oldest.slice(0, 13))),
      trouble: this.#trouble,
      troubleSince: this.#troubleSince,
      lastLoadMs: this.#lastLoadMs,
    };
  }

  async #run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#stopped) {
      try {
        const worked = await this.#loadAll();
        this.#trouble = undefined;
        this.#troubleSince = undefined;
        retryMs = FIRST_RETRY_MS;
        if (!worked && !this.#changed) await this.#rest(POLL_MS);
      } catch (thrown) {
        this.#trouble = toError(thrown).message.slice(0, 500);
        this.#troubleSince ??= this.#now();
        this.#options.log.error({ error: this.#trouble, retryMs }, 'segment not loaded, trying again');
        await this.#rest(retryMs, false);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  async #loadAll(): Promise<boolean> {
    this.#changed = false;
    this.#waiting = (await readdir(this.#sealed)).filter((name) => SEGMENT_NAME_PATTERN.test(name)).toSorted();
    const found = this.#waiting.length > 0;
    for (let name = this.#waiting[0]; name !== undefined && !this.#stopped; name = this.#waiting[0]) {
      await this.#load(name);
      this.#waiting.shift();
    }
    return found;
  }

  async #load(name: string): Promise<void> {
    const path = join(this.#sealed, name);
    const segment = { signal: signalOfSegment(name), path, token: name.replace(/\.otlp$/, '') };
    try {
      await this.#options.clickhouse.insertSegment(segment);
    } catch (thrown) {
      if (!isBadSegment(thrown)) throw thrown;
      this.#options.log.warn(
        { segment: name, error: toError(thrown).message.slice(0, 300) },
        'segment refused, bisecting',
      );
      this.#quarantined += await loadByBisection(this.#options, segment);
    }
    await rm(path, { force: true });
    this.#loaded += 1;
    this.#lastLoadMs = Math.max(0, this.#now() - Number(name.slice(0, 13)));
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
