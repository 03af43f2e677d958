import { join } from 'node:path';
import type { Logger } from 'pino';
import { TenantryError, toError } from '../src/domain/errors.ts';
import { SPOOL_FOLDERS } from '../src/domain/spool-format.ts';
import { Segment, type SpoolPaths } from './segment.ts';
import { nodeDisk, type SpoolDisk } from './spool-disk.ts';
import { lockSpool, type SpoolLock } from './spool-lock.ts';
import { encodeRecord, type RequestOrigin } from './spool-record.ts';
import { type RecoveryFigures, recoverSegments } from './spool-recovery.ts';
import { SpoolUsage } from './spool-usage.ts';

export interface SpoolOptions {
  /** `<data dir>/spool` */
  readonly folder: string;
  readonly segmentBytes: number;
  readonly segmentAgeMs: number;
  /** Bytes of open and sealed segments together above which `append` refuses. */
  readonly maxBytes: number;
  readonly log: Logger;
  readonly disk?: SpoolDisk;
  readonly now?: () => number;
  /** Told how long each write + fdatasync took, and how many requests shared it. */
  readonly onCommit?: (seconds: number, requests: number) => void;
}

export interface SpoolFigures {
  readonly openBytes: number;
  readonly sealedBytes: number;
  readonly sealedSegments: number;
  /** Unix milliseconds; undefined = there is none. */
  readonly openSince: number | undefined;
  readonly oldestSealedAt: number | undefined;
  /** Why requests are refused now; undefined = they are taken. */
  readonly refusal: string | undefined;
  readonly recovered: RecoveryFigures;
}

interface Waiting {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** How often deleted segments, free space and segments that could not be sealed are looked at. */
const LOOK_EVERY_MS = 1_000;
/** Segments that could not be sealed are kept open for another try; more than this means a broken disk. */
const MAX_UNSEALED = 8;

/**
 * Durable queue of requests on the disk. `append` resolves only after an fdatasync that covers the request; requests
 * that arrive while one runs share the next (group commit).
 *
 *   append -> waiting -> [one writev + one fdatasync] -> resolved -> segment full or old -> sealed/ -> loader
 *                              └ fails: everybody who waits is rejected, the segment is cut to its last good byte
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #disk: SpoolDisk;
  readonly #paths: SpoolPaths;
  readonly #now: () => number;
  readonly #lock: SpoolLock;
  readonly #recovered: RecoveryFigures;
  readonly #usage: SpoolUsage;
  readonly #looks: NodeJS.Timeout;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #segment: Segment | undefined;
  #age: NodeJS.Timeout | undefined;
  #sealDue = false;
  #unsealed: Segment[] = [];
  #commits: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    options: SpoolOptions,
    paths: SpoolPaths,
    lock: SpoolLock,
    usage: SpoolUsage,
    recovered: RecoveryFigures,
  ) {
    this.#options = options;
    this.#disk = options.disk ?? nodeDisk;
    this.#now = options.now ?? Date.now;
    this.#paths = paths;
    this.#lock = lock;
    this.#usage = usage;
    this.#recovered = recovered;
    this.#looks = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#looks.unref();
  }

  /**
   * Makes the folders, takes the lock, seals what an earlier process left open.
   * @throws TenantryError DATA_DIR_IN_USE if another process has the lock
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const disk = options.disk ?? nodeDisk;
    const paths: SpoolPaths = {
      spool: options.folder,
      open: join(options.folder, SPOOL_FOLDERS.open),
      sealed: join(options.folder, SPOOL_FOLDERS.sealed),
      quarantine: join(options.folder, SPOOL_FOLDERS.quarantine),
    };
    for (const folder of [paths.spool, paths.open, paths.sealed, paths.quarantine]) await disk.makeFolder(folder);
    const lock = await lockSpool(options.folder);
    try {
      const recovered = await recoverSegments(disk, paths, options.log, options.now ?? Date.now);
      const usage = new SpoolUsage(disk, paths);
      await usage.refresh();
      return new Spool(options, paths, lock, usage, recovered);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * Stores one request.
   * @param message the client's bytes, already checked; not copied, so they must not change until this resolves
   * @throws TenantryError SPOOL_UNAVAILABLE if there is no room or the disk failed; nothing is stored then
   */
  append(message: Uint8Array, origin: RequestOrigin): Promise<void> {
    const parts = encodeRecord(message, origin);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) return Promise.reject(unavailable(refusal));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ parts, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#kick();
    });
  }

  figures(): SpoolFigures {
    return {
      openBytes: this.#openBytes(),
      sealedBytes: this.#usage.sealedBytes,
      sealedSegments: this.#usage.sealedSegments,
      openSince: this.#segment?.openedAt,
      oldestSealedAt: this.#usage.oldestSealedAt,
      refusal: this.#refusal(0),
      recovered: this.#recovered,
    };
  }

  /** Stores what still waits, seals, gives the lock back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#looks);
    await this.#looking;
    while (this.#commits !== undefined) await this.#commits;
    await this.#sealCurrent();
    await this.#retryUnsealed();
    await this.#lock.release();
  }

  #openBytes(): number {
    return this.#unsealed.reduce((sum, segment) => sum + segment.bytes, this.#segment?.bytes ?? 0);
  }

  #refusal(bytes: number): string | undefined {
    const { maxBytes } = this.#options;
    if (this.#closing !== undefined) return 'ingest is shutting down';
    if (this.#unsealed.length >= MAX_UNSEALED) return 'the disk of the spool fails';
    const used = this.#openBytes() + this.#waitingBytes + this.#usage.sealedBytes;
    if (used + bytes > maxBytes) return `the spool is full (${used} of ${maxBytes} bytes wait for the store)`;
    if (this.#waitingBytes + bytes >= this.#usage.usableBytes) return 'the disk of the spool is nearly full';
    return undefined;
  }

  #kick(): void {
    this.#commits ??= this.#commitAll().finally(() => {
      this.#commits = undefined;
      if (this.#waiting.length > 0 || this.#sealDue) this.#kick();
    });
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sealDue) {
      const segment = this.#segment;
      const [next] = this.#waiting;
      const full = segment !== undefined && next !== undefined && !this.#fits(segment.bytes, next.bytes);
      if (this.#sealDue || full) await this.#sealCurrent();
      else await this.#commitBatch();
    }
  }

  /** A request larger than a whole segment gets one of its own. */
  #fits(used: number, bytes: number): boolean {
    return used === 0 || used + bytes <= this.#options.segmentBytes;
  }

  async #commitBatch(): Promise<void> {
    const batch = this.#takeBatch(this.#segment?.bytes ?? 0);
    const started = performance.now();
    try {
      this.#segment ??= await this.#openSegment();
      await this.#segment.append(batch.flatMap((request) => request.parts));
    } catch (thrown) {
      await this.#fail(batch, toError(thrown));
      return;
    }
    this.#options.onCommit?.((performance.now() - started) / 1_000, batch.length);
    for (const request of batch) {
      this.#release(request);
      this.#usage.took(request.bytes);
      request.resolve();
    }
    if (this.#segment.bytes >= this.#options.segmentBytes) await this.#sealCurrent();
  }

  #takeBatch(used: number): Waiting[] {
    let bytes = used;
    let count = 0;
    for (const request of this.#waiting) {
      if (!this.#fits(bytes, request.bytes)) break;
      bytes += request.bytes;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #openSegment(): Promise<Segment> {
    const segment = await Segment.create(this.#disk, this.#paths, this.#now());
    this.#age = setTimeout(() => {
      this.#sealDue = true;
      this.#kick();
    }, this.#options.segmentAgeMs);
    this.#age.unref();
    return segment;
  }

  /** After a failed write the disk is in doubt: nobody who waits is kept waiting on it. */
  async #fail(batch: readonly Waiting[], cause: Error): Promise<void> {
    this.#options.log.error({ err: cause, requests: batch.length + this.#waiting.length }, 'spool write failed');
    const { code } = cause as NodeJS.ErrnoException;
    const waiting = this.#waiting.splice(0);
    for (const request of [...batch, ...waiting]) {
      this.#release(request);
      request.reject(unavailable(`writing to the spool failed${code === undefined ? '' : ` (${code})`}`, cause));
    }
    await this.#sealCurrent();
  }

  #release(request: Waiting): void {
    this.#waitingBytes -= request.bytes;
  }

  /** Never rejects: a segment that cannot be sealed keeps its requests and is tried again. */
  async #sealCurrent(): Promise<void> {
    this.#sealDue = false;
    clearTimeout(this.#age);
    const segment = this.#segment;
    if (segment === undefined) return;
    try {
      if (await segment.seal()) this.#usage.sealed(segment.name, segment.bytes);
    } catch (error) {
      this.#options.log.error({ err: error, segment: segment.name }, 'sealing a spool segment failed; will be retried');
      this.#unsealed.push(segment);
    }
    this.#segment = undefined;
  }

  async #retryUnsealed(): Promise<void> {
    for (const segment of [...this.#unsealed]) {
      try {
        if (await segment.seal()) this.#usage.sealed(segment.name, segment.bytes);
        this.#unsealed = this.#unsealed.filter((other) => other !== segment);
      } catch (error) {
        this.#options.log.warn({ err: error, segment: segment.name }, 'a spool segment still cannot be sealed');
      }
    }
  }

  #look(): void {
    this.#looking ??= this.#retryUnsealed()
      .then(() => this.#usage.refresh())
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'could not look at the spool folder'))
      .finally(() => {
        this.#looking = undefined;
      });
  }
}

function unavailable(detail: string, cause?: Error): TenantryError {
  return new TenantryError('SPOOL_UNAVAILABLE', detail, {
    hint: 'Keep the data and send it again after the time in Retry-After.',
    cause,
  });
}
