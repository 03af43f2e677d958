import type { AiServiceTier } from '../domain/ai-usage.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { AI_COUNTS } from './ai-usage-sql.ts';
import { type AiUsageQuestion, aiUsageColumns } from './queries/across-tenants/ai-usage-columns.ts';
import { tenantAiUsageColumns } from './queries/tenant-ai-usage-columns.ts';

type Counts = Readonly<Record<(typeof AI_COUNTS)[number], readonly number[]>>;

/**
 * What all tenants used of one model that is priced alike: one row an answer instead of one for each tenant, as the names
 * would otherwise be most of it. `tenants[i]` used `calls[i]`, `inputTokens[i]` and so on; each tenant once.
 */
export interface AiUsageColumns extends Counts {
  readonly provider: string;
  readonly model: string;
  readonly operation: string;
  readonly inputTier: number;
  readonly serviceTier: AiServiceTier;
  /** Which part of the window, counted from 0: as many as there are cuts before it. */
  readonly part: number;
  /** Hour of the day in UTC, 0 to 23; -1 where the question does not tell them apart. */
  readonly hour: number;
  readonly tenants: readonly TenantId[];
}

export type { AiUsageQuestion };

/** AI usage of many tenants, added up by what its price depends on. */
export async function readAiUsage(
  reader: AnalyticsReader,
  question: AiUsageQuestion,
): Promise<readonly AiUsageColumns[]> {
  return isEmpty(question.window) ? [] : reader.rows<AiUsageColumns>(aiUsageColumns(question));
}

/** The same of one tenant, in its own scope: for a tenant's own people. */
export async function readTenantAiUsage(
  reader: AnalyticsReader,
  tenant: TenantId,
  question: Omit<AiUsageQuestion, 'tenants'>,
): Promise<readonly AiUsageColumns[]> {
  if (isEmpty(question.window)) return [];
  const rows = await reader.rows<AiUsageColumns & { readonly tenant_id: TenantId }>(
    tenantAiUsageColumns(tenant, question),
  );
  return rows.map(({ tenant_id, ...columns }) => ({ ...columns, tenants: [tenant_id] }));
}

const isEmpty = ({ from, to }: Window) => from >= to;
