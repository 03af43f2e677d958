import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import type { FigureName, RollupStage } from '../../domain/self-check.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { type RollupFamily, rollupTable, timeCondition } from '../rollup-source.ts';

export interface SelfCheckStepRow extends Readonly<Record<FigureName, number>> {
  /** Unix seconds: start of the step. */
  readonly at: number;
  /** null: no request. */
  readonly p95_ms: number | null;
}

/** Which family holds which figures, in its own words. */
const FIGURES: readonly [RollupFamily, Readonly<Partial<Record<FigureName | 'p95_ms', string>>>][] = [
  ['spans', { spans: 'sum(Spans)' }],
  [
    'requests',
    {
      ...{ requests: 'sum(Requests)', errors: 'sum(Errors)', request_ns: 'sum(DurationNs)' },
      p95_ms: 'quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency)[2]',
    },
  ],
  ['db_calls', { db_calls: 'sum(Calls)', db_ns: 'sum(DurationNs)' }],
  ['db_queries', { query_calls: 'sum(Calls)' }],
  ['cache_lookups', { cache_hits: 'sum(Hits)', cache_misses: 'sum(Misses)' }],
  ['ai_usage', { ai_calls: 'sum(Calls)', input_tokens: 'sum(InputTokens)', output_tokens: 'sum(OutputTokens)' }],
];
const COLUMNS = FIGURES.flatMap(([, figures]) => Object.keys(figures)).filter((name) => name !== 'p95_ms');

/** What every rollup of one level holds of one self-check, step by step: SelfCheckStepRow. */
export function selfCheckRollups(level: RollupStage, window: Window, tenant: TenantId): AnalyticsQuery {
  const time = timeCondition(window, 'w');
  const part = ([family, figures]: (typeof FIGURES)[number]) =>
    `SELECT TenantId, Time AS step, ${COLUMNS.map((name) => `${figures[name as FigureName] ?? '0'} AS ${name}`).join(', ')},
            ${figures.p95_ms === undefined ? 'NULL' : `toNullable(${figures.p95_ms})`} AS p95
     FROM ${rollupTable(family, level)}
     WHERE TenantId = {tenant:String} AND ${time.sql} GROUP BY TenantId, Time`;
  // Queries have no minutes.
  const families = FIGURES.filter(([family]) => family !== 'db_queries' || level !== 'minute');
  return {
    question: 'self-check-rollups',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, toUInt32(step) AS at, max(p95) AS p95_ms,
                 ${COLUMNS.map((name) => `sum(parts.${name}) AS ${name}`).join(', ')}
          FROM (${families.map(part).join(' UNION ALL ')}) AS parts GROUP BY tenant_id, at`,
    params: { ...time.params, tenant },
    scope: { tenant },
  };
}
