import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { TenantId } from '../../../domain/tenant-id.ts';
import type { Window } from '../../../domain/window.ts';
import { aiUsageSelect } from '../../ai-usage-sql.ts';

/** AI usage of some tenants by day, or of all tenants as one sum each (for ranking): AiUsageRow. */
export function aiUsage(window: Window, tenants: readonly TenantId[] | 'everybody'): AnalyticsQuery {
  const usage =
    tenants === 'everybody' ? aiUsageSelect(window, 'everybody', 'window') : aiUsageSelect(window, { tenants }, 'day');
  return {
    question: 'ai-usage',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${usage.sql})`,
    params: usage.params,
    scope: 'across-tenants',
  };
}
