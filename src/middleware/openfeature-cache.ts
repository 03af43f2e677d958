/** What only the server can tell of a tenant (its plan, its placement): asked once, kept for a while, refreshed behind. */
import type { Evaluation, EvaluationFailure } from '../domain/flag-evaluation.ts';
import type { FlagAnswer } from './flag-answer.ts';
import { LruCache } from './lru-cache.ts';

type Ask = (tenantId: string, etag: string | undefined) => Promise<FlagAnswer | undefined>;
export type Evaluated = Evaluation | EvaluationFailure;

interface Entry {
  readonly flags: ReadonlyMap<string, Evaluated>;
  readonly etag: string | undefined;
  readonly askedAt: number;
}

/** About 20 MB; more tenants than are active on one instance within a minute. */
const TENANTS_MAX = 10_000;
const FRESH_MS = 60_000;

function isEvaluated(value: unknown): value is Evaluated {
  return typeof value === 'object' && value !== null && 'key' in value && typeof value.key === 'string';
}

function readBulk(text: string): ReadonlyMap<string, Evaluated> | undefined {
  try {
    const { flags } = JSON.parse(text) as { flags?: unknown };
    return Array.isArray(flags) ? new Map(flags.filter(isEvaluated).map((flag) => [flag.key, flag])) : undefined;
  } catch {
    return undefined;
  }
}

export class RemoteEvaluations {
  readonly #ask: Ask;
  readonly #now: () => number;
  readonly #entries = new LruCache<Entry>(TENANTS_MAX);
  /** Questions under way: a burst of evaluations of one tenant is one request. */
  readonly #asking = new Map<string, Promise<Entry | undefined>>();

  constructor(ask: Ask, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /**
   * One flag of a tenant. Waits for the server only on the first question about the tenant; what is older than a minute
   * is answered and asked for again, so that a plan is late by a question and the app never waits for it.
   * @returns undefined when nothing is known and the server cannot be asked, or has no such flag
   */
  async get(
    tenantId: string,
    key: string,
  ): Promise<{ readonly flag: Evaluated; readonly cached: boolean } | undefined> {
    const known = this.#entries.get(tenantId);
    if (known === undefined) {
      const flag = (await this.#fetch(tenantId, undefined))?.flags.get(key);
      return flag && { flag, cached: false };
    }
    if (this.#now() - known.askedAt >= FRESH_MS) void this.#fetch(tenantId, known);
    const flag = known.flags.get(key);
    return flag && { flag, cached: true };
  }

  #fetch(tenantId: string, known: Entry | undefined): Promise<Entry | undefined> {
    const asking = this.#asking.get(tenantId);
    if (asking !== undefined) return asking;
    const answered = this.#ask(tenantId, known?.etag)
      .then((answer) => this.#take(tenantId, answer, known))
      .catch(() => undefined)
      .finally(() => this.#asking.delete(tenantId));
    this.#asking.set(tenantId, answered);
    return answered;
  }

  #take(tenantId: string, answer: FlagAnswer | undefined, known: Entry | undefined): Entry | undefined {
    const flags = answer?.status === 200 ? readBulk(answer.text) : undefined;
    const askedAt = this.#now();
    const entry =
      flags !== undefined
        ? { flags, etag: answer?.etag, askedAt }
        : // Whatever went wrong, the last answer holds; and the server is not asked again with every evaluation.
          known && { ...known, askedAt };
    if (entry !== undefined) this.#entries.set(tenantId, entry);
    return entry;
  }
}
