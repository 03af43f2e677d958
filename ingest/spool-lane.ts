import type { Logger } from 'pino';
import { TenantryError, toError } from '../src/domain/errors.ts';
import type { SegmentSignal } from '../src/domain/spool-format.ts';
import type { KnownRequest } from './retry-memory.ts';
import { Segment, type SegmentJournal, type SpoolPaths } from './segment.ts';
import type { SpoolDisk } from './spool-disk.ts';
import type { SpoolUsage } from './spool-usage.ts';

export interface SpoolLaneOptions {
  readonly signal: SegmentSignal;
  readonly segmentBytes: number;
  readonly segmentAgeMs: number;
  readonly disk: SpoolDisk;
  readonly paths: SpoolPaths;
  readonly usage: SpoolUsage;
  readonly journal?: SegmentJournal | undefined;
  readonly log: Logger;
  readonly now: () => number;
  /** Told how long each write + fdatasync took, and how many requests shared it. */
  readonly onCommit: (seconds: number, requests: number) => void;
}

interface Waiting {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly known: KnownRequest | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * One signal's way through the spool: a segment is one insert into one table, so it holds requests of one signal.
 * `append` resolves only after an fdatasync that covers the request; requests that arrive while one runs share the next
 * (group commit).
 *
 *   append -> waiting -> [one writev + one fdatasync] -> resolved -> segment full or old -> sealed/ -> loader
 *                              └ fails: everybody who waits is rejected, the segment is cut to its last good byte
 */
export class SpoolLane {
  readonly #options: SpoolLaneOptions;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #segment: Segment | undefined;
  #age: NodeJS.Timeout | undefined;
  #sealDue = false;
  #unsealed: Segment[] = [];
  #commits: Promise<void> | undefined;
  /** performance.now() at which the disk was given what it works on; undefined: it has nothing to do. */
  #diskBusySince: number | undefined;

  constructor(options: SpoolLaneOptions) {
    this.#options = options;
  }

  /** Bytes on the disk that are not sealed yet. */
  get openBytes(): number {
    return this.#unsealed.reduce((sum, segment) => sum + segment.bytes, this.#segment?.bytes ?? 0);
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Unix milliseconds at which the open segment was begun; undefined = there is none. */
  get openSince(): number | undefined {
    return this.#segment?.openedAt;
  }

  /** Segments that could not be sealed and are kept open for another try. */
  get unsealedSegments(): number {
    return this.#unsealed.length;
  }

  /** For how long the disk has been working on one write, fsync or seal; 0: it has nothing to do. */
  get diskBusyMs(): number {
    return this.#diskBusySince === undefined ? 0 : performance.now() - this.#diskBusySince;
  }

  /** Turns away those of whom nothing is written yet; what the disk works on keeps waiting for its outcome. */
  refuseWaiting(reason: string): void {
    for (const request of this.#waiting.splice(0)) {
      this.#waitingBytes -= request.bytes;
      request.reject(spoolUnavailable(reason));
    }
  }

  /**
   * Stores one encoded record.
   * @throws TenantryError SPOOL_UNAVAILABLE if the disk failed; nothing is stored then
   */
  append(parts: readonly Uint8Array[], bytes: number, known?: KnownRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ parts, bytes, known, resolve, reject });
      this.#waitingBytes += bytes;
      this.#kick();
    });
  }

  async retryUnsealed(): Promise<void> {
    for (const segment of [...this.#unsealed]) {
      try {
        if (await segment.seal(this.#options.journal)) this.#options.usage.sealed(segment.name, segment.bytes);
        this.#unsealed = this.#unsealed.filter((other) => other !== segment);
      } catch (error) {
        this.#options.log.warn({ err: error, segment: segment.name }, 'a spool segment still cannot be sealed');
      }
    }
  }

  /** Stores what still waits, and seals. Nothing may be appended afterwards. */
  async close(): Promise<void> {
    while (this.#commits !== undefined) await this.#commits;
    await this.#sealCurrent();
    await this.retryUnsealed();
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
      this.#diskBusySince = performance.now();
      if (this.#sealDue || full) await this.#sealCurrent();
      else await this.#commitBatch();
      this.#diskBusySince = undefined;
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
      await this.#segment.append(
        batch.flatMap((request) => request.parts),
        batch.flatMap(({ known }) => known ?? []),
      );
    } catch (thrown) {
      await this.#fail(batch, toError(thrown));
      return;
    }
    this.#options.onCommit((performance.now() - started) / 1_000, batch.length);
    for (const request of batch) {
      this.#waitingBytes -= request.bytes;
      this.#options.usage.took(request.bytes);
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
    const { disk, paths, signal, now, segmentAgeMs } = this.#options;
    const segment = await Segment.create(disk, paths, signal, now());
    this.#age = setTimeout(() => {
      this.#sealDue = true;
      this.#kick();
    }, segmentAgeMs);
    this.#age.unref();
    return segment;
  }

  /** After a failed write the disk is in doubt: nobody who waits is kept waiting on it. */
  async #fail(batch: readonly Waiting[], cause: Error): Promise<void> {
    this.#options.log.error({ err: cause, requests: batch.length + this.#waiting.length }, 'spool write failed');
    const { code } = cause as NodeJS.ErrnoException;
    const waiting = this.#waiting.splice(0);
    for (const request of [...batch, ...waiting]) {
      this.#waitingBytes -= request.bytes;
      request.reject(spoolUnavailable(`writing to the spool failed${code === undefined ? '' : ` (${code})`}`, cause));
    }
    await this.#sealCurrent();
  }

  /** Never rejects: a segment that cannot be sealed keeps its requests and is tried again. */
  async #sealCurrent(): Promise<void> {
    this.#sealDue = false;
    clearTimeout(this.#age);
    const segment = this.#segment;
    if (segment === undefined) return;
    try {
      if (await segment.seal(this.#options.journal)) this.#options.usage.sealed(segment.name, segment.bytes);
    } catch (error) {
      this.#options.log.error({ err: error, segment: segment.name }, 'sealing a spool segment failed; will be retried');
      this.#unsealed.push(segment);
    }
    this.#segment = undefined;
  }
}

export function spoolUnavailable(detail: string, cause?: Error): TenantryError {
  return new TenantryError('SPOOL_UNAVAILABLE', detail, {
    hint: 'Keep the data and send it again after the time in Retry-After.',
    cause,
  });
}
