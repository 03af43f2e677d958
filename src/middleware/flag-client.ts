import { context } from '@opentelemetry/api';
import type { FlagAck } from '../domain/flag-wire.ts';
import type { CounterName, Counters } from './counters.ts';
import { type OpenStream, openEventStream, type StreamEnd } from './event-stream.ts';
import { FlagAcks } from './flag-acks.ts';
import type { FlagAnswer } from './flag-answer.ts';
import type { FlagClock } from './flag-clock.ts';
import type { FlagFreshness } from './flag-freshness.ts';
import { callFlagApi } from './flag-http.ts';
import { FlagPoller, POLL_TIMES, type PollTimes } from './flag-poller.ts';
import { type ReceivedFlags, readChange, readFleet, readSnapshot } from './flag-shape.ts';
import type { FlagStore } from './flag-store.ts';
import { guarded } from './guard.ts';
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
  readonly clock: FlagClock;
  readonly freshness: FlagFreshness;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  readonly idleTimeoutMs?: number;
  readonly backoff?: Backoff;
  readonly pollTimes?: PollTimes;
  /** How often clocks, ended flags and staleness are looked after. */
  readonly tickMs?: number;
}

export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The server pings every 15 s: three missed in a row are a dead connection. */
const IDLE_TIMEOUT_MS = 45_000;
const BACKOFF: Backoff = { firstMs: 500, longestMs: 30_000 };
const TICK_MS = 2_000;
const CALL_TIMEOUT_MS = 5_000;
/** A snapshot of 40,000 flags; what is larger is none. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
/** The server takes no longer names, and none with control characters. */
const MAX_NAME = 128;

/**
 * Wait before the next attempt, in milliseconds: anywhere up to the exponential bound ("full jitter"), so that all
 * apps of an estate do not come back at the same moment after an outage.
 * @param attempt failures in a row, from 1
 */
export function backoffMs(attempt: number, random: number, { firstMs, longestMs }: Backoff): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(firstMs / 2, random * bound);
}

function nameFor(text: string): string {
  return text.replace(/\p{Cc}/gu, '?').slice(0, MAX_NAME) || 'unknown';
}

/**
 * Keeps a FlagStore up to date: over the server's flag stream, and by polling while that brings nothing (a proxy that
 * buffers, a server that has no stream to give). Acknowledges what it applied. Whatever goes wrong, the last flags are
 * kept until their own end and the connection is tried again; nothing is thrown, nothing waits for it.
 */
export class FlagClient {
  readonly #options: FlagClientOptions;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #self: { readonly service: string; readonly instance_id: string };
  readonly #poller: FlagPoller;
  readonly #acks: FlagAcks;
  #stream: OpenStream | undefined;
  /** Whether this connection has brought an event: pings alone are no flags. */
  #hasEvents = false;
  #retry: NodeJS.Timeout | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #failures = 0;
  #overflowed = 0;
  #stopped = false;

  constructor(options: FlagClientOptions) {
    this.#options = options;
    this.#headers = { authorization: `Bearer ${options.key}` };
    this.#self = { service: nameFor(options.service), instance_id: nameFor(options.instanceId) };
    this.#poller = new FlagPoller({
      times: options.pollTimes ?? POLL_TIMES,
      random: options.random,
      ask: (etag) => this.#call('GET', 'v1/flags', { headers: etag === undefined ? {} : { 'if-none-match': etag } }),
      onSnapshot: (text) =>
        this.#guarded(() => this.#apply('snapshot', text), false) && this.#polled('flag_poll_changed'),
      onUnchanged: () => this.#polled('flag_poll_unchanged'),
      onFailed: () => this.#count('flag_poll_failed'),
      onBegin: () => this.#count('flag_polling_begun'),
    });
    this.#acks = new FlagAcks(
      () => ({ ...this.#self, revision: options.store.revision }),
      (ack) => this.#sendAck(ack),
      () => this.#count('flag_ack_failed'),
    );
  }

  start(): void {
    context.with(withoutTracing(context.active()), () => {
      this.#connect();
      this.#poller.streamLost();
      this.#ticker = setInterval(() => this.#guarded(() => this.#tick(), undefined), this.#options.tickMs ?? TICK_MS);
      this.#ticker.unref();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearInterval(this.#ticker);
    this.#poller.stop();
    this.#acks.stop();
    this.#stream?.close();
  }

  /** Every flag of one tenant as the server evaluates it (OFREP bulk); undefined when it cannot be asked. Never rejects. */
  evaluateOnServer(tenantId: string, etag: string | undefined): Promise<FlagAnswer | undefined> {
    const headers = etag === undefined ? {} : { 'if-none-match': etag };
    const body = { context: { targetingKey: tenantId } };
    return context.with(withoutTracing(context.active()), () =>
      this.#call('POST', 'ofrep/v1/evaluate/flags', { headers, body }),
    );
  }

  #count(name: CounterName, by = 1): void {
    this.#options.counters.add(name, by);
  }

  /** Nothing here may throw into a socket's or a timer's callback: it would end the app's process. */
  #guarded<T>(work: () => T, fallback: T): T {
    return guarded((name) => this.#count(name), 'flag_client_failed', work, fallback);
  }

  #url(path: string): URL {
    const { apiUrl } = this.#options;
    return new URL(path, apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/`);
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: unknown },
  ): Promise<FlagAnswer | undefined> {
    const url = this.#guarded(() => this.#url(path), undefined);
    if (url === undefined) return undefined;
    if (method === 'GET') url.search = new URLSearchParams(this.#self).toString();
    const bounds = { timeoutMs: CALL_TIMEOUT_MS, maxCharacters: MAX_CHARACTERS };
    return callFlagApi({ method, url, headers: { ...this.#headers, ...headers }, body, ...bounds });
  }

  async #sendAck(ack: FlagAck): Promise<boolean> {
    const answer = await this.#call('POST', 'v1/flags/acks', { body: ack });
    return answer !== undefined && answer.status < 300;
  }

  #connect(): void {
    if (this.#stopped) return;
    this.#hasEvents = false;
    const bounds = { idleTimeoutMs: this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS, maxCharacters: MAX_CHARACTERS };
    try {
      const url = this.#url('v1/flags/stream');
      url.search = new URLSearchParams(this.#self).toString();
      this.#stream = openEventStream(url, this.#headers, bounds, {
        onOpen: () => this.#count('flag_stream_connected'),
        onEvent: (type, data) => this.#guarded(() => this.#hear(type, data), undefined),
        onComment: () => {
          if (this.#hasEvents) this.#streamHeard();
        },
        onEnd: (end) => this.#reconnect(end),
      });
    } catch {
      this.#reconnect({ why: 'failed' });
    }
  }

  #reconnect(end: StreamEnd): void {
    if (this.#stopped) return;
    const { random, backoff = BACKOFF } = this.#options;
    if (end.why === 'idle') this.#count('flag_stream_idle');
    else if (end.why === 'rejected') this.#count('flag_stream_rejected');
    else this.#count('flag_stream_failed');
    this.#failures += 1;
    const wait = backoffMs(this.#failures, random(), backoff);
    const asked = end.why === 'rejected' ? end.retryAfterMs : 0;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), Math.max(wait, asked));
    this.#retry.unref();
    this.#poller.streamLost();
  }

  #hear(type: string, data: string): void {
    const { store, clock } = this.#options;
    if (type === 'fleet') {
      const instances = readFleet(data);
      if (instances === undefined) this.#count('flag_event_malformed');
      else store.fleet.tell(instances, clock.now());
    } else if ((type === 'snapshot' || type === 'change') && this.#apply(type, data)) {
      // Only a connection that brings events is a good one: a server that accepts and then drops is backed off from.
      this.#failures = 0;
      this.#hasEvents = true;
      this.#streamHeard();
    }
  }

  #streamHeard(): void {
    this.#poller.streamHeard();
    this.#heard();
  }

  #polled(name: CounterName): true {
    this.#count(name);
    this.#heard();
    this.#acks.acknowledge();
    return true;
  }

  #heard(): void {
    const { clock, freshness } = this.#options;
    freshness.heard(clock.now(), clock.wall());
  }

  /** @returns false when the data is no event of the flag stream */
  #apply(type: 'snapshot' | 'change', data: string): boolean {
    const received = type === 'snapshot' ? readSnapshot(data) : readChange(data);
    if (received === undefined) {
      this.#count('flag_event_malformed');
      return false;
    }
    const { store, clock, freshness } = this.#options;
    this.#count('flag_malformed', received.malformed);
    if (received.instances !== undefined) store.fleet.tell(received.instances, clock.now());
    const { revision, size } = store;
    const applied = applyTo(store, type, received, clock.now());
    if (applied === 'stale') this.#count('flag_revision_stale');
    if (applied === 'reset') this.#count('flag_revision_reset');
    this.#count('flag_overflow', store.overflowed - this.#overflowed);
    this.#overflowed = store.overflowed;
    if (applied !== 'stale') this.#acks.acknowledge();
    if (store.revision !== revision || store.size !== size) freshness.tell('changed');
    return true;
  }

  #tick(): void {
    const { store, clock, freshness } = this.#options;
    const jump = clock.check();
    if (jump !== 0) this.#count('flag_clock_jumped');
    if (store.prune(clock.now())) freshness.tell('changed');
    if (freshness.check(clock.now())) this.#count('flag_stale');
    // After a sleep the connection is most likely dead without knowing it, and flags may have changed meanwhile.
    if (jump > 0) this.#stream?.close();
  }
}

function applyTo(store: FlagStore, type: 'snapshot' | 'change', received: ReceivedFlags, now: number) {
  return type === 'snapshot' ? store.applySnapshot(received, now) : store.applyChange(received, now);
}
