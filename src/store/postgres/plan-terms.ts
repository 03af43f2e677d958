import type { StaffActor } from '../../domain/actor.ts';
import { DEFAULT_WEIGHT } from '../../domain/plan.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';

const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };

/** What a tenant's plan says of its traffic, now. Rates are requests per second. */
export interface TenantPlanTerms {
  readonly plan: string | null;
  /** No throttle may go below; null: nothing is guaranteed. */
  readonly guaranteeRps: number | null;
  /** Passing it is a finding by itself; null: there is none. */
  readonly ceilingRps: number | null;
  /** 1 unless the plan says otherwise. */
  readonly weight: number;
}

/** Terms in force of tenants' plans, for decisions about their traffic. */
export class PlanTermsReader {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Every tenant asked for has an entry: unknown ones and those on no plan have no guarantee, no ceiling and weight 1.
   * @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT
   */
  async terms(tenants: readonly TenantId[]): Promise<ReadonlyMap<TenantId, TenantPlanTerms>> {
    if (tenants.length === 0) return new Map();
    const rows = await this.#postgres.inReadTransaction(DETECTOR, (transaction) =>
      transaction.query<{ tenant_id: TenantId } & TenantPlanTerms>(
        `select asked.tenant_id, tenants.plan, version.guarantee_rps as "guaranteeRps",
                version.ceiling_rps as "ceilingRps", coalesce(version.weight, $2) as weight
         from unnest($1::text[]) as asked (tenant_id)
         left join tenantry.tenants using (tenant_id)
         left join lateral (
           select guarantee_rps, ceiling_rps, weight from tenantry.plan_versions
           where plan = tenants.plan and effective_from <= clock_timestamp()
           order by effective_from desc limit 1) version on true`,
        [tenants, DEFAULT_WEIGHT],
      ),
    );
    return new Map(rows.map(({ tenant_id, ...terms }) => [tenant_id, terms]));
  }
}
