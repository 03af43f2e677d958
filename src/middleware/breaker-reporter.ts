import { context } from '@opentelemetry/api';
import {
  type BreakerPhase,
  type BreakerReport,
  INTEGRATION_PATTERN,
  REPORT_MAX_BREAKERS,
  REPORT_MAX_OPENINGS,
  type WireBreaker,
} from '../domain/breaker.ts';
import type { BreakerChange, BreakerWatcher } from './breaker-change.ts';
import type { Counters } from './counters.ts';
import { type Backoff, backoffMs } from './flag-client.ts';
import { callFlagApi } from './flag-http.ts';
import { withoutTracing } from './server-span.ts';

export interface BreakerReporterOptions {
  /** Base URL of Tenantry's API. */
  readonly apiUrl: string;
  readonly key: string;
  readonly service: string;
  readonly instanceId: string;
  readonly counters: Counters;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  /** Largest number of breakers told of. */
  readonly maxEntries?: number;
  readonly times?: Partial<ReportTimes>;
}

export interface ReportTimes {
  /** Changes within this time go in one report. */
  readonly gatherMs: number;
  /** What is not closed is told again this often; the server forgets what it has not heard of for 90 s. */
  readonly repeatMs: number;
  readonly timeoutMs: number;
  readonly backoff: Backoff;
}

/** What the server is to know of one breaker: its last state, not each step on the way there. */
interface Entry {
  readonly tenantId: string;
  readonly integration: string;
  phase: BreakerPhase;
  since: number;
  calls: number;
  failures: number;
  lastError: string | undefined;
  openings: { readonly number: number; readonly at: number }[];
  /** Changed since the report that last arrived. */
  isNews: boolean;
}

const TIMES: ReportTimes = {
  gatherMs: 1_000,
  repeatMs: 30_000,
  timeoutMs: 5_000,
  backoff: { firstMs: 1_000, longestMs: 60_000 },
};
/** In an outage of everything, thousands of breakers open at once; the rest of them is a number in the report. */
const MAX_ENTRIES = 2_000;
/** Characters; only the status matters. */
const MAX_ANSWER = 4_096;

/**
 * Tells the server which breakers changed or are not closed. Gathered, repeated until they arrive, one request at a
 * time so that a later state never comes before an earlier one, and bounded: what does not fit is counted, here and in
 * the next report. Nothing is thrown and nothing waits for it.
 */
export class BreakerReporter implements BreakerWatcher {
  readonly #options: BreakerReporterOptions;
  readonly #times: ReportTimes;
  readonly #entries = new Map<string, Entry>();
  // Numbers of a process that starts again under the same instance id must be new to the server.
  #openings = Date.now();
  #lost = 0;
  #failuresInARow = 0;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #isSending = false;
  #isStopped = false;

  constructor(options: BreakerReporterOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
  }

  changed(change: BreakerChange): void {
    if (this.#isStopped) return;
    const entry = this.#entryOf(change);
    if (entry === undefined) {
      this.#lose(1);
      return;
    }
    const { now } = this.#options;
    if (entry.phase !== change.phase) entry.since = now();
    entry.phase = change.phase;
    entry.calls = change.calls;
    entry.failures = change.failures;
    entry.lastError = change.lastError ?? entry.lastError;
    entry.isNews = true;
    if (change.isOpening) this.#noteOpening(entry);
    // While one is under way or is waited with after a failure, its end sees to the rest.
    if (!this.#isSending && this.#failuresInARow === 0) this.#wake(this.#times.gatherMs);
  }

  forgotten(key: string): void {
    // Nothing is known of it from now on; the server's word on it expires.
    this.#entries.delete(key);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #entryOf({ key, tenantId, integration, phase }: BreakerChange): Entry | undefined {
    const held = this.#entries.get(key);
    if (held !== undefined) return held;
    const isFull = this.#entries.size >= (this.#options.maxEntries ?? MAX_ENTRIES);
    if (isFull || !INTEGRATION_PATTERN.test(integration)) return undefined;
    const since = this.#options.now();
    const entry: Entry = {
      ...{ tenantId, integration, phase, since, calls: 0, failures: 0 },
      ...{ lastError: undefined, openings: [], isNews: true },
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #noteOpening(entry: Entry): void {
    this.#openings += 1;
    entry.openings.push({ number: this.#openings, at: this.#options.now() });
    if (entry.openings.length > REPORT_MAX_OPENINGS) {
      entry.openings.shift();
      this.#lose(1);
    }
  }

  #lose(changes: number): void {
    this.#lost += changes;
    this.#options.counters.add('breaker_report_lost', changes);
  }

  /** One timer, the sooner of two; it never keeps the app alive. */
  #wake(afterMs: number): void {
    const dueAt = this.#options.now() + afterMs;
    if (this.#isStopped || (this.#timer !== undefined && dueAt >= this.#dueAt)) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      context.with(withoutTracing(context.active()), () => this.#send());
    }, afterMs);
    this.#timer.unref();
  }

  #send(): void {
    this.#isSending = true;
    this.#sendAll()
      .catch(() => false)
      .then((hasArrived) => {
        this.#isSending = false;
        this.#failuresInARow = hasArrived ? 0 : this.#failuresInARow + 1;
        if (!hasArrived) this.#options.counters.add('breaker_report_failed');
        this.#wakeAgain();
      })
      .catch(() => this.#options.counters.add('breaker_report_failed'));
  }

  #wakeAgain(): void {
    const { backoff, gatherMs, repeatMs } = this.#times;
    if (this.#failuresInARow > 0) this.#wake(backoffMs(this.#failuresInARow, this.#options.random(), backoff));
    else if ([...this.#entries.values()].some((entry) => entry.isNews)) this.#wake(gatherMs);
    else if (this.#entries.size > 0) this.#wake(repeatMs);
  }

  async #sendAll(): Promise<boolean> {
    const told = [...this.#entries].filter(([, entry]) => entry.isNews || entry.phase !== 'closed');
    for (let from = 0; from < told.length && !this.#isStopped; from += REPORT_MAX_BREAKERS) {
      if (!(await this.#sendPart(told.slice(from, from + REPORT_MAX_BREAKERS)))) return false;
    }
    return true;
  }

  /** False: to be tried again. */
  async #sendPart(part: readonly (readonly [string, Entry])[]): Promise<boolean> {
    const { apiUrl, key, service, instanceId } = this.#options;
    const url = new URL('v1/breakers/reports', apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/`);
    const lost = this.#lost;
    const upTo = this.#openings;
    const breakers = part.map(([, entry]) => this.#toWire(entry));
    for (const [, entry] of part) entry.isNews = false;
    const report: BreakerReport = { instance_id: instanceId, service, lost, breakers };
    const headers = { authorization: `Bearer ${key}` };
    const { timeoutMs } = this.#times;
    const call = { method: 'POST', url, headers, body: report, timeoutMs } as const;
    const { status } = (await callFlagApi({ ...call, maxCharacters: MAX_ANSWER })) ?? {};
    if (status === undefined || status >= 500 || status === 408 || status === 429) {
      for (const [, entry] of part) entry.isNews = true;
      return false;
    }
    // A report that was refused would be refused again: it is lost, and what is open is told with the next repeat.
    if (status >= 300) this.#lose(part.length);
    else this.#lost -= lost;
    for (const [name, entry] of part) {
      entry.openings = entry.openings.filter(({ number }) => number > upTo);
      if (!entry.isNews && entry.phase === 'closed') this.#entries.delete(name);
    }
    return true;
  }

  #toWire(entry: Entry): WireBreaker {
    const now = this.#options.now();
    const age = (at: number) => Math.max(0, Math.round(now - at));
    return {
      tenant_id: entry.tenantId,
      integration: entry.integration,
      state: entry.phase,
      since_ms: age(entry.since),
      calls: entry.calls,
      failures: entry.failures,
      ...(entry.lastError === undefined ? {} : { last_error: entry.lastError }),
      openings: entry.openings.map(({ number, at }) => ({ number, ms_ago: age(at) })),
    };
  }
}
