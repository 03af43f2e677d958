import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { PlanChange, PlanTerms, PlanVersion } from '../../domain/plan.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import {
  auditedTerms,
  PLAN_VERSION_COLUMNS,
  type PlanVersionRow,
  planTermsValues,
  planVersionOf,
} from './plan-rows.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';

/** A plan with all its versions, oldest first, and how many tenants are on it. */
export interface PlanRecord {
  readonly plan: string;
  readonly tenants: number;
  readonly versions: readonly PlanVersion[];
}

/** What plans include, since when. */
export class PlanStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Every plan, or the one that is named; by name. */
  async list(actor: StaffActor, plan?: string): Promise<readonly PlanRecord[]> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const plans = await transaction.query<{ plan: string; tenants: number }>(
        `select name as plan, (select count(*)::int from tenantry.tenants where tenants.plan = plans.name) as tenants
         from tenantry.plans where $1::text is null or name = $1 order by name`,
        [plan ?? null],
      );
      const versions = await transaction.query<PlanVersionRow>(
        `select ${PLAN_VERSION_COLUMNS} from tenantry.plan_versions
         where $1::text is null or plan = $1 order by plan, effective_from`,
        [plan ?? null],
      );
      const read = versions.map(planVersionOf);
      return plans.map((one) => ({ ...one, versions: read.filter((version) => version.plan === one.plan) }));
    });
  }

  /**
   * Makes terms hold for a plan (made if new) from a moment on (Unix ms; absent: now), until a later version begins. A
   * version of the very same moment is replaced; the audit log keeps what it was.
   */
  async put(actor: StaffActor, plan: string, terms: PlanTerms, effectiveFrom?: number): Promise<PlanVersion> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('insert into tenantry.plans (name) values ($1) on conflict do nothing', [plan]);
      const begin = await momentOf(transaction, effectiveFrom);
      const before = await lockVersion(transaction, plan, begin);
      const [row] = await transaction.query<PlanVersionRow>(
        `insert into tenantry.plan_versions
           (plan, effective_from, quotas, guarantee_rps, ceiling_rps, weight, features, tenantry_features,
            price_micro, price_currency, set_by)
         values ($1, ${fromUnixMs('$2')}, $3::jsonb, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (plan, effective_from) do update
         set quotas = excluded.quotas, guarantee_rps = excluded.guarantee_rps, ceiling_rps = excluded.ceiling_rps,
             weight = excluded.weight, features = excluded.features,
             tenantry_features = excluded.tenantry_features, price_micro = excluded.price_micro,
             price_currency = excluded.price_currency, set_by = excluded.set_by, set_at = clock_timestamp()
         returning ${PLAN_VERSION_COLUMNS}`,
        [plan, begin, ...planTermsValues(terms), actor.subject],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The plan just written cannot be read');
      await transaction.audit({
        action: 'plan.set',
        resource: `plan/${plan}`,
        ...(before === undefined ? {} : { before: auditedTerms(before) }),
        after: { ...auditedTerms(terms), effectiveFrom: begin },
      });
      return planVersionOf(row);
    });
  }

  /** Every version of every plan; readers pick what held when. */
  async versions(actor: Actor): Promise<readonly PlanVersion[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<PlanVersionRow>(`select ${PLAN_VERSION_COLUMNS} from tenantry.plan_versions`),
    );
    return rows.map(planVersionOf);
  }

  /** Which plans tenants were on, oldest change first. Tenant actors get their own only. Absent `tenants`: of all. */
  async changes(actor: Actor, tenants?: readonly TenantId[]): Promise<readonly PlanChange[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<PlanChange>(
        `select tenant_id as "tenantId", ${unixMs('effective_from')} as "effectiveFrom", plan
         from tenantry.tenant_plan_history where $1::text[] is null or tenant_id = any($1)
         order by tenant_id, effective_from`,
        [tenants ?? null],
      ),
    );
  }
}

/** Whole milliseconds, so that a version can be named by the moment that it shows. */
async function momentOf(transaction: StaffTransaction, effectiveFrom: number | undefined): Promise<number> {
  if (effectiveFrom !== undefined) return effectiveFrom;
  const [clock] = await transaction.query<{ now: number }>(`select ${unixMs('clock_timestamp()')} as now`);
  return clock?.now ?? Number.NaN;
}

async function lockVersion(
  transaction: StaffTransaction,
  plan: string,
  effectiveFrom: number,
): Promise<PlanVersion | undefined> {
  const [row] = await transaction.query<PlanVersionRow>(
    `select ${PLAN_VERSION_COLUMNS} from tenantry.plan_versions
     where plan = $1 and effective_from = ${fromUnixMs('$2')} for update`,
    [plan, effectiveFrom],
  );
  return row === undefined ? undefined : planVersionOf(row);
}
