import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { PlanChange } from '../../domain/plan.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';

/** What of a tenant decides about its quotas. Times are Unix ms. */
export interface QuotaTenant {
  readonly tenantId: TenantId;
  readonly firstSeenAt: number;
  /** Day of the month on which its months begin; null: the calendar's. */
  readonly billingDay: number | null;
  readonly changes: readonly PlanChange[];
}

export interface QuotaTenantPage {
  /** Absent: every tenant that was ever on a plan. Tenant actors get themselves only. */
  readonly tenants?: readonly TenantId[];
  readonly offset: number;
  readonly limit: number;
}

/** What the control plane knows of tenants' quotas: their plans over time, billing days and seats. */
export class QuotaStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Tenants that were ever on a plan, by id. */
  async tenants(actor: Actor, { tenants, offset, limit }: QuotaTenantPage): Promise<readonly QuotaTenant[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<
        Omit<QuotaTenant, 'changes'> & { from_ms: readonly number[]; plans: readonly (string | null)[] }
      >(
        `select tenants.tenant_id as "tenantId", ${unixMs('min(first_seen_at)')} as "firstSeenAt",
                min(billing_days.day) as "billingDay",
                array_agg(${unixMs('effective_from')} order by effective_from) as from_ms,
                array_agg(history.plan order by effective_from) as plans
         from tenantry.tenants
         join tenantry.tenant_plan_history history using (tenant_id)
         left join tenantry.billing_days using (tenant_id)
         where $1::text[] is null or tenants.tenant_id = any($1)
         group by tenants.tenant_id order by tenants.tenant_id offset $2 limit $3`,
        [tenants ?? null, offset, limit],
      ),
    );
    return rows.map(({ from_ms, plans, ...tenant }) => ({
      ...tenant,
      changes: from_ms.map((effectiveFrom, index) => ({
        ...{ tenantId: tenant.tenantId, effectiveFrom, plan: plans[index] ?? null },
      })),
    }));
  }

  /** Seats as last said by `at` (Unix ms); tenants of whom nobody said anything are absent. */
  async seats(actor: Actor, tenants: readonly TenantId[], at: number): Promise<ReadonlyMap<TenantId, bigint>> {
    if (tenants.length === 0) return new Map();
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<{ tenant_id: TenantId; seats: string }>(
        `select distinct on (tenant_id) tenant_id, seats::text from tenantry.seats
         where tenant_id = any($1) and at <= ${fromUnixMs('$2')} order by tenant_id, at desc`,
        [tenants, at],
      ),
    );
    return new Map(rows.map((row) => [row.tenant_id, BigInt(row.seats)]));
  }

  /** Says how many seats a tenant (entered if new) has from `at` (Unix ms) on; the same moment may be said again. */
  async putSeats(actor: StaffActor, tenantId: TenantId, seats: bigint, at: number): Promise<void> {
    await this.#put(actor, tenantId, (transaction) => putSeats(transaction, actor, { tenantId, seats, at }));
  }

  /** The day on which a tenant's months begin; null: the calendar's first. */
  async putBillingDay(actor: StaffActor, tenantId: TenantId, day: number | null): Promise<void> {
    await this.#put(actor, tenantId, (transaction) => putBillingDay(transaction, actor, tenantId, day));
  }

  async #put(
    actor: StaffActor,
    tenantId: TenantId,
    write: (transaction: StaffTransaction) => Promise<void>,
  ): Promise<void> {
    if (!isTenantId(tenantId)) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      await write(transaction);
    });
  }
}

/** `QuotaStore.putSeats` for a tenant that is there, within a transaction that does more. */
export async function putSeats(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, seats, at }: { readonly tenantId: TenantId; readonly seats: bigint; readonly at: number },
): Promise<void> {
  const [before] = await transaction.query<{ seats: string }>(
    `select seats::text from tenantry.seats where tenant_id = $1 and at <= ${fromUnixMs('$2')} order by at desc limit 1`,
    [tenantId, at],
  );
  await transaction.query(
    `insert into tenantry.seats (tenant_id, at, seats, set_by) values ($1, ${fromUnixMs('$2')}, $3, $4)
     on conflict (tenant_id, at) do update set seats = excluded.seats, set_by = excluded.set_by`,
    [tenantId, at, seats, actor.subject],
  );
  await transaction.audit({
    ...{ action: 'tenant.seats', resource: `tenant/${tenantId}`, tenantId },
    before: before === undefined ? null : { seats: Number(before.seats) },
    after: { seats: Number(seats), at },
  });
}

/** `QuotaStore.putBillingDay` for a tenant that is there, within a transaction that does more. */
export async function putBillingDay(
  transaction: StaffTransaction,
  actor: StaffActor,
  tenantId: TenantId,
  day: number | null,
): Promise<void> {
  const [before] = await transaction.query<{ day: number }>(
    'select day from tenantry.billing_days where tenant_id = $1 for update',
    [tenantId],
  );
  if (day === null) await transaction.query('delete from tenantry.billing_days where tenant_id = $1', [tenantId]);
  else {
    await transaction.query(
      `insert into tenantry.billing_days (tenant_id, day, set_by) values ($1, $2, $3)
       on conflict (tenant_id) do update set day = excluded.day, set_by = excluded.set_by, set_at = clock_timestamp()`,
      [tenantId, day, actor.subject],
    );
  }
  await transaction.audit({
    ...{ action: 'tenant.billing_day', resource: `tenant/${tenantId}`, tenantId },
    before: { day: before?.day ?? null },
    after: { day },
  });
}
