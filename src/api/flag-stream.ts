import type { ServerResponse } from 'node:http';
import { TenantryError } from '../domain/errors.ts';
import type { FlagChange, FlagFleet, FlagSnapshot, WireFlag } from '../domain/flag-wire.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { FlagFeed } from './ports.ts';

export interface FlagStreamTimes {
  readonly pingMs: number;
  readonly repairMs: number;
  /** A client that takes nothing for this long is cut. */
  readonly stallMs: number;
  /** Changes waiting for a slow client, in bytes; beyond it the client is cut and comes back for a snapshot. */
  readonly maxQueuedBytes: number;
}

/** Pings and repairs as `domain/flag-wire.ts` promises them. */
export const FLAG_STREAM_TIMES: FlagStreamTimes = {
  pingMs: 15_000,
  repairMs: 30_000,
  stallMs: 30_000,
  maxQueuedBytes: 256 * 1024,
};

export type EndReason = 'closed' | 'shutdown' | 'slow' | 'revoked';

export interface FlagStreamOptions {
  readonly feed: FlagFeed;
  /** Set for keys that are bound to one tenant. */
  readonly tenant: TenantId | undefined;
  readonly times: FlagStreamTimes;
  /** Monotonic milliseconds. */
  readonly monotonicNow: () => number;
  /** Asked before each repair; false ends the stream, so that a revoked key is out within one repair interval. */
  readonly isStillAllowed: () => Promise<boolean>;
  /** Called once for every stream that was started. */
  readonly onEnd: (reason: EndReason) => void;
  /** A repair that failed; the stream goes on with pings and tries again. */
  readonly onRepairFailed: (error: unknown) => void;
}

interface WaitingChange {
  readonly change: FlagChange;
  readonly heardAt: number;
  readonly bytes: number;
}

function eventText(event: 'snapshot' | 'change' | 'fleet', data: FlagSnapshot | FlagChange | FlagFleet): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Flags as they are `elapsedMs` after somebody filled in their ttl_ms. */
function aged(flags: readonly WireFlag[], elapsedMs: number): WireFlag[] {
  const elapsed = Math.max(0, Math.round(elapsedMs));
  return flags.map((flag) => ({ ...flag, ttl_ms: Math.max(0, flag.ttl_ms - elapsed) }));
}

/**
 * One client's stream. Subscribed before the first snapshot is read, so nothing falls between the two; whatever the
 * snapshot already holds is dropped by revision, so nothing comes twice. Revisions go backwards only with a snapshot,
 * after the database itself went back.
 *
 *   opening --snapshot--> live --write() full--> waiting --drain--> live
 *      any state --client gone | shutdown | slow | revoked--> ended (unsubscribed, timers cleared)
 */
export class FlagStream {
  readonly #options: FlagStreamOptions;
  readonly #unsubscribe: () => void;
  #response: ServerResponse | undefined;
  #revision = -1;
  /** Live instances of the client's service; undefined when it did not say which it is. */
  #instances: number | undefined;
  #queue: WaitingChange[] = [];
  #queuedBytes = 0;
  #fullSince: number | undefined;
  #timers: NodeJS.Timeout[] = [];
  #repairing = false;
  /** Asked for while one was under way, which may have read too early. */
  #repairAgain = false;
  #ended = false;

  private constructor(options: FlagStreamOptions) {
    this.#options = options;
    const unsubscribe = options.feed.subscribe(options.tenant, (change) => this.#hear(change));
    const stopResets = options.feed.onReset?.(() => void this.#repair());
    this.#unsubscribe = () => {
      unsubscribe();
      stopResets?.();
    };
  }

  /**
   * Subscribes and reads the first snapshot; nothing is sent yet. Call `start` or `end` next.
   * @throws what the feed throws, or STORE_UNAVAILABLE if more changes came meanwhile than may wait; the subscription
   * is gone then
   */
  static async open(options: FlagStreamOptions): Promise<{ stream: FlagStream; snapshot: FlagSnapshot }> {
    const stream = new FlagStream(options);
    try {
      const snapshot = await options.feed.snapshot(options.tenant);
      if (stream.#ended) throw new TenantryError('STORE_UNAVAILABLE', 'Flags changed faster than they could be read.');
      return { stream, snapshot };
    } catch (error) {
      stream.#release();
      throw error;
    }
  }

  /** Sends the snapshot and goes live on a response whose head is written. */
  start(response: ServerResponse, snapshot: FlagSnapshot, instances?: number): void {
    const { pingMs, repairMs } = this.#options.times;
    this.#response = response;
    this.#instances = instances;
    response.on('drain', () => this.#onDrain());
    response.on('close', () => this.end('closed'));
    // A peer's reset is reported here too; `close` follows it.
    response.on('error', () => this.end('closed'));
    this.#sendSnapshot(snapshot);
    this.#timers = [setInterval(() => this.#ping(), pingMs), setInterval(() => void this.#repair(), repairMs)];
    if (response.destroyed) this.end('closed');
  }

  /** How many instances of the client's service are live. A client that takes nothing learns it with its next snapshot. */
  tellFleet(instances: number): void {
    if (this.#instances === instances) return;
    this.#instances = instances;
    if (this.#response !== undefined && this.#fullSince === undefined && !this.#ended) {
      this.#write(eventText('fleet', { instances }));
    }
  }

  end(reason: EndReason): void {
    if (this.#ended) return;
    this.#release();
    const response = this.#response;
    if (response === undefined) return;
    // What a slow client has not taken would keep the socket, and with it the shutdown, waiting.
    if (this.#fullSince === undefined) response.end();
    else response.destroy();
    this.#options.onEnd(reason);
  }

  #release(): void {
    this.#ended = true;
    this.#unsubscribe();
    for (const timer of this.#timers) clearInterval(timer);
    this.#queue = [];
  }

  #hear(change: FlagChange): void {
    if (this.#ended) return;
    const mustWait = this.#response === undefined || this.#fullSince !== undefined;
    if (!mustWait) {
      this.#sendChange(change, 0);
      return;
    }
    const bytes = Buffer.byteLength(JSON.stringify(change));
    this.#queue.push({ change, heardAt: this.#options.monotonicNow(), bytes });
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > this.#options.times.maxQueuedBytes) this.end('slow');
  }

  #sendChange(change: FlagChange, elapsedMs: number): void {
    if (change.revision <= this.#revision) return;
    this.#revision = change.revision;
    this.#write(eventText('change', { ...change, upserts: aged(change.upserts, elapsedMs) }));
  }

  #sendSnapshot(snapshot: FlagSnapshot): void {
    this.#revision = snapshot.revision;
    const fleet = this.#instances === undefined ? {} : { instances: this.#instances };
    const flags = snapshot.flags.filter((flag) => flag.ttl_ms > 0);
    this.#write(eventText('snapshot', { ...snapshot, flags, ...fleet }));
    this.#flush();
  }

  #write(text: string): void {
    if (this.#response?.write(text) === false) this.#fullSince ??= this.#options.monotonicNow();
  }

  #onDrain(): void {
    this.#fullSince = undefined;
    this.#flush();
  }

  #flush(): void {
    while (this.#fullSince === undefined && !this.#ended) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#queuedBytes -= next.bytes;
      this.#sendChange(next.change, this.#options.monotonicNow() - next.heardAt);
    }
  }

  #ping(): void {
    if (this.#fullSince === undefined) {
      this.#write(': ping\n\n');
    } else if (this.#options.monotonicNow() - this.#fullSince >= this.#options.times.stallMs) {
      this.end('slow');
    }
  }

  /** Sends the whole state again, in case a change was lost on its way here. */
  async #repair(): Promise<void> {
    if (this.#repairing) {
      this.#repairAgain = true;
      return;
    }
    this.#repairing = true;
    try {
      if (!(await this.#options.isStillAllowed())) {
        this.end('revoked');
        return;
      }
      const before = this.#revision;
      const snapshot = await this.#options.feed.snapshot(this.#options.tenant);
      // Read before a change that went out meanwhile, it would undo that change. Older without one: the database was
      // restored from a backup, and what it has now holds.
      const isOutrun = snapshot.revision < this.#revision && this.#revision !== before;
      if (!this.#ended && !isOutrun && this.#fullSince === undefined) this.#sendSnapshot(snapshot);
    } catch (error) {
      this.#options.onRepairFailed(error);
    } finally {
      this.#repairing = false;
      if (this.#repairAgain && !this.#ended) {
        this.#repairAgain = false;
        void this.#repair();
      }
    }
  }
}
