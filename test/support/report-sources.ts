import type { ReportSources } from '../../src/app/report-tables.ts';
import type { StatementSources } from '../../src/app/statements.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

/** Sources that know nothing; tests say what theirs know. */
export function reportSources(
  changes: Partial<ReportSources & StatementSources> = {},
): ReportSources & StatementSources {
  return {
    usage: { totals: async () => [], series: async () => [] },
    quotas: async () => [],
    aiCosts: async () => new Map(),
    costs: async () => [],
    margins: async () => [],
    plan: async () => undefined,
    money: async () => ({ currency: 'USD', costMicro: null, revenueMicro: null, parts: new Map() }),
    ...changes,
  };
}

export const ACME = 'acme' as TenantId;
