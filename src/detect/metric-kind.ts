/**
 * How a series is judged. `count`: things per minute, where only a surge matters. `latency`: a percentile in any unit of
 * time. `errors`: a share that should be small. `gauge`: anything else that is measured, judged on both sides.
 */
type MetricKind = 'count' | 'latency' | 'errors' | 'gauge';

/** How people say what a tenant did, and what of it counts. */
export interface MetricNature {
  readonly kind: MetricKind;
  readonly verb: string;
  readonly noun: string;
  /** Least excess per minute, in the metric's unit, that can crowd anybody out. */
  readonly floor: number;
  /** The unit that comes in one piece, as noise is counted in it. */
  readonly quantum: number;
  /** The name says nothing: counted per minute it is taken for a count, measured more rarely for a gauge. */
  readonly isGuess?: boolean;
}

const REQUEST_FLOOR = 20;
/** Mean tokens of a call where nobody says how many calls there were. */
const USUAL_TOKENS = 1_000;

const count = (verb: string, noun: string, floor = REQUEST_FLOOR, quantum = 1): MetricNature => ({
  kind: 'count',
  verb,
  noun,
  floor,
  quantum,
});

/** A tenth of a core, or of a connection, is the least that the others can feel. */
const BUSY_FLOOR_MS = 6_000;

const KNOWN: Readonly<Record<string, MetricNature>> = {
  requests: count('sent', 'requests'),
  errors: count('caused', 'errors', 10),
  db_calls: count('made', 'database calls'),
  db_ms: count('used', 'ms of database time', BUSY_FLOOR_MS, 10),
  cpu_ms: count('used', 'ms of CPU time', BUSY_FLOOR_MS, 10),
  bytes: count('moved', 'bytes', 10_000_000, 10_000),
  ai_calls: count('made', 'AI calls', 10),
  ai_tokens: count('used', 'AI tokens', REQUEST_FLOOR * USUAL_TOKENS, USUAL_TOKENS),
  tokens: count('used', 'tokens', REQUEST_FLOOR * USUAL_TOKENS, USUAL_TOKENS),
  ai_cost_micro: count('spent', 'millionths on AI', 200_000, 10_000),
};

const LATENCY = /(^|_)(p\d{2,3}|latency|duration|response_time)(_|$)/;
const ERRORS = /(error|failure|fail|timeout|refus)\w*_(rate|ratio|share|percent|pct)/;
const GAUGE = /(^|_)(value|gauge|rate|ratio|share|percent|pct|utili[sz]ation|temperature|memory|cpu|load|lag|depth)$/;
const TOKENS = /(^|_)tokens$/;

/** Between a metric and the part of it that is watched by itself: `requests on /orders`. */
const PART = ' on ';

export function isPart(metric: string): boolean {
  return metric.includes(PART);
}

/** The nature of a metric by its name, as files may bring any; names that say nothing are taken for counts. */
export function natureOf(metric: string): MetricNature {
  const cut = metric.indexOf(PART);
  if (cut > 0) {
    const whole = natureOf(metric.slice(0, cut));
    return { ...whole, noun: `${whole.noun}${metric.slice(cut)}` };
  }
  const known = KNOWN[metric];
  if (known !== undefined) return known;
  const name = metric.toLowerCase();
  const noun = metric.replaceAll('_', ' ');
  if (ERRORS.test(name)) return { kind: 'errors', verb: 'had', noun, floor: 5, quantum: 1 };
  if (LATENCY.test(name)) return { kind: 'latency', verb: 'saw', noun, floor: 0, quantum: 1 };
  if (GAUGE.test(name)) return { kind: 'gauge', verb: 'showed', noun, floor: 0, quantum: 1 };
  return TOKENS.test(name)
    ? { ...count('used', noun), floor: REQUEST_FLOOR * USUAL_TOKENS, quantum: USUAL_TOKENS }
    : { ...count('had', noun), isGuess: true };
}

/** The metric that says how many requests a tenant's other figures of a minute were made of. */
export const WEIGHT_METRIC = 'requests';

/** What a tenant's tokens and calls give together: dearer calls at an unchanged count. */
export const TOKENS_PER_CALL = 'ai_tokens_per_request';

export function isTokens(metric: string): boolean {
  return TOKENS.test(metric.toLowerCase());
}
