import { departureSentence } from './departure-sentence.ts';
import { LatencyWatch, TOKENS_PER_CALL_PARAMS } from './latency.ts';
import { isPart, isTokens, type MetricNature, natureOf, TOKENS_PER_CALL, WEIGHT_METRIC } from './metric-kind.ts';
import type { Departure, MinuteChange, MinuteWatch } from './minute-watch.ts';
import { type RuleSetName, WATCHES } from './rule-sets.ts';
import { SurgeWatch } from './surge.ts';

/** What changed in one tenant's metric: a departure began, rose as much again, or ended. */
export interface MinuteFinding {
  readonly tenantId: string;
  readonly metric: string;
  readonly change: Exclude<MinuteChange, 'none'>;
  readonly departure: Departure;
  readonly reason: string;
}

export type FindingHandler = (finding: MinuteFinding) => void;

/** One series of a tenant with the rule that watches it, and the value of the minute that is being put together. */
class TenantSeries {
  readonly metric: string;
  nature: MetricNature;
  watch: MinuteWatch;
  value = Number.NaN;
  /** Of a series that nothing is known of but its first value. */
  first: { readonly minute: number; readonly value: number } | undefined;

  constructor(metric: string, nature: MetricNature, watch: MinuteWatch) {
    this.metric = metric;
    this.nature = nature;
    this.watch = watch;
  }
}

const TOKENS_PER_CALL_NATURE: MetricNature = {
  kind: 'latency',
  verb: 'used',
  noun: 'AI tokens per request',
  floor: 0,
  quantum: 1,
};

/**
 * All series of one tenant under one rule set. Values of a minute are collected until the next minute begins and are then
 * judged together, as percentiles and shares are worth what the requests behind them are, whatever order rows come in.
 */
export class TenantMinutes {
  readonly tenantId: string;
  readonly #rules: RuleSetName;
  readonly #onFinding: FindingHandler;
  readonly #series = new Map<string, TenantSeries>();
  #present: TenantSeries[] = [];
  #minute = -1;

  constructor(tenantId: string, rules: RuleSetName, onFinding: FindingHandler) {
    this.tenantId = tenantId;
    this.#rules = rules;
    this.#onFinding = onFinding;
  }

  /** What was measured in a minute. Answers why it cannot be taken, or undefined. */
  put(minute: number, metric: string, value: number): 'late' | 'twice' | undefined {
    if (minute !== this.#minute) {
      if (minute < this.#minute) return 'late';
      this.settle();
      this.#minute = minute;
    }
    const series = this.#seriesOf(metric);
    if (!Number.isNaN(series.value)) return 'twice';
    series.value = value;
    this.#present.push(series);
    return undefined;
  }

  /** Judges the minute that was put together; nothing comes of it later. */
  settle(): void {
    if (this.#present.length === 0) return;
    const weight = this.#weight();
    for (const series of this.#present) this.#judge(series, series.value, weight);
    if (this.#rules === 'tenantry') this.#judgeTokens(weight);
    for (const series of this.#present) series.value = Number.NaN;
    this.#present = [];
  }

  /**
   * Puts zero for every count that a measured minute says nothing of: where somebody was counted, silence is a real zero.
   * Routes and models are watched in minutes that have enough of them only, and miss the others.
   */
  putSilence(minute: number): void {
    for (const series of this.#series.values()) {
      if (series.nature.kind !== 'count' || isPart(series.metric)) continue;
      if (this.#minute !== minute || Number.isNaN(series.value)) this.put(minute, series.metric, 0);
    }
  }

  /** Series of this tenant, those that were made of others included. */
  get size(): number {
    return this.#series.size;
  }

  has(metric: string): boolean {
    return this.#series.has(metric);
  }

  /** Ends everything that is open, as when the data end. */
  finish(): void {
    this.settle();
    for (const series of this.#series.values()) {
      if (!series.watch.isOpen()) continue;
      series.watch.close(this.#minute + 1);
      const closed = series.watch.closed();
      if (closed !== undefined) this.#tell(series, 'ended', closed);
    }
  }

  /** The watches by metric, for whoever saves and restores them. */
  *watches(): Iterable<readonly [metric: string, watch: MinuteWatch]> {
    for (const [metric, { watch }] of this.#series) yield [metric, watch];
  }

  /** The watch of a metric, new when there was none. */
  watchOf(metric: string): MinuteWatch {
    return this.#seriesOf(metric).watch;
  }

  #seriesOf(metric: string): TenantSeries {
    const known = this.#series.get(metric);
    if (known !== undefined) return known;
    const made =
      metric === TOKENS_PER_CALL
        ? new TenantSeries(metric, TOKENS_PER_CALL_NATURE, new LatencyWatch(TOKENS_PER_CALL_PARAMS))
        : this.#newSeries(metric);
    this.#series.set(metric, made);
    return made;
  }

  #newSeries(metric: string): TenantSeries {
    const nature = natureOf(metric);
    return new TenantSeries(metric, nature, WATCHES[this.#rules](nature));
  }

  /** Requests of the minute: NaN where they are not known at all, 1 where there must have been some. */
  #weight(): number {
    const requests = this.#series.get(WEIGHT_METRIC);
    if (requests === undefined) return Number.NaN;
    return Number.isNaN(requests.value) ? 1 : requests.value;
  }

  /** Whoever counts per minute counts every minute; what comes more rarely is a measurement. */
  #decide(series: TenantSeries, value: number): void {
    if (series.first === undefined) {
      series.first = { minute: this.#minute, value };
      return;
    }
    const { minute, value: first } = series.first;
    const { verb, noun } = series.nature;
    const isCount = this.#minute - minute <= 1;
    series.nature = isCount
      ? { ...series.nature, isGuess: false }
      : { kind: 'gauge', verb, noun, floor: 0, quantum: 1 };
    if (isCount) return;
    series.watch = WATCHES[this.#rules](series.nature);
    series.watch.observe(minute, first, Number.NaN);
  }

  #judge(series: TenantSeries, value: number, weight: number): void {
    if (series.nature.isGuess) this.#decide(series, value);
    const { watch } = series;
    const change = watch.observe(this.#minute, value, weight);
    const closed = watch.closed();
    if (closed !== undefined) this.#tell(series, 'ended', closed);
    const departure = watch.departure();
    if ((change === 'opened' || change === 'escalated') && departure !== undefined)
      this.#tell(series, change, departure);
  }

  /** Dearer calls at an unchanged count are a series of their own; it also says in what pieces tokens come. */
  #judgeTokens(weight: number): void {
    if (!(weight >= 1)) return;
    const tokens = this.#present.find(({ metric }) => isTokens(metric));
    if (tokens === undefined || !(tokens.value > 0)) return;
    const perCall = this.#seriesOf(TOKENS_PER_CALL);
    this.#judge(perCall, tokens.value / weight, weight);
    if (this.#minute % 60 !== 0 || !(perCall.watch instanceof LatencyWatch)) return;
    if (tokens.watch instanceof SurgeWatch) tokens.watch.countIn(perCall.watch.usual());
  }

  #tell(series: TenantSeries, change: MinuteFinding['change'], departure: Departure): void {
    const { metric, nature } = series;
    const reason = departureSentence(this.tenantId, nature, departure);
    this.#onFinding({ tenantId: this.tenantId, metric, change, departure, reason });
  }
}
