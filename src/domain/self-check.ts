/**
 * The self-check: spans that are known to the last figure go in by the front door, and what must come out of them is held
 * against what does, stage by stage down to the last rollup. Pure. (The idea is that of Tempo's Vulture.)
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from './window.ts';

/** In the order of the data; what is wrong at one stage is often wrong at those behind it too. */
export const SELF_CHECK_STAGES = ['acknowledged', 'spans', 'minute', 'hour', 'day', 'activity'] as const;
export type SelfCheckStage = (typeof SELF_CHECK_STAGES)[number];
export type SelfCheckFault = 'not_acknowledged' | 'late' | 'missing' | 'doubled' | 'wrong_value';

export const ROLLUP_MS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS } as const;
export type RollupStage = keyof typeof ROLLUP_MS;

export interface SelfCheckFailure {
  readonly stage: SelfCheckStage;
  readonly fault: SelfCheckFault;
  /** One sentence with the figures. */
  readonly text: string;
}

/** How the self-check stands. Times are Unix milliseconds. */
export interface SelfCheckStanding {
  readonly runs: number;
  readonly lastRunAt: number | null;
  /** Of the last run; empty: all came out as it went in. */
  readonly failures: readonly SelfCheckFailure[];
  readonly failingSince: number | null;
  /** From the end of the newest span that was sent to its being queryable, of the last run that found it. */
  readonly lagMs: number | null;
}

export interface SelfCheckSpan {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'internal';
  /** Index of its parent among the spans of the trace; null: it has none. */
  readonly parent: number | null;
  /** Unix ms, whole. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Counts first: too few or too many of them say more than a sum that is wrong. */
const COUNTS = ['spans', 'requests', 'db_calls', 'query_calls', 'ai_calls', 'cache_hits', 'cache_misses'] as const;
const SUMS = ['errors', 'request_ns', 'db_ns', 'input_tokens', 'output_tokens'] as const;
export type FigureName = (typeof COUNTS)[number] | (typeof SUMS)[number];
export type SelfCheckFigures = Readonly<Record<FigureName, number>>;

const WORDS: Readonly<Record<FigureName, string>> = {
  ...{ spans: 'spans', requests: 'requests', errors: 'errors', request_ns: 'nanoseconds of requests' },
  ...{ db_calls: 'database calls', query_calls: 'calls of a query', db_ns: 'nanoseconds of database calls' },
  ...{ cache_hits: 'cache hits', cache_misses: 'cache misses', ai_calls: 'AI calls' },
  ...{ input_tokens: 'input tokens', output_tokens: 'output tokens' },
};

const HITS = 3;
const MISSES = 1;

/**
 * What is sent at one time: a request with a database call, an AI call and cache lookups, one that fails, and work of
 * neither kind. Durations and tokens differ from one batch to the next, so that one cannot stand in for another.
 * @param at Unix ms at which the last of them ends
 */
export function knownSpans(batch: number, at: number): readonly SelfCheckSpan[] {
  const requestMs = 100 + 10 * (batch % 7);
  const failedMs = 400 + 20 * (batch % 5);
  const plain = { parent: null, isError: false, attributes: {} };
  return [
    {
      ...{ ...plain, name: 'GET /self-check', kind: 'server', startMs: at - requestMs, durationMs: requestMs },
      attributes: {
        ...{ 'http.request.method': 'GET', 'http.route': '/self-check', 'http.response.status_code': 200 },
        ...{ 'tenantry.cache.hits': HITS, 'tenantry.cache.misses': MISSES },
      },
    },
    {
      ...{ ...plain, parent: 0, name: 'SELECT self_check', kind: 'client', startMs: at - 80, durationMs: 20 },
      attributes: {
        ...{ 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' },
        'db.query.text': 'SELECT 1 FROM self_check WHERE id = $1',
      },
    },
    {
      ...{ ...plain, parent: 0, name: 'chat self-check', kind: 'client', startMs: at - 60, durationMs: 50 },
      attributes: {
        ...{ 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'self-check' },
        ...{ 'gen_ai.response.model': 'self-check', 'gen_ai.usage.input_tokens': 1_000 + (batch % 97) },
        'gen_ai.usage.output_tokens': 100 + (batch % 89),
      },
    },
    {
      ...{ ...plain, name: 'GET /self-check/failing', kind: 'server', startMs: at - failedMs, durationMs: failedMs },
      isError: true,
      attributes: {
        ...{ 'http.request.method': 'GET', 'http.route': '/self-check/failing', 'http.response.status_code': 500 },
      },
    },
    { ...plain, name: 'self-check work', kind: 'internal', startMs: at - 5, durationMs: 5 },
  ];
}

export const NO_FIGURES: SelfCheckFigures = {
  ...{ spans: 0, requests: 0, errors: 0, request_ns: 0, db_calls: 0, query_calls: 0, db_ns: 0 },
  ...{ cache_hits: 0, cache_misses: 0, ai_calls: 0, input_tokens: 0, output_tokens: 0 },
};

export function figuresOfSpan({ kind, durationMs, isError, attributes }: SelfCheckSpan): SelfCheckFigures {
  const number = (name: string) => Number(attributes[name] ?? 0);
  const isRequest = kind === 'server' ? 1 : 0;
  const isDbCall = attributes['db.system.name'] === undefined ? 0 : 1;
  return {
    ...{ spans: 1, requests: isRequest, errors: isError ? isRequest : 0, request_ns: isRequest * durationMs * 1e6 },
    ...{ db_calls: isDbCall, query_calls: isDbCall, db_ns: isDbCall * durationMs * 1e6 },
    ...{ cache_hits: number('tenantry.cache.hits'), cache_misses: number('tenantry.cache.misses') },
    ai_calls: attributes['gen_ai.operation.name'] === undefined ? 0 : 1,
    ...{ input_tokens: number('gen_ai.usage.input_tokens'), output_tokens: number('gen_ai.usage.output_tokens') },
  };
}

export function addFigures(a: SelfCheckFigures, b: SelfCheckFigures): SelfCheckFigures {
  const names = [...COUNTS, ...SUMS];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Record<FigureName, number>;
}

/**
 * The first figure that is not as it must be; undefined: all are.
 * @param where ends the sentence, such as "in spans"
 * @param names what this stage holds
 */
export function compareFigures(
  expected: SelfCheckFigures,
  actual: SelfCheckFigures,
  { stage, where, without = [] }: { stage: SelfCheckStage; where: string; without?: readonly FigureName[] },
): SelfCheckFailure | undefined {
  const differs = (name: FigureName) => !without.includes(name) && actual[name] !== expected[name];
  const count = COUNTS.find(differs);
  const name = count ?? SUMS.find(differs);
  if (name === undefined) return undefined;
  const fault = count === undefined ? 'wrong_value' : actual[name] < expected[name] ? 'missing' : 'doubled';
  return { stage, fault, text: `${actual[name]} ${WORDS[name]} instead of ${expected[name]} ${where}.` };
}

/** Sketches keep a percentile within half a percent; rounding adds nothing that counts. */
const SKETCH_ERROR = 0.01;

/**
 * Whether a P95 that a sketch gives can be that of these durations. Which of two neighbouring ranks is meant is a matter
 * of definition, so both will do.
 */
export function isP95Of(p95Ms: number, durationsMs: readonly number[]): boolean {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const low = sorted[Math.floor(0.95 * (sorted.length - 1))] ?? 0;
  const high = sorted[Math.min(sorted.length - 1, Math.ceil(0.95 * sorted.length))] ?? 0;
  return p95Ms >= low * (1 - SKETCH_ERROR) && p95Ms <= high * (1 + SKETCH_ERROR);
}

/** What to do about it. */
export function selfCheckAdvice({ stage, fault }: SelfCheckFailure): string {
  if (fault === 'not_acknowledged') return 'Telemetry of the apps may be refused likewise: look at the log of ingest.';
  if (fault === 'late') return 'Figures are behind: look at the loader, at ClickHouse and at their logs.';
  const what = stage === 'spans' || stage === 'activity' ? 'Figures' : `Figures by ${stage}`;
  return `${what} of every tenant may be wrong the same way: act on none and bill by none until it is explained. It ends by itself once the time that is wrong is no longer looked at, at the latest with the day.`;
}
