/** What tenants cost: bills as they were shared out, and beside them AI usage that no bill covers. */
import type { StaffActor } from '../domain/actor.ts';
import type { CostQuestion, CostReader, Costs, TenantCost } from '../domain/cost.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { isReservedTenant } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { alignOutwards, DAY_MS, type Window } from '../domain/window.ts';
import type { CostStore } from '../store/postgres/cost-store.ts';
import { type AiCostReader, uncoveredAi } from './costs-ai.ts';

const COSTS: StaffActor = { kind: 'system', subject: 'costs' };
const DEFAULT_CURRENCY = 'USD';
/** The price book is in US dollars. */
const AI_CURRENCY = 'USD';
const AI_PART = 'ai';

interface Sum {
  readonly parts: Map<string, bigint>;
  estimatedMicro: bigint;
  unpricedCalls: number;
}

export class CostLedger implements CostReader {
  readonly #store: Pick<CostStore, 'currencies' | 'ledger' | 'coveredBy' | 'tenantsOfPlan'>;
  readonly #ai: AiCostReader;

  constructor(store: Pick<CostStore, 'currencies' | 'ledger' | 'coveredBy' | 'tenantsOfPlan'>, ai: AiCostReader) {
    this.#store = store;
    this.#ai = ai;
  }

  /** By tenant id. Estimates of `(unknown)` and its like, which are nobody's, are unallocated. */
  async costs(question: CostQuestion): Promise<Costs> {
    const window = alignOutwards(question.window, DAY_MS);
    const currencies = await this.#store.currencies(COSTS, window);
    const currency = question.currency ?? currencies[0] ?? DEFAULT_CURRENCY;
    const tenants = await this.#tenantsOf(question);
    const ledger = await this.#store.ledger(COSTS, { window, currency, ...(tenants === undefined ? {} : { tenants }) });
    const sums = new Map<TenantId, Sum>(
      ledger.tenants.map(({ tenantId, parts }) => [
        tenantId,
        { parts: new Map(parts), estimatedMicro: 0n, unpricedCalls: 0 },
      ]),
    );
    const estimates = question.estimates !== false && currency === AI_CURRENCY;
    const nobodys = estimates ? await this.#addEstimates(sums, window, tenants) : 0n;
    const items = [...sums].map(itemOf).sort((a, b) => compareText(a.tenantId, b.tenantId));
    const estimatedMicro = items.reduce((sum, item) => sum + item.estimatedMicro, nobodys);
    const unallocatedMicro = ledger.unallocatedMicro + nobodys;
    const { billMicro, sharedMicro, idleMicro } = ledger;
    const tenantsMicro = items.reduce((sum, { costMicro }) => sum + costMicro, 0n);
    return {
      ...{ currency, window, billMicro, items, sharedMicro, idleMicro, unallocatedMicro, estimatedMicro },
      residualMicro:
        tenants === undefined
          ? billMicro + estimatedMicro - tenantsMicro - sharedMicro - idleMicro - unallocatedMicro
          : null,
      otherCurrencies: currencies.filter((other) => other !== currency),
    };
  }

  async #tenantsOf({ tenants, plan }: CostQuestion): Promise<readonly TenantId[] | undefined> {
    if (plan === undefined) return tenants;
    const ofPlan = await this.#store.tenantsOfPlan(COSTS, plan);
    return tenants === undefined ? ofPlan : ofPlan.filter((tenant) => tenants.includes(tenant));
  }

  /** Adds the prices of AI usage outside of all bills; returns those of usage that is no tenant's. */
  async #addEstimates(sums: Map<TenantId, Sum>, window: Window, tenants?: readonly TenantId[]): Promise<bigint> {
    const covered = await this.#store.coveredBy(COSTS, window);
    let nobodys = 0n;
    for (const { tenantId, costMicro, unpricedCalls } of await uncoveredAi(this.#ai, window, covered, tenants)) {
      if (tenants !== undefined && !tenants.includes(tenantId)) continue;
      if (isReservedTenant(tenantId)) {
        nobodys += costMicro;
        continue;
      }
      const sum = sums.get(tenantId) ?? { parts: new Map<string, bigint>(), estimatedMicro: 0n, unpricedCalls: 0 };
      sums.set(tenantId, sum);
      if (costMicro !== 0n) sum.parts.set(AI_PART, (sum.parts.get(AI_PART) ?? 0n) + costMicro);
      sum.estimatedMicro += costMicro;
      sum.unpricedCalls += unpricedCalls;
    }
    return nobodys;
  }
}

function itemOf([tenantId, { parts, estimatedMicro, unpricedCalls }]: readonly [TenantId, Sum]): TenantCost {
  const costMicro = [...parts.values()].reduce((sum, micro) => sum + micro, 0n);
  return { tenantId, costMicro, parts, estimatedMicro, unpricedCalls };
}
