import { PROJECTS_PER_TENANT } from './database.ts';
import { pickWeighted, poissonGapMs, type Random } from './random.ts';
import type { Client, PlannedRequest, RouteName } from './requests.ts';
import { SEARCH_EVERYTHING } from './saas-wire.ts';
import { Tally, type TallyCounts } from './tally.ts';
import type { DemoTenant } from './tenants.ts';
import { drawTokenSizes } from './token-sizes.ts';

export interface LoadOptions {
  /** Requests a second of all tenants together, while none is noisy. */
  readonly rate: number;
  /** Every so many seconds the noisy tenant is noisy once, at the end of the period. */
  readonly noisyEverySeconds: number;
  readonly noisyForSeconds: number;
}

const NOISY_FACTOR = 10;
const MAX_IN_FLIGHT = 300;
/** Share of 429 answers after which a client waits as it was told; the others come straight back. */
const POLITE_SHARE = 0.5;
const MISSING_PROJECT = 9_999;
const TOPICS_PER_TENANT = 40;

const ROUTE_SHARES: readonly (readonly [RouteName, number])[] = [
  ['GET /api/projects', 30],
  ['GET /api/projects/:id', 40],
  ['POST /api/projects/:id/comments', 12],
  ['GET /api/search', 18],
];

/** Whether the noisy tenant is noisy, so many seconds after the start. */
export function isNoisyAt(seconds: number, { noisyEverySeconds, noisyForSeconds }: LoadOptions): boolean {
  return seconds % noisyEverySeconds >= noisyEverySeconds - noisyForSeconds;
}

/** What a tenant asks for next, by its habits. A noisy tenant's extra requests are searches and questions. */
export function planRequest(tenant: DemoTenant, noisyNow: boolean, random: Random): PlannedRequest {
  const fails = random() < tenant.errorShare;
  if (random() < tenant.aiShare) {
    const { prompt, answer } = drawTokenSizes(random);
    const topic = `topic-${Math.floor(random() * random() * TOPICS_PER_TENANT)}`;
    const fresh = random() < 0.8 ? `${topic}-${Math.floor(random() * 1e9)}` : topic;
    const assist = { topic: fresh, promptTokens: prompt, answerTokens: answer, fail: fails };
    return { tenant: tenant.id, route: 'POST /api/assist', assist };
  }
  const searches = noisyNow && tenant.noisy && random() < 0.6;
  const route = searches ? 'GET /api/search' : pickWeighted(ROUTE_SHARES, ([, share]) => share, random)[0];
  const projectId = fails ? MISSING_PROJECT : 1 + Math.floor(random() * PROJECTS_PER_TENANT);
  return { tenant: tenant.id, route, projectId, words: searches ? SEARCH_EVERYTHING : 'ipsum' };
}

/**
 * Sends requests like many independent clients: Poisson arrivals, tenants by weight. Open loop: a slow app does not
 * slow the arrivals down; only so many in flight are allowed that the process survives, the rest is counted as skipped.
 */
export class LoadGenerator {
  readonly #client: Client;
  readonly #tenants: readonly DemoTenant[];
  readonly #options: LoadOptions;
  readonly #random: Random;
  readonly #tally = new Tally();
  readonly #waitUntil = new Map<string, number>();
  #inFlight = 0;
  #skipped = 0;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #nextAt = 0;

  constructor(client: Client, tenants: readonly DemoTenant[], options: LoadOptions, random: Random) {
    this.#client = client;
    this.#tenants = tenants;
    this.#options = options;
    this.#random = random;
  }

  start(): void {
    if (this.#options.rate === 0 || this.#timer !== undefined) return;
    this.#startedAt = performance.now();
    this.#nextAt = this.#startedAt;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Requests sent so far, by tenant and route, as the clients saw them. */
  counts(): TallyCounts & { readonly skipped: number } {
    return { ...this.#tally.counts(), skipped: this.#skipped };
  }

  #schedule(): void {
    this.#timer = setTimeout(() => this.#arrive(), Math.max(0, this.#nextAt - performance.now()));
  }

  #arrive(): void {
    const now = performance.now();
    const noisyNow = isNoisyAt((now - this.#startedAt) / 1_000, this.#options);
    const weightOf = (tenant: DemoTenant) => tenant.weight * (noisyNow && tenant.noisy ? NOISY_FACTOR : 1);
    const calm = this.#tenants.reduce((sum, tenant) => sum + tenant.weight, 0);
    const total = this.#tenants.reduce((sum, tenant) => sum + weightOf(tenant), 0);
    while (this.#nextAt <= now) {
      this.#sendFor(pickWeighted(this.#tenants, weightOf, this.#random), noisyNow, now);
      this.#nextAt += poissonGapMs((this.#options.rate * total) / calm, this.#random);
    }
    this.#schedule();
  }

  #sendFor(tenant: DemoTenant, noisyNow: boolean, now: number): void {
    if ((this.#waitUntil.get(tenant.id) ?? 0) > now) return;
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      this.#skipped += 1;
      return;
    }
    this.#inFlight += 1;
    void this.#client.send(planRequest(tenant, noisyNow, this.#random)).then((outcome) => {
      this.#inFlight -= 1;
      this.#tally.add(outcome);
      if (outcome.status === 429 && this.#random() < POLITE_SHARE) {
        this.#waitUntil.set(tenant.id, performance.now() + outcome.retryAfterSeconds * 1_000);
      }
    });
  }
}
