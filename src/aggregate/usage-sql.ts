import type { UsageMetric } from '../domain/usage.ts';
import { alignOutwards, DAY_MS, type Window } from '../domain/window.ts';
import {
  type Fragment,
  type RollupFamily,
  rollupTable,
  rowsInWindow,
  timeCondition,
  type Whose,
} from './rollup-source.ts';
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
}

/** The arrays run in parallel, one element a family and step in which the tenant has rows of it. */
export interface UsageSqlRow {
  readonly tenant_id: string;
  readonly families: readonly RollupFamily[];
  /** Unix seconds of the step's start; 0 for a sum over the window. */
  readonly at: readonly number[];
  /** Decimal texts, in the order of `metricsOfFamily`. */
  readonly sums: readonly (readonly string[])[];
  /** Services that the tenant's spans come from. */
  readonly services: readonly string[];
}

const familyOf = (metric: RollupMetric): RollupFamily => ROLLUP_METRICS[metric].family;

/** Spans are always among them: they tell which services a tenant used. */
function familiesOf(metrics: readonly RollupMetric[]): RollupFamily[] {
  return [...new Set<RollupFamily>(['spans', ...metrics.map(familyOf)])];
}

export function metricsOfFamily(family: RollupFamily, metrics: readonly RollupMetric[]): RollupMetric[] {
  return metrics.filter((metric) => familyOf(metric) === family);
}

/** Whether the rows that a service sends at all show that it measures the metric. */
export function isMeasuredByAnySpan(metric: RollupMetric): boolean {
  const { family, evidence } = ROLLUP_METRICS[metric];
  return evidence === '1' && (family === 'requests' || family === 'spans');
}

/**
 * One row a tenant. Sums come as text, as the engine's numbers reach JavaScript as doubles. Shape of the text: a family
 * has the columns of its own metrics and nothing else, as with zeros for all others the engine took 270 ms just to
 * analyse a question about 22 metrics.
 */
export function usageSelect({ window, metrics, whose, step }: UsageSelect): Fragment {
  const params: Record<string, Fragment['params'][string]> = {};
  const at = step === undefined ? 'toUInt32(0)' : STEP_START[step];
  const sources = familiesOf(metrics).map((family) => {
    const own = metricsOfFamily(family, metrics).map((metric) => ROLLUP_METRICS[metric].column);
    const services = family === 'spans' ? ['ServiceName'] : [];
    const columns = ['TenantId', ...services, ...(step === undefined ? [] : ['Time']), ...new Set(own)];
    const rows = rowsInWindow(family, window, whose, {
      columns,
      ...(step === undefined ? {} : { coarsest: COARSEST[step] }),
    });
    Object.assign(params, rows.params);
    const sums = own.map((column) => `toString(sum(${column}))`);
    const used = family === 'spans' ? 'groupUniqArray(ServiceName::String)' : 'emptyArrayString()';
    return `SELECT TenantId, '${family}' AS family, ${at} AS step_start,
                   [${sums.join(', ')}]::Array(String) AS family_sums, ${used} AS used_services
            FROM ${rows.sql} GROUP BY TenantId, step_start`;
  });
  return {
    sql: `SELECT TenantId AS tenant_id, groupArray(family) AS families, groupArray(step_start) AS at,
                 groupArray(family_sums) AS sums, groupUniqArrayArray(used_services) AS services
          FROM (${sources.join(' UNION ALL ')}) GROUP BY tenant_id`,
    params,
  };
}

/** Metrics of one family that a service measured, by their position in `metricsOfFamily`. */
export interface UsageServiceRow {
  readonly service: string;
  readonly family: RollupFamily;
  readonly measured: readonly number[];
}

/** Over whole days, as a service that measures something does so for longer than a minute: one level is quick to read. */
export function usageServicesSelect(window: Window, metrics: readonly RollupMetric[]): Fragment {
  const days = alignOutwards(window, DAY_MS);
  const params: Record<string, Fragment['params'][string]> = {};
  const sources = familiesOf(metrics).map((family) => {
    const evidence = metricsOfFamily(family, metrics).map((metric) => `max(${ROLLUP_METRICS[metric].evidence})`);
    const time = timeCondition(days, 'w');
    Object.assign(params, time.params);
    return `SELECT ServiceName AS service, '${family}' AS family, [${evidence.join(', ')}]::Array(UInt8) AS measured
            FROM ${rollupTable(family, 'day')} WHERE ${time.sql} GROUP BY service`;
  });
  return { sql: sources.join(' UNION ALL '), params };
}

/** Unix seconds of the steps in which anybody sent a span: in any other, nothing was measured. */
export function usageStepsSelect(window: Window, step: UsageStep): Fragment {
  const rows = rowsInWindow('spans', window, 'everybody', { columns: ['Time'], coarsest: COARSEST[step] });
  return { sql: `SELECT DISTINCT ${STEP_START[step]} AS at FROM ${rows.sql}`, params: rows.params };
}
