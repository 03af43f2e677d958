import type { TenantFacts } from '../control/policy-evidence.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS } from '../domain/window.ts';

/** What a tenant's plan says of its traffic; rates are requests per second. */
export interface PlanTerms {
  readonly plan: string | null;
  readonly guaranteeRps: number | null;
  readonly ceilingRps: number | null;
  readonly weight: number;
}

/** Plans change by hand; a change is obeyed within this. */
const KEPT_MS = MINUTE_MS;

/** The plans of the active tenants, read once a minute, and each tenant's weight among all of them. */
export class PolicyTerms {
  readonly #read: (tenants: readonly TenantId[]) => Promise<ReadonlyMap<TenantId, PlanTerms>>;
  readonly #guardedPlans: ReadonlySet<string>;
  #known: { readonly readAt: number; readonly terms: ReadonlyMap<TenantId, PlanTerms> } | undefined;

  /** @param guardedPlans names of plans whose tenants a person decides about */
  constructor(
    read: (tenants: readonly TenantId[]) => Promise<ReadonlyMap<TenantId, PlanTerms>>,
    guardedPlans: readonly string[],
  ) {
    this.#read = read;
    this.#guardedPlans = new Set(guardedPlans);
  }

  /** Terms of at least these tenants. @throws what the reader throws */
  async of(tenants: Iterable<TenantId>, now: number): Promise<ReadonlyMap<TenantId, PlanTerms>> {
    const asked = [...tenants];
    const known = this.#known;
    const isFresh = known !== undefined && now >= known.readAt && now - known.readAt < KEPT_MS;
    if (isFresh && asked.every((tenant) => known.terms.has(tenant))) return known.terms;
    const terms = await this.#read(asked);
    this.#known = { readAt: now, terms };
    return terms;
  }

  /** Requests per second that the plans of these tenants allow; those without a ceiling are absent. */
  async ceilings(tenants: Iterable<TenantId>, now: number): Promise<ReadonlyMap<TenantId, number>> {
    const terms = await this.of(tenants, now);
    return new Map(
      [...terms].flatMap(([tenantId, { ceilingRps }]) => (ceilingRps === null ? [] : [[tenantId, ceilingRps]])),
    );
  }

  /**
   * What decisions need of one tenant's plan. The weight is that of its plan among all tenants of `terms`; where all
   * plans weigh the same it says nothing, and is null.
   * @param requestsPerSecond what it sends now; null: not known
   */
  facts(
    tenantId: TenantId,
    terms: ReadonlyMap<TenantId, PlanTerms>,
    requestsPerSecond: number | null,
  ): Pick<TenantFacts, 'guaranteedRequestsPerSecond' | 'weightShare' | 'guardedBecause' | 'passedCeiling'> {
    const { plan = null, guaranteeRps = null, ceilingRps = null, weight } = terms.get(tenantId) ?? {};
    const weights = [...terms.values()].map((one) => one.weight);
    const total = weights.reduce((sum, one) => sum + one, 0);
    const differ = weights.some((one) => one !== weights[0]);
    const isPassed = ceilingRps !== null && requestsPerSecond !== null && requestsPerSecond > ceilingRps;
    return {
      guaranteedRequestsPerSecond: guaranteeRps,
      weightShare: differ && weight !== undefined && total > 0 ? weight / total : null,
      guardedBecause:
        plan !== null && this.#guardedPlans.has(plan) ? `people decide about tenants of the plan ${plan}` : null,
      passedCeiling: isPassed
        ? `it sends ${Math.round(requestsPerSecond)} requests/s, its plan allows ${ceilingRps}`
        : null,
    };
  }
}
