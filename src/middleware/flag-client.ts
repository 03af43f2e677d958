import { context } from '@opentelemetry/api';
import type { FlagAck } from '../domain/flag-wire.ts';
import type { Counters } from './counters.ts';
import { type OpenStream, openEventStream, postJson, type StreamEnd } from './event-stream.ts';
import { type ReceivedFlags, readChange, readSnapshot } from './flag-shape.ts';
import type { FlagStore } from './flag-store.ts';
import { withoutTracing } from './server-span.ts';

export interface FlagClientOptions {
  /** Base URL of Tenantry's API. */
  readonly apiUrl: string;
  readonly key: string;
  readonly service: string;
  /** Names this process in acknowledgements. */
  readonly instanceId: string;
  readonly store: FlagStore;
  readonly counters: Counters;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  readonly idleTimeoutMs?: number;
  readonly backoff?: Backoff;
}

export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The server pings every 15 s: three missed in a row are a dead connection. */
const IDLE_TIMEOUT_MS = 45_000;
const BACKOFF: Backoff = { firstMs: 500, longestMs: 30_000 };
const ACK_TIMEOUT_MS = 5_000;

/**
 * Wait before the next attempt, in milliseconds: anywhere up to the exponential bound ("full jitter"), so that all
 * apps of an estate do not come back at the same moment after an outage.
 * @param attempt failures in a row, from 1
 */
export function backoffMs(attempt: number, random: number, { firstMs, longestMs }: Backoff): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(firstMs / 2, random * bound);
}

/**
 * Keeps a FlagStore up to date over the server's flag stream, and acknowledges what it applied. Whatever goes wrong,
 * the last flags are kept until their own end and the connection is tried again; nothing is thrown, nothing waits for it.
 */
export class FlagClient {
  readonly #options: FlagClientOptions;
  readonly #headers: Readonly<Record<string, string>>;
  #stream: OpenStream | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;
  #acknowledged = -1;
  #acknowledging = false;

  constructor(options: FlagClientOptions) {
    this.#options = options;
    this.#headers = { authorization: `Bearer ${options.key}` };
  }

  start(): void {
    context.with(withoutTracing(context.active()), () => this.#connect());
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#stream?.close();
  }

  #url(path: string): URL {
    return new URL(path, this.#options.apiUrl.endsWith('/') ? this.#options.apiUrl : `${this.#options.apiUrl}/`);
  }

  #connect(): void {
    if (this.#stopped) return;
    try {
      this.#stream = openEventStream(
        this.#url('v1/flags/stream'),
        this.#headers,
        this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
        {
          onOpen: () => this.#options.counters.add('flag_stream_connected'),
          onEvent: (type, data) => this.#apply(type, data),
          onEnd: (end) => this.#reconnect(end),
        },
      );
    } catch {
      this.#reconnect({ why: 'failed' });
    }
  }

  #reconnect(end: StreamEnd): void {
    if (this.#stopped) return;
    const { counters, random, backoff = BACKOFF } = this.#options;
    if (end.why === 'idle') counters.add('flag_stream_idle');
    else if (end.why === 'rejected') counters.add('flag_stream_rejected');
    else counters.add('flag_stream_failed');
    this.#failures += 1;
    const wait = backoffMs(this.#failures, random(), backoff);
    const asked = end.why === 'rejected' ? end.retryAfterMs : 0;
    this.#retry = setTimeout(() => this.#connect(), Math.max(wait, asked));
    this.#retry.unref();
  }

  #apply(type: string, data: string): void {
    const { store, counters, now } = this.#options;
    if (type !== 'snapshot' && type !== 'change') return;
    const received = type === 'snapshot' ? readSnapshot(data) : readChange(data);
    if (received === undefined) {
      counters.add('flag_event_malformed');
      return;
    }
    // Only a connection that brings events is a good one: a server that accepts and then drops is backed off from.
    this.#failures = 0;
    counters.add('flag_malformed', received.malformed);
    const applied = applyTo(store, type, received, now());
    if (applied === 'stale') counters.add('flag_revision_stale');
    if (applied === 'reset') counters.add('flag_revision_reset');
    if (applied !== 'stale') this.#acknowledge();
  }

  /** Tells the server which revision this process obeys; one call at a time, the newest revision wins. */
  #acknowledge(): void {
    const { store, counters, service, instanceId } = this.#options;
    if (this.#acknowledging || this.#acknowledged === store.revision) return;
    this.#acknowledging = true;
    const ack: FlagAck = { instance_id: instanceId, service, revision: store.revision };
    postJson(this.#url('v1/flags/acks'), this.#headers, ack, ACK_TIMEOUT_MS)
      .catch(() => undefined)
      .then((status) => {
        this.#acknowledging = false;
        if (status === undefined || status >= 300) {
          // The next event, at the latest the repeated snapshot, tries again.
          counters.add('flag_ack_failed');
          return;
        }
        this.#acknowledged = ack.revision;
        if (store.revision !== ack.revision && !this.#stopped) this.#acknowledge();
      })
      .catch(() => counters.add('flag_ack_failed'));
  }
}

function applyTo(store: FlagStore, type: 'snapshot' | 'change', received: ReceivedFlags, now: number) {
  return type === 'snapshot' ? store.applySnapshot(received, now) : store.applyChange(received, now);
}
