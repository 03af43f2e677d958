/**
 * A noisy neighbour in real time, from its first request too many to the end of the throttle: on a whole Tenantry that
 * may act by itself, with the demo's app and a database that everybody shares.
 */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { AnomalyList, DecisionList, ThrottleItem, ThrottleList } from '../../src/api/contract.ts';
import { SEARCH_EVERYTHING } from '../../src/demo/saas-wire.ts';
import { type FlowSaas, startSaas } from './flow-saas.ts';
import { type FlowTenantry, startTenantry } from './flow-tenantry.ts';
import { callSaas } from './flow-traffic.ts';
import { until } from './flow-waiting.ts';

type DecisionItem = DecisionList['items'][number];

const TENANTS = 10;
const USUAL_PER_SECOND = 2;
const NOISY_PER_SECOND = 40;
/** Of the noise, each so-manieth request keeps one of the app's six database connections busy for half a second. */
const HEAVY_EVERY = 4;
const THROTTLE_SECONDS = 6;
/** From a request to the detector's look at it, and its window of five steps. */
const SETTLED_SECONDS = 6;
/** What the noise left in the queue of the database is worked off. */
const DRAIN_MS = 4_000;
/** The estate's own pace: no two automatic throttles begin closer together. */
const BETWEEN_ACTIONS_MS = 30_500;
/** Clocks of one machine; the app asks its clock when a request comes. */
const CLOCK_SLACK_MS = 250;

interface Pace {
  /** How long tenants are known before the first of them is noisy. */
  readonly historySeconds: number;
  /** The victims' percentiles are taken over so much. */
  readonly windowMs: number;
}

/** As an operator sets it who wants to be quick: the demo's own settings, with throttles as short as they may be. */
const settingsOf = ({ historySeconds }: Pace): Readonly<Record<string, string>> => ({
  TENANTRY_AUTO_THROTTLE: 'enforce',
  TENANTRY_DETECT_RESOLUTION_SECONDS: '2',
  TENANTRY_DETECT_INTERVAL_SECONDS: '1',
  TENANTRY_DETECT_MIN_HISTORY_SECONDS: String(historySeconds),
  TENANTRY_THROTTLE_SECONDS: String(THROTTLE_SECONDS),
  TENANTRY_THROTTLE_MAX_SECONDS: String(THROTTLE_SECONDS),
  TENANTRY_THROTTLE_NEEDS_IMPACT: 'false',
  TENANTRY_THROTTLE_MIN_SOURCES: '1',
  TENANTRY_THROTTLE_MIN_HISTORY_SECONDS: String(historySeconds),
  TENANTRY_THROTTLE_SETTLE_SECONDS: '0',
  // The default, and not the quicker one of other tests: it is part of what is measured.
  TENANTRY_SEGMENT_AGE_MS: '1000',
  TENANTRY_SELF_CHECK_SECONDS: '0',
});

/** Milliseconds since the noise began, unless it says otherwise. */
export interface NoiseOutcome {
  /** The decision was written, the app said that it obeys, the first request was refused. */
  readonly decidedMs: number;
  readonly obeyedMs: number;
  readonly refusedMs: number;
  /** P95 of everybody else: before, until the refusal, and once the queue was gone. */
  readonly victims: { readonly before: number; readonly during: number; readonly after: number };
  /** From the last refusal that the tenant saw to the expiry of its throttle; negative: it was refused after that. */
  readonly releasedBeforeExpiryMs: number;
  readonly chain: DecisionItem;
}

interface Sample {
  readonly at: number;
  readonly ms: number;
  readonly status: number;
}

/** A Tenantry, the app, and tenants that do what they always do; `end` ends the traffic and the app. */
export class NoiseWorld {
  readonly #tenantry: FlowTenantry;
  readonly #saas: FlowSaas;
  readonly #windowMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #samples = new Map<string, Sample[]>();
  #lastActionAt = Number.NEGATIVE_INFINITY;

  private constructor(tenantry: FlowTenantry, saas: FlowSaas, windowMs: number) {
    this.#tenantry = tenantry;
    this.#saas = saas;
    this.#windowMs = windowMs;
    for (const { id } of saas.ready.tenants) this.#usual(id);
  }

  /** Resolves when everybody has a usual that it can be compared with. */
  static async start(pace: Pace = { historySeconds: 20, windowMs: 10_000 }): Promise<NoiseWorld> {
    const tenantry = await startTenantry(settingsOf(pace));
    const world = new NoiseWorld(tenantry, await startSaas(tenantry, { tenants: TENANTS }), pace.windowMs);
    await delay((pace.historySeconds + SETTLED_SECONDS) * 1_000);
    const enough = (pace.historySeconds * USUAL_PER_SECOND) / 2;
    await until('everybody to be counted', async () => {
      const counted = [...(await tenantry.tenants()).values()];
      return counted.filter(({ requests }) => requests >= enough).length >= TENANTS;
    });
    return world;
  }

  /** How many runs one world is good for: each tenant is noisy once, and the machine acts so often in an hour. */
  static readonly mostRuns = 9;

  async end(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#saas.stop();
  }

  /** One tenant turns noisy until it is refused, and falls silent; then everything until nobody is held back. */
  async run(index: number): Promise<NoiseOutcome> {
    await delay(Math.max(0, this.#lastActionAt + BETWEEN_ACTIONS_MS - Date.now()));
    const noisy = this.#saas.ready.tenants[index]?.id ?? '';
    assert.deepEqual(await this.#activeThrottles(noisy), [], `${noisy} is held back before it is noisy`);
    const startedAt = performance.now();
    const startedUnixMs = Date.now();
    const before = this.#p95OfOthers(noisy, startedAt - this.#windowMs, startedAt);
    const refusedAt = await this.#beNoisyUntilRefused(noisy);
    const during = this.#p95OfOthers(noisy, startedAt, refusedAt);
    const chain = await this.#wholeChain(noisy, startedUnixMs);
    this.#lastActionAt = Date.parse(chain.at);
    const expiresAt = await this.#untilReleased(noisy, chain);
    await delay(Math.max(0, refusedAt + DRAIN_MS + this.#windowMs - performance.now()));
    const after = this.#p95OfOthers(noisy, refusedAt + DRAIN_MS, refusedAt + DRAIN_MS + this.#windowMs);
    const [ack] = chain.throttle?.acks ?? [];
    const lastRefusal = this.#of(noisy).findLast(({ status }) => status === 429)?.at ?? refusedAt;
    return {
      decidedMs: Date.parse(chain.at) - startedUnixMs,
      obeyedMs: Date.parse(ack?.acked_at ?? '') - startedUnixMs,
      refusedMs: refusedAt - startedAt,
      victims: { before, during, after },
      releasedBeforeExpiryMs: expiresAt - (startedUnixMs + (lastRefusal - startedAt)),
      chain,
    };
  }

  #usual(tenant: string): void {
    this.#timers.push(setInterval(() => void this.#send(tenant), 1_000 / USUAL_PER_SECOND));
  }

  async #send(tenant: string, path = '/api/projects'): Promise<Sample> {
    const at = performance.now();
    const { status } = await callSaas(this.#saas.url, tenant, path);
    const sample = { at, ms: performance.now() - at, status };
    const samples = this.#samples.get(tenant) ?? [];
    samples.push(sample);
    this.#samples.set(tenant, samples);
    return sample;
  }

  #of(tenant: string): readonly Sample[] {
    return (this.#samples.get(tenant) ?? []).toSorted((one, other) => one.at - other.at);
  }

  /** @returns when the first refusal was answered, on the clock of `performance` */
  #beNoisyUntilRefused(noisy: string): Promise<number> {
    return new Promise((resolve, reject) => {
      let sent = 0;
      const stop = () => {
        clearInterval(noise);
        clearTimeout(patience);
      };
      const noise = setInterval(() => {
        const path =
          sent % HEAVY_EVERY === 0 ? `/api/search?q=${encodeURIComponent(SEARCH_EVERYTHING)}` : '/api/projects';
        sent += 1;
        void this.#send(noisy, path).then(({ at, ms, status }) => {
          if (status !== 429) return;
          stop();
          resolve(at + ms);
        });
      }, 1_000 / NOISY_PER_SECOND);
      const patience = setTimeout(() => {
        stop();
        reject(
          new Error(
            `${noisy} was noisy for two minutes and not refused; the log says:\n${this.#tenantry.log().slice(-4_000)}`,
          ),
        );
      }, 120_000);
    });
  }

  /** finding → decision → flag revision → obeyed by, as anybody reads it who asks the API. */
  async #wholeChain(noisy: string, since: number): Promise<DecisionItem> {
    const chain = await until('a decision with an acknowledged throttle', async () => {
      const { body } = await this.#tenantry.ask<DecisionList>(`/v1/decisions?tenant_id=${noisy}`);
      return body.items
        .filter(({ at, kind }) => kind === 'throttle' && Date.parse(at) >= since)
        .findLast(({ throttle }) => (throttle?.acks.length ?? 0) > 0);
    });
    const { finding, throttle } = chain;
    assert.ok(finding !== null && throttle !== null, 'the chain names its finding and its throttle');
    assert.equal(chain.tenant_id, noisy);
    assert.deepEqual(chain.held_back_by, [], 'no guard held it back');
    assert.equal(finding.metric, 'requests');
    assert.ok(finding.ratio >= 3 && finding.reason.startsWith(`${noisy} sent`), finding.reason);
    assert.ok(Date.parse(finding.started_at) > since - 4_000, 'the finding began with the noise');
    assert.equal(throttle.mode, 'enforce');
    assert.ok(throttle.revision > 0 && throttle.requests_per_second >= USUAL_PER_SECOND, 'never below the usual');
    const others = await this.#tenantry.ask<AnomalyList>('/v1/anomalies');
    const open = others.body.items.filter(({ ended_at: end, metric }) => end === null && metric === 'requests');
    assert.deepEqual([...new Set(open.map(({ tenant_id: id }) => id))], [noisy], 'nobody else is found');
    return chain;
  }

  /** → end: nothing is in force, by its own expiry, and the tenant is served. @returns Unix ms of the last expiry */
  async #untilReleased(noisy: string, { finding }: DecisionItem): Promise<number> {
    await until('the end of the finding', async () => {
      const { body } = await this.#tenantry.ask<DecisionList>(`/v1/decisions?tenant_id=${noisy}`);
      return body.items.find((one) => one.finding?.id === finding?.id)?.finding?.ended_at ?? undefined;
    });
    await until('the throttles to be over', async () => (await this.#activeThrottles(noisy)).length === 0);
    const { body } = await this.#tenantry.ask<ThrottleList>(`/v1/throttles?tenant_id=${noisy}`);
    const ours = body.items.filter(({ anomaly_id: id }) => id === finding?.id);
    for (const { status, ended_at: end, expires_at: expiry } of ours) {
      assert.deepEqual([status, end], ['expired', expiry], 'it ran out by itself, at its time');
    }
    const expiresAt = Math.max(...ours.map(({ expires_at: expiry }) => Date.parse(expiry)));
    await delay(Math.max(0, expiresAt + CLOCK_SLACK_MS - Date.now()));
    const rush = await Promise.all(Array.from({ length: 8 }, () => this.#send(noisy)));
    assert.deepEqual(
      rush.map(({ status }) => status),
      Array<number>(8).fill(200),
      'a rush is served once the throttle is over',
    );
    return expiresAt;
  }

  async #activeThrottles(tenant: string): Promise<readonly ThrottleItem[]> {
    const path = `/v1/throttles?tenant_id=${tenant}&active=true`;
    return (await this.#tenantry.ask<ThrottleList>(path)).body.items;
  }

  #p95OfOthers(noisy: string, from: number, to: number): number {
    const others = [...this.#samples].filter(([tenant]) => tenant !== noisy).flatMap(([, samples]) => samples);
    const served = others.filter(({ at }) => at >= from && at < to);
    assert.ok(
      served.every(({ status }) => status === 200),
      'everybody else is served all along',
    );
    assert.ok(served.length > 50, 'there are enough requests for a percentile');
    return percentile(
      served.map(({ ms }) => ms),
      0.95,
    );
  }
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
