import type { FlagAnswer } from './flag-answer.ts';

export interface PollTimes {
  /** From losing the stream to the first poll: most streams are back before. */
  readonly afterLossMs: number;
  /** The server pings its streams every 15 s; a stream that brings nothing for longer is polled beside. */
  readonly afterSilenceMs: number;
  readonly everyMs: number;
  /** Longest pause after failures in a row. */
  readonly longestMs: number;
}

export const POLL_TIMES: PollTimes = {
  afterLossMs: 3_000,
  afterSilenceMs: 20_000,
  everyMs: 10_000,
  longestMs: 60_000,
};

export interface FlagPollerOptions {
  readonly times: PollTimes;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  /** `GET /v1/flags`, conditional when there is an ETag. */
  readonly ask: (etag: string | undefined) => Promise<FlagAnswer | undefined>;
  /** A new state; false when it cannot be read. */
  readonly onSnapshot: (text: string) => boolean;
  readonly onUnchanged: () => void;
  readonly onFailed: () => void;
  /** Polling begins, because the stream brings nothing. */
  readonly onBegin: () => void;
}

/**
 * Asks for the flags while the stream brings nothing: one timer, which everything that the stream brings sets back.
 *
 *   waiting --stream silent--> polling --stream heard--> waiting      any --stop--> stopped
 */
export class FlagPoller {
  readonly #options: FlagPollerOptions;
  #timer: NodeJS.Timeout | undefined;
  #etag: string | undefined;
  #failures = 0;
  #isPolling = false;
  #isStopped = false;

  constructor(options: FlagPollerOptions) {
    this.#options = options;
  }

  /** There is no stream: polls soon. */
  streamLost(): void {
    if (!this.#isPolling) this.#pollIn(this.#options.times.afterLossMs);
  }

  /** The stream brought something, which may have outdated what the ETag stands for. */
  streamHeard(): void {
    this.#isPolling = false;
    this.#failures = 0;
    this.#etag = undefined;
    this.#pollIn(this.#options.times.afterSilenceMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #pollIn(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#poll(), ms);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    if (!this.#isPolling) this.#options.onBegin();
    this.#isPolling = true;
    const answer = await this.#options.ask(this.#etag);
    // The stream came back meanwhile and knows better.
    if (!this.#isPolling || this.#isStopped) return;
    const isGood = this.#take(answer);
    this.#failures = isGood ? 0 : this.#failures + 1;
    if (!isGood) this.#options.onFailed();
    const { everyMs, longestMs } = this.#options.times;
    const pause = Math.min(longestMs, everyMs * 2 ** Math.min(this.#failures, 10));
    // Spread over a fifth: the instances of an estate lose their streams at the same moment.
    this.#pollIn(Math.max(pause * (0.9 + 0.2 * this.#options.random()), answer?.retryAfterMs ?? 0));
  }

  #take(answer: FlagAnswer | undefined): boolean {
    if (answer?.status === 304 && this.#etag !== undefined) {
      this.#options.onUnchanged();
      return true;
    }
    if (answer?.status !== 200 || !this.#options.onSnapshot(answer.text)) return false;
    this.#etag = answer.etag;
    return true;
  }
}
