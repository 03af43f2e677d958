import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import { type ActivityRow, activity } from './queries/across-tenants/activity.ts';

export interface ActivityQuestion {
  readonly intervalSeconds: number;
  readonly intervals: number;
  /** Unix ms, a multiple of the interval. */
  readonly end: number;
}

type Counts = (number | null)[];

export interface ActivityTable {
  readonly intervalSeconds: number;
  readonly end: number;
  readonly tenants: ReadonlyMap<TenantId, { readonly requests: Counts; readonly aiTokens: Counts }>;
}

/**
 * What every tenant did in the newest intervals. An interval in which nobody at all did anything was not measured
 * (null): the pipeline may have stood still, and missing is not zero. In any other one, silence is a real zero.
 */
export async function readActivity(
  reader: AnalyticsReader,
  { intervalSeconds, intervals, end }: ActivityQuestion,
): Promise<ActivityTable> {
  const window = { from: end - intervals * intervalSeconds * SECOND_MS, to: end };
  const rows = await reader.rows<ActivityRow>(activity(window, intervalSeconds));
  const measured = new Set(rows.flatMap(({ at }) => at));
  const blank = Array.from({ length: intervals }, (_, index) => (measured.has(index) ? 0 : null));
  const tenants = new Map<TenantId, { requests: Counts; aiTokens: Counts }>();
  for (const row of rows) {
    if (!isTenantId(row.tenant_id)) continue;
    const requests: Counts = [...blank];
    const aiTokens: Counts = [...blank];
    for (const [index, at] of row.at.entries()) {
      requests[at] = row.requests[index] ?? 0;
      aiTokens[at] = row.aiTokens[index] ?? 0;
    }
    tenants.set(row.tenant_id, { requests, aiTokens });
  }
  return { intervalSeconds, end, tenants };
}
