import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { PlanStep, ScheduledPlan, TenantPlanStanding } from '../../domain/tenant-plan.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';

/** Who carries out what was scheduled. */
const KEEPER: StaffActor = { kind: 'system', subject: 'plan-schedule' };
const MOST_AT_ONCE = 500;
const MOST_STEPS = 200;

const SCHEDULED = `plan, ${unixMs('effective_from')} as "effectiveFrom", why, set_by as "setBy"`;

/** Changes of plans that come later, and the way that tenants have come. */
export class PlanSchedule {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Undefined if there is no such tenant, or the actor may not see it. */
  async standing(actor: Actor, tenantId: TenantId): Promise<TenantPlanStanding | undefined> {
    return this.#postgres.inReadTransaction(actor, async (transaction) => {
      const [tenant] = await transaction.query<Pick<TenantPlanStanding, 'plan' | 'trialEndsAt' | 'billingDay'>>(
        `select plan, ${unixMs('trial_ends_at')} as "trialEndsAt", billing_days.day as "billingDay"
         from tenantry.tenants left join tenantry.billing_days using (tenant_id) where tenant_id = $1`,
        [tenantId],
      );
      if (tenant === undefined) return undefined;
      const [scheduled] = await transaction.query<ScheduledPlan>(
        `select ${SCHEDULED} from tenantry.tenant_plan_schedule where tenant_id = $1`,
        [tenantId],
      );
      const steps = await transaction.query<PlanStep>(
        `select plan, ${unixMs('effective_from')} as "effectiveFrom", set_by as "setBy"
         from tenantry.tenant_plan_history where tenant_id = $1 order by effective_from desc limit $2`,
        [tenantId, MOST_STEPS],
      );
      return { ...tenant, tenantId, scheduled: scheduled ?? null, steps };
    });
  }

  /** Takes the place of a change that was to come. @throws TenantryError BAD_REQUEST for a plan that there is not */
  async schedule(actor: StaffActor, tenantId: TenantId, change: Omit<ScheduledPlan, 'setBy'>): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, (transaction) => schedulePlan(transaction, actor, tenantId, change));
  }

  /** False if none was to come. */
  async cancel(actor: StaffActor, tenantId: TenantId): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [dropped] = await transaction.query<ScheduledPlan>(
        `delete from tenantry.tenant_plan_schedule where tenant_id = $1 returning ${SCHEDULED}`,
        [tenantId],
      );
      if (dropped === undefined) return false;
      await transaction.audit({
        ...{ action: 'tenant.plan_unscheduled', resource: `tenant/${tenantId}`, tenantId },
        before: { plan: dropped.plan, effectiveFrom: dropped.effectiveFrom },
        after: null,
      });
      return true;
    });
  }

  /** Carries out what is due, each change from the very moment that was set for it. @returns how many */
  async applyDue(): Promise<number> {
    return this.#postgres.inStaffTransaction(KEEPER, async (transaction) => {
      const due = await transaction.query<ScheduledPlan & { tenantId: TenantId; before: string | null }>(
        `select s.tenant_id as "tenantId", s.plan, ${unixMs('s.effective_from')} as "effectiveFrom", s.why,
                s.set_by as "setBy", t.plan as before
         from tenantry.tenant_plan_schedule s join tenantry.tenants t using (tenant_id)
         where s.effective_from <= clock_timestamp() order by s.tenant_id limit $1
         for no key update of t, s skip locked`,
        [MOST_AT_ONCE],
      );
      if (due.length === 0) return 0;
      for (const change of due) await apply(transaction, change);
      return due.length;
    });
  }
}

async function apply(
  transaction: StaffTransaction,
  { tenantId, plan, before, effectiveFrom, why, setBy }: ScheduledPlan & { tenantId: TenantId; before: string | null },
): Promise<void> {
  await transaction.query('update tenantry.tenants set plan = $2 where tenant_id = $1', [tenantId, plan]);
  if (plan !== before) {
    // A change by hand drops what was scheduled, so the newest step is older; the same moment twice is the same step.
    await transaction.query(
      `insert into tenantry.tenant_plan_history (tenant_id, effective_from, plan, set_by)
       select tenant_id, effective_from, plan, set_by from tenantry.tenant_plan_schedule where tenant_id = $1
       on conflict (tenant_id, effective_from) do nothing`,
      [tenantId],
    );
  }
  await transaction.query('delete from tenantry.tenant_plan_schedule where tenant_id = $1', [tenantId]);
  await transaction.audit({
    ...{ action: 'tenant.plan', resource: `tenant/${tenantId}`, tenantId },
    before: { plan: before },
    after: { plan, effectiveFrom, why, scheduledBy: setBy },
  });
}

/** `PlanSchedule.schedule` for a tenant that is there, within a transaction that does more. */
export async function schedulePlan(
  transaction: StaffTransaction,
  actor: StaffActor,
  tenantId: TenantId,
  { plan, effectiveFrom, why }: Omit<ScheduledPlan, 'setBy'>,
): Promise<void> {
  await requirePlan(transaction, plan, '/plan');
  await transaction.query('select from tenantry.tenants where tenant_id = $1 for no key update', [tenantId]);
  const [before] = await transaction.query<ScheduledPlan>(
    `select ${SCHEDULED} from tenantry.tenant_plan_schedule where tenant_id = $1`,
    [tenantId],
  );
  await transaction.query(
    `insert into tenantry.tenant_plan_schedule (tenant_id, plan, effective_from, why, set_by)
     values ($1, $2, ${fromUnixMs('$3')}, $4, $5)
     on conflict (tenant_id) do update set plan = excluded.plan, effective_from = excluded.effective_from,
       why = excluded.why, set_by = excluded.set_by, set_at = clock_timestamp()`,
    [tenantId, plan, effectiveFrom, why, actor.subject],
  );
  await transaction.audit({
    ...{ action: 'tenant.plan_scheduled', resource: `tenant/${tenantId}`, tenantId },
    before: before === undefined ? null : { plan: before.plan, effectiveFrom: before.effectiveFrom },
    after: { plan, effectiveFrom, why },
  });
}

/** A name that was mistyped must not become a plan on its own. @throws TenantryError BAD_REQUEST */
export async function requirePlan(transaction: StaffTransaction, plan: string | null, pointer: string): Promise<void> {
  if (plan === null) return;
  const known = await transaction.query('select from tenantry.plans where name = $1', [plan]);
  if (known.length > 0) return;
  throw new TenantryError(
    'BAD_REQUEST',
    `body field "${pointer.slice(1).replaceAll('/', '.')}": there is no such plan.`,
    {
      hint: 'GET /v1/plans lists them; PUT /v1/plans/{plan} makes one.',
      pointer,
    },
  );
}
