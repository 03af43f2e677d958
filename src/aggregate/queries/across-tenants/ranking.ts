import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { RESERVED_TENANTS } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { type FigureSum, figuresSelect } from '../../figures-sql.ts';

/** Sort keys that the engine can rank by, and the expression of each. Allow-listed: nothing else reaches the text. */
const EXPRESSIONS = {
  requests: 'requests',
  errors: 'errors',
  // No request = no percentile: such tenants come last in either direction.
  p95_ms: 'if(empty(percentiles_ms), NULL, percentiles_ms[2])',
  db_calls: 'db_calls',
  db_ms: 'db_ns',
  ai_input_tokens: 'ai_input_tokens',
  ai_output_tokens: 'ai_output_tokens',
  cpu_seconds: 'nullIf(cpu_ns, 0)',
  tenant_id: 'TenantId',
} as const;

export type RankingKey = keyof typeof EXPRESSIONS;

/** The sums that each expression reads: an engine that adds up nothing else ranks several times as fast. */
const SUMS_OF: Readonly<Record<RankingKey, readonly FigureSum[]>> = {
  requests: ['requests'],
  errors: ['errors'],
  p95_ms: [],
  db_calls: ['db_calls'],
  db_ms: ['db_ns'],
  ai_input_tokens: ['ai_input_tokens'],
  ai_output_tokens: ['ai_output_tokens'],
  cpu_seconds: ['cpu_ns'],
  tenant_id: [],
};

export interface RankingQuestion {
  readonly window: Window;
  readonly sort: RankingKey;
  readonly order: 'asc' | 'desc';
  readonly search: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

/**
 * Which tenants are on the page, and how many there are: `{ tenant_id, total }`, in order. Ties go by tenant id, so
 * that pages neither repeat nor miss anybody. What is no tenant (`(unknown)` and the like) comes behind all that are.
 */
export function ranking({ window, sort, order, search, limit, offset }: RankingQuestion): AnalyticsQuery {
  const whose = search === undefined || search === '' ? 'everybody' : { search };
  const select = figuresSelect(window, whose, sort === 'p95_ms', SUMS_OF[sort]);
  return {
    question: 'ranking',
    sql: `SELECT {nonce:String} AS nonce, tenant_id, total
          FROM (SELECT TenantId AS tenant_id, count() OVER () AS total, ${EXPRESSIONS[sort]} AS sort_key FROM (${select.sql}))
          ORDER BY tenant_id IN {reserved:Array(String)}, sort_key ${order === 'asc' ? 'ASC' : 'DESC'} NULLS LAST, tenant_id ASC
          LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    params: { ...select.params, limit, offset, reserved: RESERVED_TENANTS },
    scope: 'across-tenants',
  };
}
