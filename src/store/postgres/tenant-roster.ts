import type { StaffActor } from '../../domain/actor.ts';
import type { Placement } from '../../domain/dedicated.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { SuspensionEffect, SuspensionReason } from '../../domain/tenant-state.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

/** Where a tenant stands in its life, as people and telemetry have said. Times are Unix ms. */
export interface RosterEntry {
  readonly tenantId: TenantId;
  readonly displayName: string | null;
  readonly status: 'active' | 'suspended' | 'closed';
  readonly plan: string | null;
  /** null: it never was on a plan. */
  readonly planSince: number | null;
  readonly firstSeenAt: number;
  readonly placement: Placement;
  readonly placementReason: string | null;
  /** null: the calendar's months. */
  readonly billingDay: number | null;
  /** null: nobody said. */
  readonly seats: bigint | null;
  readonly trialEndsAt: number | null;
  readonly scheduledPlan: { readonly plan: string | null; readonly effectiveFrom: number } | null;
  /** When it was signed up; null: it appeared by itself, or somebody named it. */
  readonly onboardedAt: number | null;
  /** null: nobody ever decided where it stands. */
  readonly state: {
    readonly version: number;
    readonly effect: SuspensionEffect | null;
    readonly reasonCode: SuspensionReason | null;
    readonly reason: string;
    readonly until: number | null;
    readonly since: number;
    readonly by: string;
  } | null;
}

export interface RosterPage {
  readonly tenantId?: TenantId;
  /** Case-insensitive part of the id or the name. */
  readonly search?: string;
  readonly offset: number;
  readonly limit: number;
}

/** The operator's customers, those that have sent nothing yet and those that have left included. */
export class TenantRoster {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** By id. `total`: how many match, over all pages. */
  async list(
    actor: StaffActor,
    page: RosterPage,
  ): Promise<{ readonly total: number; readonly entries: readonly RosterEntry[] }> {
    const matches = `($1::text is null or tenant_id = $1)
      and ($2::text is null or strpos(lower(tenant_id), lower($2)) > 0
           or strpos(lower(coalesce(display_name, '')), lower($2)) > 0)`;
    const which = [page.tenantId ?? null, page.search ?? null];
    return this.#postgres.inReadTransaction(actor, async (transaction) => {
      const [count] = await transaction.query<{ total: number }>(
        `select count(*)::int as total from tenantry.tenants where ${matches}`,
        which,
      );
      const rows = await transaction.query<Omit<RosterEntry, 'seats'> & { seats: string | null }>(
        `with page as (
           select * from tenantry.tenants where ${matches} order by tenant_id offset $3 limit $4)
         select page.tenant_id as "tenantId", display_name as "displayName", page.plan,
                case when states.until <= clock_timestamp() then 'active' else page.status end as status,
                ${unixMs('first_seen_at')} as "firstSeenAt",
                (select ${unixMs('max(effective_from)')} from tenantry.tenant_plan_history history
                 where history.tenant_id = page.tenant_id) as "planSince",
                coalesce(placements.placement, 'pooled') as placement, placements.reason as "placementReason",
                billing_days.day as "billingDay",
                (select seats::text from tenantry.seats where seats.tenant_id = page.tenant_id
                 order by at desc limit 1) as seats,
                ${unixMs('trial_ends_at')} as "trialEndsAt", ${unixMs('onboarded_at')} as "onboardedAt",
                case when schedule.tenant_id is not null then jsonb_build_object('plan', schedule.plan,
                  'effectiveFrom', ${unixMs('schedule.effective_from')}) end as "scheduledPlan",
                case when states.tenant_id is not null then jsonb_build_object('version', states.version,
                  'effect', states.effect, 'reasonCode', states.reason_code, 'reason', states.reason,
                  'until', ${unixMs('states.until')}, 'since', ${unixMs('states.changed_at')},
                  'by', states.changed_by) end as state
         from page
         left join tenantry.placements using (tenant_id)
         left join tenantry.billing_days using (tenant_id)
         left join tenantry.tenant_onboardings using (tenant_id)
         left join tenantry.tenant_plan_schedule schedule using (tenant_id)
         left join tenantry.tenant_states states using (tenant_id)
         order by page.tenant_id`,
        [...which, page.offset, page.limit],
      );
      const entries = rows.map((row) => ({ ...row, seats: row.seats === null ? null : BigInt(row.seats) }));
      return { total: count?.total ?? 0, entries };
    });
  }
}
