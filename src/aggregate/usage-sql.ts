import type { UsageMetric } from '../domain/usage.ts';
import { alignOutwards, MINUTE_MS, type Window } from '../domain/window.ts';
import { type Fragment, type RollupFamily, rowsInWindow, type Whose } from './rollup-source.ts';
import type { Level } from './time-levels.ts';
import type { UsageStep } from './usage-source.ts';

interface RollupMetricDefinition {
  readonly family: RollupFamily;
  readonly column: string;
  /**
   * What of a family's row shows that its service reports the metric. A tenant's zero is a zero only in such a service;
   * anywhere else it was not measured.
   */
  readonly evidence: string;
}

/** Any row of the family shows it. */
const reported = (family: RollupFamily, column: string): RollupMetricDefinition => ({ family, column, evidence: '1' });

/** Senders that do not measure it send rows without it, so only a value above zero shows that it is measured. */
const seen = (family: RollupFamily, column: string, evidence = column): RollupMetricDefinition => ({
  family,
  column,
  evidence: `${evidence} > 0`,
});

/**
 * Every metric that comes from spans and from the middleware's metrics. Requests are spans, so whoever sends any span has
 * its requests measured: their evidence lies with `spans`.
 */
export const ROLLUP_METRICS = {
  requests: reported('requests', 'Requests'),
  errors: reported('requests', 'Errors'),
  busy_ns: reported('requests', 'DurationNs'),
  cpu_ns: seen('resource_use', 'CpuNs'),
  db_calls: reported('db_calls', 'Calls'),
  db_ns: reported('db_calls', 'DurationNs'),
  db_rows: seen('db_calls', 'Rows', 'CallsWithRows'),
  db_slow_calls: reported('db_calls', 'SlowCalls'),
  request_bytes: seen('requests', 'RequestBytes'),
  response_bytes: seen('requests', 'ResponseBytes'),
  cache_hits: reported('cache_lookups', 'Hits'),
  cache_misses: reported('cache_lookups', 'Misses'),
  ai_calls: reported('ai_usage', 'Calls'),
  ai_input_tokens: reported('ai_usage', 'InputTokens'),
  ai_output_tokens: reported('ai_usage', 'OutputTokens'),
  ai_cache_read_tokens: reported('ai_usage', 'CacheReadTokens'),
  ai_cache_write_tokens: reported('ai_usage', 'CacheWriteTokens'),
  ai_reasoning_tokens: reported('ai_usage', 'ReasoningTokens'),
  ai_search_units: seen('ai_usage', 'SearchUnits'),
  integration_calls: seen('spans', 'IntegrationCalls'),
  integration_errors: seen('spans', 'IntegrationErrors', 'IntegrationCalls'),
  spans: reported('spans', 'Spans'),
} as const satisfies Partial<Record<UsageMetric, RollupMetricDefinition>>;

export type RollupMetric = keyof typeof ROLLUP_METRICS;

export function isRollupMetric(metric: string): metric is RollupMetric {
  return metric in ROLLUP_METRICS;
}

/** Unix seconds of the start of a row's step. Allow-listed texts: nothing else reaches a query. */
const STEP_START: Readonly<Record<UsageStep, string>> = {
  minute: 'toUnixTimestamp(Time)',
  hour: 'toUnixTimestamp(toStartOfHour(Time))',
  day: 'toUnixTimestamp(toStartOfDay(Time))',
  month: "toUnixTimestamp(toDateTime(toStartOfMonth(Time), 'UTC'))",
};

const COARSEST: Readonly<Record<UsageStep, Level>> = { minute: 'minute', hour: 'hour', day: 'day', month: 'day' };

export interface UsageSelect {
  readonly window: Window;
  readonly metrics: readonly RollupMetric[];
  readonly whose: Whose;
  /** Absent: one sum over the window. */
  readonly step: UsageStep | undefined;
  /** Services in which each metric is measured; requests and spans need none. */
  readonly services: ReadonlyMap<RollupMetric, readonly string[]>;
}

/** The arrays run in parallel, one element a step in which the tenant sent anything; sums are decimal texts. */
export interface UsageSqlRow {
  readonly tenant_id: string;
  /** Unix seconds of the step's start; 0 for a sum over the window. */
  readonly at: readonly number[];
  /** By the position of the metric in the question: its sum in each step. */
  readonly sums: readonly (readonly string[])[];
  /** By the position of the metric: 1 if it was measured for this tenant. */
  readonly measured: readonly number[];
}

function isMeasuredByAnySpan(metric: RollupMetric): boolean {
  const { family, evidence } = ROLLUP_METRICS[metric];
  return evidence === '1' && (family === 'requests' || family === 'spans');
}

const unique = <Item>(items: readonly Item[]): Item[] => [...new Set(items)];

function rowsOf(family: RollupFamily, { window, whose, step }: Pick<UsageSelect, 'window' | 'whose' | 'step'>) {
  return rowsInWindow(family, window, whose, step === undefined ? 'day' : COARSEST[step]);
}

/**
 * One row a tenant. Sums come as text, as the engine's numbers reach JavaScript as doubles. A metric counts as measured if
 * the tenant has rows of it that show so, or sent spans from a service where it is measured.
 */
export function usageSelect(select: UsageSelect): Fragment {
  const { metrics, step, services } = select;
  const params: Record<string, Fragment['params'][string]> = {};
  const at = step === undefined ? 'toUInt32(0)' : STEP_START[step];
  const families = unique(['spans' as RollupFamily, ...metrics.map((metric) => ROLLUP_METRICS[metric].family)]);
  const sources = families.map((family) => {
    const rows = rowsOf(family, select);
    Object.assign(params, rows.params);
    const columns = metrics.flatMap((metric, index) => {
      const { family: own, column, evidence } = ROLLUP_METRICS[metric];
      const sum = own === family ? `sum(${column})` : 'toUInt64(0)';
      const shown = own === family ? [`max(${evidence})`] : [];
      if (family === 'spans') {
        if (isMeasuredByAnySpan(metric)) shown.push('1');
        else {
          params[`services_${index}`] = services.get(metric) ?? [];
          shown.push(`max(ServiceName IN {services_${index}:Array(String)})`);
        }
      }
      const measured = shown.length === 0 ? '0' : shown.join(' OR ');
      return [`${sum} AS sum_${index}`, `toUInt8(${measured}) AS measured_${index}`];
    });
    return `SELECT TenantId, ${at} AS step_start, ${columns.join(', ')} FROM ${rows.sql} GROUP BY TenantId, step_start`;
  });
  const inStep = metrics.map(
    (_, index) =>
      `sum(family.sum_${index}) AS step_sum_${index}, max(family.measured_${index}) AS step_measured_${index}`,
  );
  const sums = metrics.map((_, index) => `groupArray(toString(step_sum_${index}))`);
  const measured = metrics.map((_, index) => `max(step_measured_${index})`);
  return {
    sql: `SELECT tenant_id, groupArray(step_start) AS at, [${sums.join(', ')}] AS sums, [${measured.join(', ')}] AS measured
          FROM (SELECT TenantId AS tenant_id, step_start, ${inStep.join(', ')}
                FROM (${sources.join(' UNION ALL ')}) AS family GROUP BY tenant_id, step_start)
          GROUP BY tenant_id`,
    params,
  };
}

/** The services of a window and, by the position of the metric, 1 for each that is measured in them. */
export interface UsageServiceRow {
  readonly service: string;
  readonly measured: readonly number[];
}

export function usageServicesSelect(window: Window, metrics: readonly RollupMetric[]): Fragment {
  const params: Record<string, Fragment['params'][string]> = {};
  const families = unique(['spans' as RollupFamily, ...metrics.map((metric) => ROLLUP_METRICS[metric].family)]);
  const sources = families.map((family) => {
    const rows = rowsOf(family, { window: alignOutwards(window, MINUTE_MS), whose: 'everybody', step: undefined });
    Object.assign(params, rows.params);
    const columns = metrics.map((metric, index) => {
      const { family: own, evidence } = ROLLUP_METRICS[metric];
      const shown = own === family ? `max(${evidence})` : '0';
      const measured = family === 'spans' && isMeasuredByAnySpan(metric) ? '1' : shown;
      return `toUInt8(${measured}) AS measured_${index}`;
    });
    return `SELECT ServiceName, ${columns.join(', ')} FROM ${rows.sql} GROUP BY ServiceName`;
  });
  const measured = metrics.map((_, index) => `max(measured_${index})`);
  return {
    sql: `SELECT ServiceName AS service, [${measured.join(', ')}] AS measured
          FROM (${sources.join(' UNION ALL ')}) GROUP BY service`,
    params,
  };
}

/** Unix seconds of the steps in which anybody sent a span: in any other, nothing was measured. */
export function usageStepsSelect(window: Window, step: UsageStep): Fragment {
  const rows = rowsOf('spans', { window, whose: 'everybody', step });
  return { sql: `SELECT DISTINCT ${STEP_START[step]} AS at FROM ${rows.sql}`, params: rows.params };
}
