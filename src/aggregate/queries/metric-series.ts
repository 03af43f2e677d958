import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { GROUP_COLUMNS, METRICS, type MetricGroup, type MetricName } from '../metrics.ts';
import { rollupTable, timeCondition } from '../rollup-source.ts';
import { levelForStep } from '../time-levels.ts';

export interface MetricSeriesQuestion {
  readonly tenantId: TenantId;
  readonly metric: MetricName;
  /** Made of whole steps. */
  readonly window: Window;
  readonly stepSeconds: number;
  readonly groupBy: MetricGroup | undefined;
}

/** Steps without rows are absent; `at` is Unix seconds of the step's start. */
export interface MetricPoint {
  readonly tenant_id: string;
  readonly at: number;
  readonly group_value: string;
  readonly value: number | null;
}

/** Beyond these a chart is unreadable; the groups with the most rows are kept. */
const MAX_GROUPS = 50;

/** One metric of one tenant over time, as one series or one a group. */
export function metricSeries({ tenantId, metric, window, stepSeconds, groupBy }: MetricSeriesQuestion): AnalyticsQuery {
  const { family, value } = METRICS[metric];
  const column = groupBy === undefined ? "''" : GROUP_COLUMNS[family][groupBy];
  if (column === undefined) {
    throw new TenantryError('BAD_REQUEST', `${metric} cannot be grouped by ${groupBy}`, {
      hint: `Group it by one of: ${Object.keys(GROUP_COLUMNS[family]).join(', ')}.`,
    });
  }
  const time = timeCondition(window, 'w');
  const table = rollupTable(family, levelForStep(stepSeconds));
  const rows = `FROM ${table} WHERE TenantId = {tenant:String} AND ${time.sql}`;
  const kept =
    groupBy === undefined
      ? ''
      : `AND ${column} IN (SELECT ${column} ${rows} GROUP BY ${column} ORDER BY count() DESC, ${column} LIMIT ${MAX_GROUPS})`;
  return {
    question: 'metric-series',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, ${column} AS group_value,
                 intDiv(toUnixTimestamp(Time), {step:UInt32}) * {step:UInt32} AS at, ${value} AS value
          ${rows} ${kept}
          GROUP BY tenant_id, group_value, at ORDER BY group_value, at`,
    params: { ...time.params, tenant: tenantId, step: stepSeconds },
    scope: { tenant: tenantId },
  };
}
