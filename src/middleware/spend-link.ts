/** The two calls of the spend API, and the pause after they have failed. Never rejects. */
import type { SpendAnswer, SpendReceipts, SpendReport, SpendRequest } from '../domain/spend-wire.ts';
import type { Counters } from './counters.ts';
import type { FlagAnswer } from './flag-answer.ts';
import { backoffMs } from './flag-client.ts';
import { callFlagApi } from './flag-http.ts';

export interface SpendLinkOptions {
  readonly apiUrl: string;
  readonly key: string;
  readonly service: string;
  readonly instanceId: string;
  readonly counters: Counters;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly random: () => number;
  /** A call to a model waits at most so long for budget. Default 1,000. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 1_000;
const MAX_CHARACTERS = 256 * 1024;
const BACKOFF = { firstMs: 500, longestMs: 10_000 };

export class SpendLink {
  readonly #options: SpendLinkOptions;
  #failures = 0;
  #retryAt = Number.NEGATIVE_INFINITY;

  constructor(options: SpendLinkOptions) {
    this.#options = options;
  }

  /** The server did not answer the last time, and calls must not wait for it. */
  get isAway(): boolean {
    return this.#failures > 0;
  }

  /** Whether it is time to try an absent server again. */
  get mayTry(): boolean {
    return this.#options.now() >= this.#retryAt;
  }

  /** @returns undefined when there was no answer; the request may have been carried out nevertheless */
  async reserve(request: Omit<SpendRequest, 'instance_id' | 'service'>): Promise<SpendAnswer | undefined> {
    const { instanceId, service } = this.#options;
    const body: SpendRequest = { ...request, instance_id: instanceId, service };
    const answer = await this.#call('v1/spend/reservations', body);
    const parsed = readAs<SpendAnswer>(
      answer,
      (value) => typeof value['outcome'] === 'string' && isCount(value['granted_micro']),
    );
    this.#note(parsed !== undefined, answer);
    return parsed;
  }

  /** @returns undefined when the reports have to be sent again */
  async settle(items: SpendReport[]): Promise<SpendReceipts | undefined> {
    const { instanceId, service } = this.#options;
    const answer = await this.#call('v1/spend/settlements', { instance_id: instanceId, service, items });
    const parsed = readAs<SpendReceipts>(answer, (value) => Array.isArray(value['items']));
    this.#note(parsed !== undefined, answer);
    return parsed;
  }

  #call(path: string, body: unknown): Promise<FlagAnswer | undefined> {
    const { apiUrl, key, timeoutMs = TIMEOUT_MS } = this.#options;
    // The call's own socket keeps no process alive. One whose AI call waits for the answer, or that is about to end and
    // says what it has spent, must not end meanwhile.
    const awake = setTimeout(() => undefined, timeoutMs);
    return callFlagApi({
      method: 'POST',
      url: new URL(path, apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/`),
      headers: { authorization: `Bearer ${key}` },
      body,
      timeoutMs,
      maxCharacters: MAX_CHARACTERS,
    }).finally(() => clearTimeout(awake));
  }

  #note(worked: boolean, answer: FlagAnswer | undefined): void {
    if (worked) {
      this.#failures = 0;
      return;
    }
    const { counters, now, random } = this.#options;
    counters.add(answer === undefined ? 'spend_server_away' : 'spend_rejected');
    this.#failures += 1;
    this.#retryAt = now() + Math.max(answer?.retryAfterMs ?? 0, backoffMs(this.#failures, random(), BACKOFF));
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readAs<T>(
  answer: FlagAnswer | undefined,
  isWhole: (value: Readonly<Record<string, unknown>>) => boolean,
): T | undefined {
  if (answer?.status !== 200) return undefined;
  try {
    const value: unknown = JSON.parse(answer.text);
    const isObject = typeof value === 'object' && value !== null;
    return isObject && isWhole(value as Record<string, unknown>) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
