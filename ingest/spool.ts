import { join } from 'node:path';
import type { Logger } from 'pino';
import { SEGMENT_SIGNALS, type SegmentSignal, SPOOL_FOLDERS } from '../src/domain/spool-format.ts';
import { Retries } from './retries.ts';
import type { RetryMemory } from './retry-memory.ts';
import type { SpoolPaths } from './segment.ts';
import { nodeDisk, type SpoolDisk } from './spool-disk.ts';
import { SpoolLane, spoolUnavailable } from './spool-lane.ts';
import { lockSpool, type SpoolLock } from './spool-lock.ts';
import { RequestOwners } from './spool-owners.ts';
import { encodeRecord, type RequestOrigin } from './spool-record.ts';
import { type RecoveryFigures, recoverSegments } from './spool-recovery.ts';
import { SpoolUsage } from './spool-usage.ts';

export interface SpoolOptions {
  /** `<data dir>/spool` */
  readonly folder: string;
  readonly segmentBytes: number;
  /** Of traces; segments of metrics get METRICS_AGE_FACTOR times as old. */
  readonly segmentAgeMs: number;
  /** Bytes of open and sealed segments together above which `append` refuses. */
  readonly maxBytes: number;
  /** For how long a retry of a stored request is recognised; 0 or absent = never. */
  readonly retryWindowMs?: number;
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
  /** Unix milliseconds of the oldest open segment; undefined = there is none. */
  readonly openSince: number | undefined;
  readonly oldestSealedAt: number | undefined;
  /** Why requests are refused now; undefined = they are taken. */
  readonly refusal: string | undefined;
  readonly recovered: RecoveryFigures;
}

/**
 * Metrics are exported every 10 s or less often and no detector waits for them, while every insert costs its analysis
 * (about 0.1 s of CPU, however small it is): their segments stay open longer.
 */
const METRICS_AGE_FACTOR = 5;
/** How often deleted segments, free space and segments that could not be sealed are looked at. */
const LOOK_EVERY_MS = 1_000;
/**
 * A disk that works on one fsync for longer is refused more: exporters give up a request after 10 s, and one that is told
 * 503 now is sent again, while one that waits is held in memory for nothing.
 */
const SLOW_DISK_MS = 2_000;
const SLOW_DISK = 'the disk of the spool takes too long';
/** Segments that could not be sealed are kept open for another try; more than this means a broken disk. */
const MAX_UNSEALED = 8;

/**
 * Durable queue of requests on the disk, one lane for each signal. The lanes share the disk's room: what is refused, is
 * refused for all.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #lock: SpoolLock;
  readonly #recovered: RecoveryFigures;
  readonly #usage: SpoolUsage;
  readonly #lanes: Readonly<Record<SegmentSignal, SpoolLane>>;
  readonly #retries: Retries | undefined;
  readonly #looks: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    options: SpoolOptions,
    lanes: Readonly<Record<SegmentSignal, SpoolLane>>,
    lock: SpoolLock,
    usage: SpoolUsage,
    recovered: RecoveryFigures,
    retries: Retries | undefined,
  ) {
    this.#options = options;
    this.#lanes = lanes;
    this.#lock = lock;
    this.#usage = usage;
    this.#recovered = recovered;
    this.#retries = retries;
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
    let known: Awaited<ReturnType<typeof openRetries>>;
    try {
      const now = options.now ?? Date.now;
      known = await openRetries(options, disk, paths, now);
      const recovered = await recoverSegments(disk, paths, options.log, now, known);
      const usage = new SpoolUsage(disk, paths);
      await usage.refresh();
      const retries = known?.retries;
      const shared = { disk, paths, usage, journal: retries, now, onCommit: options.onCommit ?? (() => {}) };
      const { segmentBytes, segmentAgeMs, log } = options;
      const traces = new SpoolLane({ ...shared, signal: 'traces', segmentBytes, segmentAgeMs, log });
      const metricsAgeMs = segmentAgeMs * METRICS_AGE_FACTOR;
      const metrics = new SpoolLane({ ...shared, signal: 'metrics', segmentBytes, segmentAgeMs: metricsAgeMs, log });
      return new Spool(options, { traces, metrics }, lock, usage, recovered, retries);
    } catch (error) {
      await known?.retries.close();
      await lock.release();
      throw error;
    }
  }

  /**
   * Stores one request.
   * @param message the client's bytes, already checked; not copied, so they must not change until this resolves
   * @throws TenantryError SPOOL_UNAVAILABLE if there is no room or the disk failed; nothing is stored then
   */
  append(signal: SegmentSignal, message: Uint8Array, origin: RequestOrigin): Promise<void> {
    const parts = encodeRecord(message, origin);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) return Promise.reject(spoolUnavailable(refusal));
    return this.#lanes[signal].append(parts, bytes, origin.known);
  }

  /** Requests that were stored lately, by an earlier process too; undefined = retries are not recognised. */
  get retries(): RetryMemory | undefined {
    return this.#retries?.memory;
  }

  figures(): SpoolFigures {
    const since = this.#all((lane) => lane.openSince ?? Number.POSITIVE_INFINITY);
    return {
      openBytes: this.#sum((lane) => lane.openBytes),
      sealedBytes: this.#usage.sealedBytes,
      sealedSegments: this.#usage.sealedSegments,
      openSince: since.every((at) => at === Number.POSITIVE_INFINITY) ? undefined : Math.min(...since),
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
    await Promise.all(this.#all((lane) => lane.close()));
    await this.#retries?.close();
    await this.#lock.release();
  }

  #refusal(bytes: number): string | undefined {
    const { maxBytes } = this.#options;
    if (this.#closing !== undefined) return 'ingest is shutting down';
    if (this.#sum((lane) => lane.unsealedSegments) >= MAX_UNSEALED) return 'the disk of the spool fails';
    if (this.#isSlow()) return SLOW_DISK;
    const waiting = this.#sum((lane) => lane.waitingBytes);
    const used = this.#sum((lane) => lane.openBytes) + waiting + this.#usage.sealedBytes;
    if (used + bytes > maxBytes) return `the spool is full (${used} of ${maxBytes} bytes wait for the store)`;
    if (waiting + bytes >= this.#usage.usableBytes) return 'the disk of the spool is nearly full';
    return undefined;
  }

  #all<T>(of: (lane: SpoolLane) => T): T[] {
    return SEGMENT_SIGNALS.map((signal) => of(this.#lanes[signal]));
  }

  #sum(of: (lane: SpoolLane) => number): number {
    return this.#all(of).reduce((sum, value) => sum + value, 0);
  }

  #isSlow(): boolean {
    return this.#all((lane) => lane.diskBusyMs).some((ms) => ms > SLOW_DISK_MS);
  }

  #look(): void {
    if (this.#isSlow()) this.#all((lane) => lane.refuseWaiting(SLOW_DISK));
    this.#looking ??= Promise.all(this.#all((lane) => lane.retryUnsealed()))
      .then(() => this.#usage.refresh())
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'could not look at the spool folder'))
      .finally(() => {
        this.#looking = undefined;
      });
  }
}

async function openRetries(options: SpoolOptions, disk: SpoolDisk, paths: SpoolPaths, now: () => number) {
  const { retryWindowMs: windowMs = 0, log } = options;
  if (windowMs === 0) return undefined;
  const owners = await RequestOwners.read(disk, paths);
  const entries = { spoolFolder: paths.spool, disk, windowMs, now, log };
  return { owners, retries: await Retries.open(entries, (entry) => owners.journaled(entry)) };
}
