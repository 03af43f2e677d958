import type { Anomaly, WatchedMetric } from '../domain/anomaly.ts';
import { WATCHED_METRICS } from '../domain/anomaly.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { UNKNOWN_TENANT } from '../domain/tenant-id.ts';
import { ceilTo, SECOND_MS } from '../domain/window.ts';
import type { DetectorParams } from './detector-params.ts';
import type { DetectorState, WatchedSeries, WatchedTenant } from './detector-state.ts';
import { explain } from './explain.ts';
import type { OpenSurge, OwnerRuleParams, RuleFinding } from './owner-rule.ts';
import { baselineBefore, evaluate, OWNER_RULE } from './owner-rule.ts';
import type { ActivityTable, Counts, TenantActivity } from './ports.ts';
import type { Series } from './series.ts';
import { indexAt } from './series.ts';

export interface Tick {
  readonly state: DetectorState;
  readonly table: ActivityTable;
  /** Unix ms up to which the table is complete; null: no data yet. */
  readonly dataUntil: number | null;
  readonly now: number;
  readonly newId: () => string;
  readonly params: DetectorParams;
}

/** An open finding with what `control` needs to choose a limit. */
interface OpenFinding {
  readonly anomaly: Anomaly;
  readonly usualRequestsPerSecond: number | null;
}

export interface TickResult {
  readonly state: DetectorState;
  /** A finding that opens and ends within one late tick is in both lists. */
  readonly opened: readonly Anomaly[];
  /** Open before and after this tick, with new figures. */
  readonly updated: readonly Anomaly[];
  readonly ended: readonly Anomaly[];
  /** Every finding that is open now. */
  readonly open: readonly OpenFinding[];
  /** Tenants with any activity in the table. */
  readonly activeTenants: number;
  /** Why nothing was judged this time, for people; null: all is well. Findings stay as they were. */
  readonly suspended: string | null;
}

/**
 * Judges every tenant and metric once. Pure: the same states, tables and ids give the same findings, so any decision can
 * be replayed. Work grows with tenants times intervals; quiet tenants cost a look at their newest intervals.
 */
export function runTick(tick: Tick): TickResult {
  const suspended = unhealthy(tick);
  const results = new Collected();
  if (suspended !== null) {
    for (const tenant of tick.state.tenants.values()) results.addOpen(tenant);
    return { state: tick.state, ...results.lists(), activeTenants: tick.table.tenants.size, suspended };
  }
  const { table, cut, fresh } = usablePart(tick);
  const tenants = new Map<TenantId, WatchedTenant>();
  for (const tenantId of new Set([...table.tenants.keys(), ...tick.state.tenants.keys()])) {
    if (tenantId === UNKNOWN_TENANT) continue;
    const watched = judgeTenant(tick, tenantId, { ...table, fresh, cut }, results);
    if (watched !== undefined) tenants.set(tenantId, watched);
  }
  const state = {
    intervalSeconds: table.intervalSeconds,
    judgedUntil: Math.max(table.end, tick.state.judgedUntil ?? table.end),
    tenants,
  };
  const unknown = table.tenants.has(UNKNOWN_TENANT) ? 1 : 0;
  return { state, ...results.lists(), activeTenants: table.tenants.size - unknown, suspended: null };
}

interface Span {
  readonly intervalSeconds: number;
  readonly end: number;
  readonly fresh: number;
  /** Newest intervals that are not complete yet and are left for the next tick. */
  readonly cut: number;
  readonly tenants: ReadonlyMap<TenantId, TenantActivity>;
}

const COUNTS_OF: Readonly<Record<WatchedMetric, (activity: TenantActivity) => Counts>> = {
  requests: (activity) => activity.requests,
  ai_tokens: (activity) => activity.aiTokens,
};

/** Missing or late data looks like silence, and everybody's silence like everybody's surge once it is over. */
function unhealthy({ table, dataUntil, now, params, state }: Tick): string | null {
  if (dataUntil === null) return 'no data has arrived yet';
  const behindMs = now - dataUntil;
  const allowedMs = (2 * table.intervalSeconds + params.lagSeconds) * SECOND_MS;
  if (behindMs > allowedMs) {
    return `the newest data is ${Math.round(behindMs / SECOND_MS)} s old, more than the ${allowedMs / SECOND_MS} s that are normal`;
  }
  if (table.tenants.size === 0 && state.tenants.size > 0) return 'no tenant at all is in the data';
  return null;
}

function usablePart({ table, dataUntil, state, params }: Tick): {
  readonly table: ActivityTable;
  readonly cut: number;
  readonly fresh: number;
} {
  const stepMs = table.intervalSeconds * SECOND_MS;
  const complete = table.end - ceilTo(Math.max(0, table.end - (dataUntil ?? 0)), stepMs);
  const cut = (table.end - complete) / stepMs;
  const sameGrid = state.intervalSeconds === table.intervalSeconds && state.judgedUntil !== null;
  const missed = sameGrid ? Math.floor((complete - (state.judgedUntil ?? 0)) / stepMs) : 1;
  return {
    table: { ...table, end: complete },
    cut,
    fresh: Math.max(0, Math.min(missed, params.catchUpIntervals)),
  };
}

function judgeTenant(tick: Tick, tenantId: TenantId, span: Span, results: Collected): WatchedTenant | undefined {
  const activity = span.tenants.get(tenantId);
  const before = tick.state.tenants.get(tenantId);
  const hasOpen = WATCHED_METRICS.some((metric) => before?.[metric]?.anomaly);
  // Silent for a whole table and nothing open: forgotten, so that the state grows with active tenants only.
  if (activity === undefined && !hasOpen) return undefined;
  const after: Partial<Record<WatchedMetric, WatchedSeries>> = {};
  for (const metric of WATCHED_METRICS) {
    const watched = judgeSeries(tick, tenantId, metric, { activity, before, span }, results);
    if (watched !== undefined) after[metric] = watched;
  }
  results.addOpen(after);
  return after.requests === undefined && after.ai_tokens === undefined ? undefined : after;
}

interface Known {
  readonly activity: TenantActivity | undefined;
  readonly before: WatchedTenant | undefined;
  readonly span: Span;
}

function judgeSeries(
  tick: Tick,
  tenantId: TenantId,
  metric: WatchedMetric,
  known: Known,
  results: Collected,
): WatchedSeries | undefined {
  const { rules } = tick.params;
  const before = known.before?.[metric];
  const series = seriesOf(metric, known);
  const { state: rule, findings } = evaluate(before?.rule, series, tick.now, rules[metric]);
  if (rule === undefined) return undefined;
  if (findings.length === 0) return before?.rule === rule ? before : { ...calm(before), rule };

  let { anomaly, usualRequestsPerSecond } = calm(before);
  for (const finding of findings) {
    if (finding.change === 'opened') usualRequestsPerSecond = usualRequests(metric, finding, known, rules.requests);
    anomaly = anomalyOf(tick, tenantId, metric, finding, finding.change === 'opened' ? tick.newId() : anomaly?.id);
    results.add(finding.change, anomaly);
    if (finding.change === 'ended') anomaly = null;
  }
  return { rule, anomaly, usualRequestsPerSecond: anomaly === null ? null : usualRequestsPerSecond };
}

function calm(before: WatchedSeries | undefined): Omit<WatchedSeries, 'rule'> {
  return { anomaly: before?.anomaly ?? null, usualRequestsPerSecond: before?.usualRequestsPerSecond ?? null };
}

/** A tenant that is absent from a healthy table did nothing: zeros, so that its findings end. */
function seriesOf(metric: WatchedMetric, { activity, span }: Known): Series {
  const { intervalSeconds, end, fresh, cut } = span;
  const counts = activity === undefined ? Array<number>(fresh).fill(0) : COUNTS_OF[metric](activity);
  const complete = activity === undefined || cut === 0 ? counts : counts.slice(0, Math.max(0, counts.length - cut));
  return { intervalSeconds, end, counts: complete, fresh };
}

/** For AI findings too, the figure that a request limit must not go below. */
function usualRequests(
  metric: WatchedMetric,
  finding: RuleFinding,
  known: Known,
  rule: OwnerRuleParams,
): number | null {
  if (metric === 'requests') return finding.surge.baseline;
  const requests = known.before?.requests;
  if (requests === undefined) return null;
  if (requests.rule.open !== null) return requests.rule.open.baseline;
  const series = seriesOf('requests', known);
  return baselineBefore(requests.rule, series, indexAt(series, finding.surge.startedAt), rule) ?? null;
}

function anomalyOf(
  tick: Tick,
  tenantId: TenantId,
  metric: WatchedMetric,
  { surge, withinWindow, endedAt }: RuleFinding,
  id: string | undefined,
): Anomaly {
  const { startedAt, detectedAt, baseline, aboveIntervals } = surge;
  const value = meanAbove(surge);
  const ratio = value / baseline;
  const { window } = tick.params.rules[metric];
  const { intervalSeconds } = tick.table;
  const evidence = { tenant: tenantId, metric, value, baseline, ratio, aboveIntervals, intervalSeconds };
  const reason = explain({ ...evidence, window: withinWindow ? window : null });
  return {
    id: id ?? tick.newId(),
    tenantId,
    metric,
    startedAt,
    detectedAt,
    endedAt,
    value,
    baseline,
    ratio,
    rule: OWNER_RULE,
    reason,
  };
}

function meanAbove(surge: OpenSurge): number {
  return surge.aboveSum / surge.aboveIntervals;
}

/** The lists of one tick, in the order in which tenants were judged. */
class Collected {
  readonly #changed: Record<RuleFinding['change'], Anomaly[]> = { opened: [], updated: [], ended: [] };
  readonly #open: OpenFinding[] = [];

  add(change: RuleFinding['change'], anomaly: Anomaly): void {
    this.#changed[change].push(anomaly);
  }

  addOpen(tenant: WatchedTenant): void {
    for (const metric of WATCHED_METRICS) {
      const watched = tenant[metric];
      if (watched === undefined || watched.anomaly === null) continue;
      this.#open.push({ anomaly: watched.anomaly, usualRequestsPerSecond: watched.usualRequestsPerSecond });
    }
  }

  lists() {
    return { ...this.#changed, open: this.#open };
  }
}
