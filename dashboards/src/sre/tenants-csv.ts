import type { TenantFigures, TenantList } from '../../../src/api/contract.ts';
import { type CsvValue, csvText } from '../shared/csv.ts';

/** Columns of the file: the API's own names and exact values, so that the file can be computed with. */
const COLUMNS = [
  'tenant_id',
  'plan',
  'requests',
  'errors',
  'p50_ms',
  'p95_ms',
  'p99_ms',
  'request_bytes',
  'response_bytes',
  'db_calls',
  'db_ms',
  'db_slow_calls',
  'cache_hits',
  'cache_misses',
  'cpu_seconds',
  'cpu_error_ratio',
  'ai_calls',
  'ai_input_tokens',
  'ai_output_tokens',
  'ai_cache_read_tokens',
  'ai_cache_write_tokens',
  'ai_reasoning_tokens',
  'ai_cost_micro',
  'ai_unpriced_calls',
] as const satisfies readonly (keyof TenantFigures)[];

export function tenantsCsv(rows: readonly TenantFigures[]): string {
  return csvText(
    COLUMNS,
    rows.map((row) => COLUMNS.map((name): CsvValue => row[name])),
  );
}

/**
 * Every page of a list, by its cursors. `ask` is given the cursor of the page; an aborted signal ends the walk with the
 * error that `ask` throws then.
 */
export async function allTenants(
  ask: (cursor: string | undefined) => Promise<TenantList>,
  onProgress: (done: number, total: number) => void,
): Promise<readonly TenantFigures[]> {
  const rows: TenantFigures[] = [];
  let cursor: string | undefined;
  do {
    const { items, next_cursor: next, total } = await ask(cursor);
    rows.push(...items);
    onProgress(rows.length, Math.max(total, rows.length));
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  return rows;
}
