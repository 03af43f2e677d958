import { isPlanFeature, type PlanInclusion } from '../../domain/plan-features.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';

interface Row {
  readonly plan: string | null;
  readonly features: readonly string[] | null;
  readonly tenantryFeatures: readonly string[] | null;
}

/** What tenants' plans include, by the version in force. */
export class PlanFeatureReader {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Under row security: of this tenant alone. @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT */
  async of(tenantId: TenantId): Promise<PlanInclusion> {
    const [row] = await this.#postgres.inTenantTransaction(tenantId, (transaction) =>
      transaction.query<Row>(
        `select tenants.plan, version.features, version.tenantry_features as "tenantryFeatures"
         from tenantry.tenants
         left join lateral (
           select features, tenantry_features from tenantry.plan_versions
           where plan = tenants.plan and effective_from <= clock_timestamp()
           order by effective_from desc limit 1) version on true
         where tenants.tenant_id = $1`,
        [tenantId],
      ),
    );
    const { plan = null, features = null, tenantryFeatures = null } = row ?? {};
    // Names of a newer version mean nothing here.
    return { plan, features, tenantryFeatures: tenantryFeatures?.filter(isPlanFeature) ?? null };
  }
}
