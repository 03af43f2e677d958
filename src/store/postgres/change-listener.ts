/**
 * Wakes readers when something was committed. Notifications carry a revision number and nothing else: every role may
 * listen to every channel. They are a hint: readers ask the database what changed, on every notification, after every
 * (re)connect and every few seconds, so a lost notification costs seconds and never a change.
 *
 *   connecting --ok--> listening --lost--> waiting (back-off) --> connecting        any --stop--> stopped
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toError } from '../../domain/errors.ts';
import { type DedicatedConnection, openDedicatedConnection } from './dedicated-connection.ts';

export type Stream = 'flags' | 'keys' | 'prices';

/** The channel on which a change of `stream` is announced. */
export function channelOf(stream: Stream): string {
  return `tenantry_${stream}`;
}

export interface ChangeListenerOptions {
  readonly url: string;
  readonly log: Logger;
  readonly pollMs?: number;
  readonly firstRetryMs?: number;
  readonly lastRetryMs?: number;
}

const DEFAULTS = { pollMs: 5_000, firstRetryMs: 100, lastRetryMs: 5_000 } as const;

export class ChangeListener {
  readonly #options: Required<ChangeListenerOptions>;
  readonly #readers = new Map<Stream, Reader>();
  readonly #stopped = new AbortController();
  #connection: DedicatedConnection | undefined;
  #running: Promise<void> | undefined;
  #poll: NodeJS.Timeout | undefined;

  constructor(options: ChangeListenerOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Whether notifications arrive right now; without them readers are late by at most the poll interval. */
  get listening(): boolean {
    return this.#connection !== undefined && !this.#connection.lost.aborted;
  }

  /** Registers the reader of a stream; before `start`. `read` is never run twice at once. */
  onChange(stream: Stream, read: () => Promise<void>): void {
    this.#readers.set(
      stream,
      new Reader(read, (error) =>
        this.#options.log.warn({ err: error, stream }, 'reading changes failed; trying again'),
      ),
    );
  }

  start(): void {
    this.#running ??= this.#run();
    this.#poll ??= setInterval(() => void this.#tick(), this.#options.pollMs).unref();
  }

  /** Resolves when the connection is closed and no reader runs any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    clearInterval(this.#poll);
    await this.#connection?.close();
    await this.#running;
    await Promise.all([...this.#readers.values()].map((reader) => reader.idle()));
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#listen();
        failures = 0;
        this.#wakeAll();
        await aborted(this.#connection?.lost);
      } catch (error) {
        this.#options.log.warn({ err: toError(error) }, 'cannot listen for changes; polling until it works again');
      }
      await this.#connection?.close();
      await this.#pause(failures++);
    }
  }

  async #listen(): Promise<void> {
    const connection = await openDedicatedConnection(this.#options.url, 'listener');
    this.#connection = connection;
    // stop() may have come while the connection was being made.
    if (this.#stopped.signal.aborted) await connection.close();
    connection.client.on('notification', ({ channel }) => {
      for (const [stream, reader] of this.#readers) if (channel === channelOf(stream)) reader.wake();
    });
    for (const stream of this.#readers.keys()) await connection.client.query(`listen ${channelOf(stream)}`);
  }

  /** Full jitter, so that many servers do not come back at the same moment. */
  async #pause(failures: number): Promise<void> {
    const { firstRetryMs, lastRetryMs } = this.#options;
    const longest = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(failures, 10));
    await delay(Math.random() * longest, undefined, { signal: this.#stopped.signal, ref: false }).catch(
      () => undefined,
    );
  }

  async #tick(): Promise<void> {
    this.#wakeAll();
    // A half-open connection gives no error by itself; the check closes it, and the loop reconnects.
    await this.#connection?.check();
  }

  #wakeAll(): void {
    if (this.#stopped.signal.aborted) return;
    for (const reader of this.#readers.values()) reader.wake();
  }
}

/** Runs `read` once per wake-up at most, and once more when a wake-up comes while it runs. */
class Reader {
  readonly #read: () => Promise<void>;
  readonly #failed: (error: Error) => void;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(read: () => Promise<void>, failed: (error: Error) => void) {
    this.#read = read;
    this.#failed = failed;
  }

  wake(): void {
    this.#again = true;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#read().catch((error: unknown) => this.#failed(toError(error)));
    }
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal === undefined || signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
