/** What one tenant did on a shared resource in one minute. */
export interface PoolUse {
  readonly requests: number;
  /** CPU milliseconds; 0 where it is not metered. */
  readonly cpuMs: number;
  /** Milliseconds in database calls; 0 where they are not metered. */
  readonly dbMs: number;
  /** 95th percentile of its requests' latency; null without requests. */
  readonly p95Ms: number | null;
}

/** What a tenant does in a usual minute; null: too little history. */
export interface UsualUse {
  readonly requests: number;
  readonly cpuMs: number;
  readonly dbMs: number;
  readonly p95Ms: number | null;
}

/** What one tenant does in a minute of the last ones on average, against what it usually does. */
export interface TenantUse {
  readonly tenantId: string;
  /** null: too little history. */
  readonly usual: UsualUse | null;
  readonly now: Omit<PoolUse, 'p95Ms'>;
  /** Of the newest minute with requests; null: there was none lately. */
  readonly p95Ms: number | null;
}

export interface BaselineParams {
  /** How many of its minutes a tenant is compared with. */
  readonly historyMinutes: number;
  /** The newest minutes are no history yet: a slow ramp must not become its own baseline. */
  readonly lagMinutes: number;
  /** Below so many minutes of history nothing is usual. */
  readonly minMinutes: number;
  /** The expectation is worked out anew after so many minutes: sorting at every minute would be most of the cost. */
  readonly refreshMinutes: number;
}

export const BASELINE_DEFAULTS: BaselineParams = {
  historyMinutes: 180,
  lagMinutes: 10,
  minMinutes: 10,
  refreshMinutes: 5,
};

/** Outliers on either side that a usual figure leaves out: bursts of the past are not usual. */
const TRIMMED_SHARE = 0.1;

/**
 * One tenant's usual minute on one resource: trimmed means of the minutes of the last hours, but not of the newest
 * ones. Minutes of incidents are never fed in, so that a victim's slow minutes do not become normal.
 */
export class PoolBaseline {
  readonly #params: BaselineParams;
  readonly #minutes: PoolUse[] = [];
  #usual: UsualUse | null = null;
  #untilRefresh = 0;

  constructor(params: BaselineParams) {
    this.#params = params;
  }

  /** Adds a minute; oldest first. */
  add(use: PoolUse): void {
    this.#minutes.push(use);
    if (this.#minutes.length > this.#params.historyMinutes + this.#params.lagMinutes) this.#minutes.shift();
    this.#untilRefresh -= 1;
  }

  get usual(): UsualUse | null {
    if (this.#untilRefresh > 0) return this.#usual;
    const { lagMinutes, minMinutes, refreshMinutes } = this.#params;
    const settled = this.#minutes.slice(0, Math.max(0, this.#minutes.length - lagMinutes));
    // Early on a short history with the newest minutes in it is better than none.
    const history = settled.length >= minMinutes ? settled : this.#minutes;
    this.#usual = history.length >= minMinutes ? usualOf(history) : null;
    if (this.#usual !== null) this.#untilRefresh = refreshMinutes;
    return this.#usual;
  }

  /** True when nothing happened in any remembered minute: the tenant can be forgotten. */
  get isIdle(): boolean {
    return this.#minutes.every(({ requests, cpuMs, dbMs }) => requests === 0 && cpuMs === 0 && dbMs === 0);
  }
}

function usualOf(history: readonly PoolUse[]): UsualUse {
  const latencies = history.flatMap(({ p95Ms }) => (p95Ms === null ? [] : [p95Ms]));
  return {
    requests: trimmedMean(history.map(({ requests }) => requests)),
    cpuMs: trimmedMean(history.map(({ cpuMs }) => cpuMs)),
    dbMs: trimmedMean(history.map(({ dbMs }) => dbMs)),
    p95Ms: latencies.length === 0 ? null : trimmedMean(latencies),
  };
}

/** NaN for an empty list. */
function trimmedMean(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const cut = Math.floor(sorted.length * TRIMMED_SHARE);
  const kept = sorted.subarray(cut, sorted.length - cut);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

/** NaN for an empty list. */
export function medianOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[(sorted.length >> 1) - 1] ?? Number.NaN) + upper) / 2;
}
