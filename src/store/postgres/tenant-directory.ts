import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

const BOOKKEEPER: StaffActor = { kind: 'system', subject: 'tenant-directory' };
/** Ids remembered in memory so that a known tenant costs no query; forgotten all at once beyond this. */
const KNOWN_MAX = 100_000;
const PLAN_PATTERN = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;

export interface TenantEntry {
  readonly tenantId: TenantId;
  readonly displayName: string | null;
  readonly plan: string | null;
  readonly status: 'active' | 'suspended' | 'closed';
  /** Unix ms. */
  readonly firstSeenAt: number;
}

/** Who the tenants are and which plan they have. */
export class TenantDirectory {
  readonly #postgres: Postgres;
  #known = new Set<TenantId>();

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Enters tenants that telemetry has named; those already known cost nothing. Malformed ids (also `(unknown)`) are
   * passed over: spans carry them, the directory does not.
   */
  async remember(tenants: Iterable<TenantId>): Promise<void> {
    const fresh = [...new Set(tenants)].filter((tenant) => isTenantId(tenant) && !this.#known.has(tenant));
    if (fresh.length === 0) return;
    await this.#postgres.inStaffTransaction(BOOKKEEPER, async (transaction) => {
      transaction.unaudited('tenants are entered as telemetry names them; what is done to them is audited');
      await enterTenants(transaction, fresh);
    });
    if (this.#known.size + fresh.length > KNOWN_MAX) this.#known = new Set();
    for (const tenant of fresh) this.#known.add(tenant);
  }

  /** Tenants that are gone for good: were one named again, it would have to be entered again. */
  forget(isGone: (tenantId: string) => boolean): void {
    this.#known = new Set([...this.#known].filter((tenantId) => !isGone(tenantId)));
  }

  /** Plan names of the given tenants; tenants without a plan, and those the actor may not see, are absent. */
  async plans(actor: Actor, tenants: readonly TenantId[]): Promise<ReadonlyMap<TenantId, string>> {
    if (tenants.length === 0) return new Map();
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<{ tenant_id: TenantId; plan: string }>(
        'select tenant_id, plan from tenantry.tenants where tenant_id = any($1) and plan is not null',
        [tenants],
      ),
    );
    return new Map(rows.map((row) => [row.tenant_id, row.plan]));
  }

  /** False also for a tenant that the actor may not see: the two cannot be told apart. */
  async exists(actor: Actor, tenant: TenantId): Promise<boolean> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query('select 1 from tenantry.tenants where tenant_id = $1', [tenant]),
    );
    return rows.length > 0;
  }

  /** Puts a tenant (entered if new) on a plan (made if new), or on none. @throws TenantryError BAD_REQUEST */
  async setPlan(actor: StaffActor, tenant: TenantId, plan: string | null): Promise<void> {
    if (!isTenantId(tenant)) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    if (plan !== null && !PLAN_PATTERN.test(plan)) {
      throw new TenantryError('BAD_REQUEST', 'The plan name is malformed', {
        hint: 'Up to 64 letters, digits, spaces and . _ - , beginning with a letter or digit.',
      });
    }
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenant]);
      if (plan !== null) {
        await transaction.query('insert into tenantry.plans (name) values ($1) on conflict do nothing', [plan]);
      }
      await putPlan(transaction, actor, tenant, plan);
    });
  }

  /** Tenants by id; tenant actors get their own only. */
  async list(actor: Actor, page: { limit: number; offset: number }): Promise<readonly TenantEntry[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<TenantEntry>(
        `select tenant_id as "tenantId", display_name as "displayName", plan, status,
                ${unixMs('first_seen_at')} as "firstSeenAt"
         from tenantry.tenants order by tenant_id limit $1 offset $2`,
        [page.limit, page.offset],
      ),
    );
  }
}

/**
 * Enters tenants that are not there yet, in a transaction that goes on to refer to them. In the order of their ids:
 * two transactions that enter the same tenants in different orders would wait for each other.
 */
export async function enterTenants(transaction: Transaction, tenants: readonly TenantId[]): Promise<void> {
  await transaction.query(
    `insert into tenantry.tenants (tenant_id)
     select id from unnest($1::text[]) as seen (id) where not exists (select from tenantry.tenants where tenant_id = id)
     order by id on conflict do nothing`,
    [tenants],
  );
}

/** Puts a tenant on a plan, both of which are there, or on none. A change that was to come later is dropped. */
export async function putPlan(
  transaction: StaffTransaction,
  actor: StaffActor,
  tenant: TenantId,
  plan: string | null,
): Promise<void> {
  const [before] = await transaction.query<{ plan: string | null }>(
    'select plan from tenantry.tenants where tenant_id = $1 for no key update',
    [tenant],
  );
  await transaction.query('update tenantry.tenants set plan = $2 where tenant_id = $1', [tenant, plan]);
  if (plan !== (before?.plan ?? null)) await recordPlanChange(transaction, actor, tenant, plan);
  const dropped = await transaction.query<{ plan: string | null }>(
    'delete from tenantry.tenant_plan_schedule where tenant_id = $1 returning plan',
    [tenant],
  );
  await transaction.audit({
    action: 'tenant.plan',
    resource: `tenant/${tenant}`,
    tenantId: tenant,
    before: { plan: before?.plan ?? null, ...(dropped[0] && { scheduled: dropped[0].plan }) },
    after: { plan },
  });
}

/**
 * Keeps since when the tenant is on the plan, in the transaction that locks the tenant and puts it there. A second change
 * within the same microsecond cannot be: the clock is asked under the lock.
 */
async function recordPlanChange(
  transaction: Transaction,
  actor: StaffActor,
  tenant: TenantId,
  plan: string | null,
): Promise<void> {
  await transaction.query(
    `insert into tenantry.tenant_plan_history (tenant_id, effective_from, plan, set_by)
     values ($1, clock_timestamp(), $2, $3)`,
    [tenant, plan, actor.subject],
  );
}
