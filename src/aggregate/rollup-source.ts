import type { QueryParam } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS, type Window } from '../domain/window.ts';
import { type Level, planLevels } from './time-levels.ts';

/** Tables that exist by minute, hour and day; `db_queries` has no minutes. */
export type RollupFamily =
  | 'requests'
  | 'db_calls'
  | 'db_queries'
  | 'cache_lookups'
  | 'ai_usage'
  | 'resource_use'
  | 'spans';

/** Whose rows: one tenant, some, those whose id contains a text, or all. */
export type Whose =
  | { readonly tenant: TenantId }
  | { readonly tenants: readonly TenantId[] }
  | { readonly search: string }
  | 'everybody';

export interface Fragment {
  readonly sql: string;
  readonly params: Readonly<Record<string, QueryParam>>;
}

export function tenantCondition(whose: Whose): Fragment {
  if (whose === 'everybody') return { sql: '1', params: {} };
  if ('tenant' in whose) return { sql: 'TenantId = {tenant:String}', params: { tenant: whose.tenant } };
  if ('tenants' in whose) return { sql: 'TenantId IN {tenants:Array(String)}', params: { tenants: whose.tenants } };
  return { sql: 'positionCaseInsensitiveUTF8(TenantId, {search:String}) > 0', params: { search: whose.search } };
}

const seconds = (ms: number) => Math.floor(ms / SECOND_MS);

/** `Time` in a half-open window. */
export function timeCondition(window: Window, name: string): Fragment {
  return {
    sql: `Time >= toDateTime({${name}_from:UInt32}, 'UTC') AND Time < toDateTime({${name}_to:UInt32}, 'UTC')`,
    params: { [`${name}_from`]: seconds(window.from), [`${name}_to`]: seconds(window.to) },
  };
}

/** Columns: only these, for a text that is quick to analyse. Coarsest: rows must not reach over steps of this length. */
interface RowsOptions {
  readonly columns?: readonly string[];
  readonly coarsest?: Level;
}

/**
 * A subquery with every row of a family in the window, each second of it read from exactly one level, so that sums and
 * merged sketches over it are the window's.
 */
export function rowsInWindow(
  family: RollupFamily,
  window: Window,
  whose: Whose,
  { columns = ['*'], coarsest = 'day' }: RowsOptions = {},
): Fragment {
  const tenant = tenantCondition(whose);
  const params: Record<string, QueryParam> = { ...tenant.params };
  const selects = planLevels(window, coarsest).map(({ level, window: piece }, index) => {
    const time = timeCondition(piece, `w${index}`);
    Object.assign(params, time.params);
    return `SELECT ${columns.join(', ')} FROM ${rollupTable(family, level)} WHERE ${time.sql} AND ${tenant.sql}`;
  });
  return { sql: `(${selects.join(' UNION ALL ')})`, params };
}

export function rollupTable(family: RollupFamily, level: Level): string {
  return `${family}_by_${level}`;
}
