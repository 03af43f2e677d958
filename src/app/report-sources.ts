/** What reports and statements are made of, joined from the parts that know it. */
import type { Quotas } from '../api/quotas-ports.ts';
import type { Actor } from '../domain/actor.ts';
import type { CostReader } from '../domain/cost.ts';
import type { QuotaStanding } from '../domain/quota.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { ReportSources } from './report-tables.ts';
import type { StatementSources } from './statements.ts';

type AiCost = Awaited<ReturnType<ReportSources['aiCosts']>> extends ReadonlyMap<TenantId, infer Cost> ? Cost : never;

/** As many tenants at a time as a page of the API has. */
const PAGE = 500;

export interface ReportPartsJoined {
  readonly usage: ReportSources['usage'];
  readonly quotas: Pick<Quotas, 'standing'>;
  readonly aiCosts: {
    byTenant: ReportSources['aiCosts'];
    ofTenant(window: Window, tenant: TenantId): Promise<AiCost | undefined>;
  };
  readonly costs: CostReader;
  readonly margins: ReportSources['margins'];
  readonly plans: { plans(actor: Actor, tenants: readonly TenantId[]): Promise<ReadonlyMap<TenantId, string>> };
}

export function reportSources(parts: ReportPartsJoined): ReportSources & StatementSources {
  const { usage, aiCosts, costs, margins, plans } = parts;
  return {
    usage,
    quotas: (actor, tenantId, at) => quotasAt(parts.quotas, actor, tenantId, at),
    aiCosts: async (window, tenants) => {
      const [only] = tenants ?? [];
      if (only === undefined || tenants?.length !== 1) return aiCosts.byTenant(window, tenants);
      // Its own people ask, perhaps: in the tenant's own scope.
      const cost = await aiCosts.ofTenant(window, only);
      return new Map(cost === undefined ? [] : [[only, cost]]);
    },
    costs: async (_actor, window, tenantId) => {
      const answer = await costs.costs({ window, ...(tenantId === undefined ? {} : { tenants: [tenantId] }) });
      const { currency, items, sharedMicro, idleMicro, unallocatedMicro } = answer;
      const rows = items.flatMap((item) =>
        [...item.parts].map(([part, costMicro]) => ({ tenantId: item.tenantId, part, currency, costMicro })),
      );
      if (tenantId !== undefined) return rows;
      const nobodys = { '(shared)': sharedMicro, '(idle)': idleMicro, '(unallocated)': unallocatedMicro };
      return [
        ...rows,
        ...Object.entries(nobodys).map(([part, costMicro]) => ({ tenantId: null, part, currency, costMicro })),
      ];
    },
    margins,
    plan: async (actor, tenantId) => (await plans.plans(actor, [tenantId])).get(tenantId),
    money: async (actor, window, tenantId) => {
      const [answer, rows] = await Promise.all([
        costs.costs({ window, tenants: [tenantId] }),
        margins(actor, window, tenantId),
      ]);
      const [item] = answer.items;
      const margin = rows.find((row) => row.currency === answer.currency);
      return {
        currency: answer.currency,
        // Calls without a price cost something that is not in the sum.
        costMicro: item === undefined || item.unpricedCalls > 0 ? null : item.costMicro,
        revenueMicro: margin?.revenueMicro ?? null,
        parts: item?.parts ?? new Map<string, bigint>(),
      };
    },
  };
}

async function quotasAt(
  quotas: ReportPartsJoined['quotas'],
  actor: Actor,
  tenantId: TenantId | undefined,
  at: number,
): Promise<readonly QuotaStanding[]> {
  const standings: QuotaStanding[] = [];
  const now = Date.now();
  const whose = tenantId === undefined ? {} : { tenants: [tenantId] };
  for (let offset = 0; ; offset += PAGE) {
    const page = await quotas.standing(actor, { ...whose, offset, limit: PAGE, at, now, withForecast: false });
    standings.push(...page.standings);
    if (page.tenants < PAGE) return standings;
  }
}
