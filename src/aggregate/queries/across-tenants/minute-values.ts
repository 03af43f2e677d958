import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { SECOND_MS, type Window } from '../../../domain/window.ts';
import { timeCondition } from '../../rollup-source.ts';

/** One row a tenant and minute, in order of minutes: metric names and their values run in parallel. */
export interface MinuteValueRow {
  readonly tenant_id: string;
  /** Index of the minute within the window. */
  readonly at: number;
  readonly metrics: readonly string[];
  readonly amounts: readonly number[];
}

/** Less in a minute of one route or model is too little to be judged by itself. */
const LEAST_OF_A_PART = 30;

/**
 * What every tenant did in each minute of the window, by metric, routes and models with enough of it beside the whole.
 * What a tenant did not do has no entry.
 */
export function minuteValues(window: Window): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  const from = `FROM requests_by_minute WHERE ${time.sql}`;
  const ai = `FROM ai_usage_by_minute WHERE ${time.sql}`;
  const at = 'intDiv(toUnixTimestamp(Time) - {w_from:UInt32}, 60) AS at';
  return {
    question: 'minute-values',
    sql: `SELECT {nonce:String} AS nonce, tenant_id, at, groupArray(metric) AS metrics, groupArray(amount) AS amounts
          FROM (
            SELECT tenant_id, at, pair.1 AS metric, pair.2 AS amount
            FROM (SELECT TenantId AS tenant_id, ${at}, sum(Requests) AS n, sum(Errors) AS failed,
                         quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency)[2] AS p95,
                         sum(RequestBytes) + sum(ResponseBytes) AS moved
                  ${from} GROUP BY tenant_id, at)
            ARRAY JOIN [('requests', toFloat64(n)), ('error_rate', failed / n), ('p95_ms', toFloat64(p95)),
                        ('bytes', toFloat64(moved))] AS pair
            UNION ALL
            SELECT TenantId, ${at}, concat('requests on ', Route), toFloat64(sum(Requests)) AS amount
            ${from} AND Route != '' GROUP BY TenantId, Route, at HAVING amount >= {least_of_a_part:UInt32}
            UNION ALL
            SELECT tenant_id, at, pair.1, pair.2
            FROM (SELECT TenantId AS tenant_id, ${at}, sum(Calls) AS n, sum(DurationNs) / 1e6 AS spent
                  FROM db_calls_by_minute WHERE ${time.sql} GROUP BY tenant_id, at)
            ARRAY JOIN [('db_calls', toFloat64(n)), ('db_ms', spent)] AS pair
            UNION ALL
            SELECT tenant_id, at, pair.1, pair.2
            FROM (SELECT TenantId AS tenant_id, ${at}, sum(Calls) AS n, sum(InputTokens) + sum(OutputTokens) AS tokens
                  ${ai} GROUP BY tenant_id, at)
            ARRAY JOIN [('ai_calls', toFloat64(n)), ('ai_tokens', toFloat64(tokens))] AS pair
            UNION ALL
            SELECT TenantId, ${at}, concat('ai_calls on ', Model), toFloat64(sum(Calls)) AS amount
            ${ai} AND Model != '' GROUP BY TenantId, Model, at HAVING amount >= {least_of_a_part:UInt32}
            UNION ALL
            SELECT TenantId, ${at}, 'cpu_ms', sum(CpuNs) / 1e6 AS amount
            FROM resource_use_by_minute WHERE ${time.sql} GROUP BY TenantId, at HAVING amount > 0)
          GROUP BY tenant_id, at ORDER BY at, tenant_id`,
    params: {
      ...time.params,
      w_from: Math.floor(window.from / SECOND_MS),
      least_of_a_part: LEAST_OF_A_PART,
    },
    scope: 'across-tenants',
  };
}
