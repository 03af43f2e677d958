import type { WatchedMetric } from '../domain/anomaly.ts';
import type { Window } from '../domain/window.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { Series } from './series.ts';
import { firstActivity, indexAt, isSilent, measuredBetween, rateAt, startOf } from './series.ts';

/**
 * The owner's rule: a tenant is out of line when it does `ratio` times its own usual, and enough of it to matter, in
 * `needed` of the last `window` intervals. Known weakness (measured on real traces): a plain mean has no notion of the
 * time of day, so this rule alerts often; what may act on it is decided in `control`.
 */
export const OWNER_RULE = 'owner-ratio/1';

export interface OwnerRuleParams {
  /** An interval is above the line from `ratio` times the baseline. */
  readonly ratio: number;
  /** ... and from this much per second, so that tiny tenants never are. */
  readonly floorPerSecond: number;
  readonly window: number;
  readonly needed: number;
  /** A finding ends after this many intervals in a row below `releaseShare` of the line. */
  readonly quiet: number;
  /** 2/3 of the line at ratio 3 is twice the baseline: the gap to the line keeps a finding from flapping. */
  readonly releaseShare: number;
  readonly baselineSeconds: number;
  /** Tenants that have been active for less are never found; a silent `baselineSeconds` starts the count anew. */
  readonly minHistorySeconds: number;
  /** A finding that lasts this long is the tenant's new normal: it ends, and counts as history from then on. */
  readonly maxOpenSeconds: number;
}

/** Below a request or about one small LLM call a second nobody is crowded out. */
const VOLUME_FLOORS: Readonly<Record<WatchedMetric, number>> = { requests: 1, ai_tokens: 500 };

export function ownerRuleParams(metric: WatchedMetric, overrides: Partial<OwnerRuleParams> = {}): OwnerRuleParams {
  return {
    ratio: 3,
    floorPerSecond: VOLUME_FLOORS[metric],
    window: 5,
    needed: 3,
    quiet: 5,
    releaseShare: 2 / 3,
    baselineSeconds: 3_600,
    minHistorySeconds: 3_600,
    maxOpenSeconds: 7_200,
    ...overrides,
  };
}

/** What a series' evaluation remembers; plain data, so that a restart keeps it. */
export interface SeriesState {
  /** Unix ms: start of the first interval with activity. */
  readonly activeSince: number;
  readonly open: OpenSurge | null;
  /** Past surges that the baseline's horizon still touches: they count as the baseline of their time. */
  readonly surges: readonly (Window & { readonly baseline: number })[];
}

export interface OpenSurge {
  readonly startedAt: number;
  readonly detectedAt: number;
  /** Per second; frozen at the opening, so that the surge does not become its own baseline. */
  readonly baseline: number;
  readonly aboveIntervals: number;
  /** Sum of the rates of the intervals above the line. */
  readonly aboveSum: number;
  readonly quietIntervals: number;
  /** Start of the first quiet interval of the current run. */
  readonly quietSince: number | null;
}

export interface RuleFinding {
  readonly change: 'opened' | 'updated' | 'ended';
  readonly surge: OpenSurge;
  /** Unix ms; null while it lasts. */
  readonly endedAt: number | null;
  /** True while every interval above the line lies in the rule's window, as at the moment of opening. */
  readonly withinWindow: boolean;
}

export interface Evaluation {
  readonly state: SeriesState | undefined;
  /** What changed, in order of time; updates are part of the opening before or the end after them. */
  readonly findings: readonly RuleFinding[];
}

const NOTHING: readonly RuleFinding[] = [];

/**
 * Judges the fresh intervals of one series one after the other, so that late or bundled calls give the same findings as
 * punctual ones. `now` is only written into what is opened. A state of undefined = nothing known of this series.
 */
export function evaluate(
  before: SeriesState | undefined,
  series: Series,
  now: number,
  params: OwnerRuleParams,
): Evaluation {
  let state = knownSeries(before, series, params);
  if (state === undefined) return { state, findings: NOTHING };
  let findings = NOTHING;
  for (let index = Math.max(0, series.counts.length - series.fresh); index < series.counts.length; index += 1) {
    const step: Step =
      state.open === null
        ? judgeCalm(state, series, index, now, params)
        : judgeOpen(state, state.open, series, index, params);
    state = step.state;
    if (step.finding !== undefined) findings = appended(findings, step.finding);
  }
  return { state, findings };
}

/**
 * The tenant's own usual rate per second before interval `index`, or undefined when there is too little history. Missing
 * intervals are ignored, past surges count as what was usual then.
 */
export function baselineBefore(
  state: SeriesState,
  series: Series,
  index: number,
  params: OwnerRuleParams,
): number | undefined {
  const activeForMs = startOf(series, index) - state.activeSince;
  if (activeForMs < params.minHistorySeconds * SECOND_MS) return undefined;
  const horizon = index - Math.round(params.baselineSeconds / series.intervalSeconds);
  const oldest = Math.max(0, horizon, indexAt(series, state.activeSince));
  const whole = measuredBetween(series, oldest, index);
  let usual = whole.sum;
  for (const past of state.surges) {
    const [from, to] = [Math.max(oldest, indexAt(series, past.from)), Math.min(index, indexAt(series, past.to))];
    const surge = measuredBetween(series, from, to);
    usual += surge.intervals * past.baseline - surge.sum;
  }
  // Half of the history that is asked for must have been measured: a mean over a few leftovers is no baseline.
  const askedSeconds = Math.min(params.minHistorySeconds, params.baselineSeconds);
  if (usual <= 0 || whole.intervals * series.intervalSeconds < askedSeconds / 2) return undefined;
  return usual / whole.intervals;
}

interface Step {
  readonly state: SeriesState;
  readonly finding?: RuleFinding;
}

function knownSeries(
  before: SeriesState | undefined,
  series: Series,
  params: OwnerRuleParams,
): SeriesState | undefined {
  if (before === undefined) {
    const activeSince = firstActivity(series);
    return activeSince === undefined ? undefined : { activeSince, open: null, surges: [] };
  }
  const wholeHorizon = series.counts.length * series.intervalSeconds >= params.baselineSeconds;
  // Nobody can be compared with silence: whoever comes back after it starts as new.
  return before.open === null && wholeHorizon && isSilent(series) ? undefined : before;
}

function judgeCalm(state: SeriesState, series: Series, index: number, now: number, params: OwnerRuleParams): Step {
  const first = Math.max(0, index - params.window + 1);
  // Most series are below the floor, which is cheap to see; the mean over the horizon is for the rest.
  if (intervalsFrom(params.floorPerSecond, series, first, index).length < params.needed) return { state };
  const baseline = baselineBefore(state, series, first, params);
  if (baseline === undefined) return { state };
  const above = intervalsFrom(lineOf(baseline, params), series, first, index);
  const [start] = above;
  if (start === undefined || above.length < params.needed) return { state };
  const surge: OpenSurge = {
    startedAt: startOf(series, start),
    detectedAt: now,
    baseline,
    aboveIntervals: above.length,
    aboveSum: above.reduce((sum, at) => sum + (rateAt(series, at) ?? 0), 0),
    quietIntervals: 0,
    quietSince: null,
  };
  return { state: { ...state, open: surge }, finding: { change: 'opened', surge, endedAt: null, withinWindow: true } };
}

function judgeOpen(state: SeriesState, open: OpenSurge, series: Series, index: number, params: OwnerRuleParams): Step {
  const rate = rateAt(series, index);
  const line = lineOf(open.baseline, params);
  const above = rate !== null && rate >= line;
  const surge =
    rate === null
      ? open
      : above
        ? withAbove(open, rate)
        : withoutAbove(open, rate < line * params.releaseShare, startOf(series, index));

  const end = startOf(series, index + 1);
  if (surge.quietIntervals >= params.quiet)
    return ended(state, surge, surge.quietSince ?? end, startOf(series, index - params.window), params);
  // Not remembered as a surge: what it did is what it usually does from now on.
  if (end - surge.startedAt >= params.maxOpenSeconds * SECOND_MS) {
    return { state: { ...state, open: null }, finding: { change: 'ended', surge, endedAt: end, withinWindow: false } };
  }
  if (surge === open) return { state };
  const after = { ...state, open: surge };
  return above
    ? { state: after, finding: { change: 'updated', surge, endedAt: null, withinWindow: false } }
    : { state: after };
}

function ended(
  state: SeriesState,
  surge: OpenSurge,
  endedAt: number,
  windowStart: number,
  params: OwnerRuleParams,
): Step {
  const horizon = windowStart - params.baselineSeconds * SECOND_MS;
  const past = { from: surge.startedAt, to: endedAt, baseline: surge.baseline };
  return {
    state: { ...state, open: null, surges: [...state.surges.filter((old) => old.to > horizon), past] },
    finding: { change: 'ended', surge, endedAt, withinWindow: false },
  };
}

function withAbove(open: OpenSurge, rate: number): OpenSurge {
  return {
    ...open,
    aboveIntervals: open.aboveIntervals + 1,
    aboveSum: open.aboveSum + rate,
    quietIntervals: 0,
    quietSince: null,
  };
}

function withoutAbove(open: OpenSurge, quiet: boolean, start: number): OpenSurge {
  if (quiet) return { ...open, quietIntervals: open.quietIntervals + 1, quietSince: open.quietSince ?? start };
  return open.quietSince === null ? open : { ...open, quietIntervals: 0, quietSince: null };
}

function lineOf(baseline: number, params: OwnerRuleParams): number {
  return Math.max(params.ratio * baseline, params.floorPerSecond);
}

function intervalsFrom(rate: number, series: Series, first: number, last: number): number[] {
  const found: number[] = [];
  for (let index = first; index <= last; index += 1) {
    const measured = rateAt(series, index);
    if (measured !== null && measured >= rate) found.push(index);
  }
  return found;
}

function appended(findings: readonly RuleFinding[], next: RuleFinding): readonly RuleFinding[] {
  const last = findings.at(-1);
  const earlier = findings.slice(0, -1);
  if (last?.change === 'updated') return [...earlier, next];
  if (last?.change === 'opened' && next.change === 'updated') return [...earlier, { ...next, change: 'opened' }];
  return [...findings, next];
}
