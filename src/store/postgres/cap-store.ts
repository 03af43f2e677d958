import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type {
  PlanSpendCap,
  SpendAccount,
  SpendAlert,
  SpendCap,
  SpendCapTerms,
  SpendPeriod,
  SpendScope,
} from '../../domain/spend.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import {
  ACCOUNT_COLUMNS,
  type AccountRow,
  ALERT_COLUMNS,
  type AlertRow,
  accountOf,
  alertOf,
  type CapRow,
  capOf,
  EFFECTIVE_CAPS,
  TERMS_COLUMNS,
  type TermsRow,
  termsOf,
  termsValues,
  WRITTEN_TERMS,
} from './spend-rows.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

/** Which cap of a tenant or plan. */
export interface CapId extends SpendScope {
  readonly period: SpendPeriod;
}

/** Caps with everything that is known about their periods, as of one moment of the database. */
export interface Standing {
  /** Unix ms. */
  readonly now: number;
  readonly caps: readonly SpendCap[];
  /** Accounts of the tenants in periods that have not ended. */
  readonly accounts: readonly SpendAccount[];
  /** Alerts of those periods. */
  readonly alerts: readonly SpendAlert[];
  /** Calls that run, as the apps' instances last said. */
  readonly inFlight: ReadonlyMap<TenantId, number>;
}

/** Which caps in force, by tenant. */
export interface CapPage {
  /** Absent: of every tenant. */
  readonly tenants?: readonly TenantId[];
  readonly offset: number;
  readonly limit: number;
}

/** What caps say. What was spent under them is `SpendBook`'s. */
export class CapStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Sets a tenant's own cap, in the place of one for the same period, key and model. */
  async put(actor: StaffActor, tenantId: TenantId, terms: SpendCapTerms): Promise<SpendCap> {
    if (!isTenantId(tenantId)) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      return putTenantCap(transaction, actor, tenantId, terms);
    });
  }

  /** Sets a cap of a plan (made if new). */
  async putForPlan(actor: StaffActor, plan: string, terms: SpendCapTerms): Promise<PlanSpendCap> {
    const row = await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('insert into tenantry.plans (name) values ($1) on conflict do nothing', [plan]);
      return putTerms<TermsRow>(transaction, actor, { table: 'plan_caps', column: 'plan', owner: plan, terms });
    });
    return { ...termsOf(row), plan };
  }

  /** False if there was none. What was counted stays. */
  async remove(actor: StaffActor, tenantId: TenantId, id: CapId): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      removeTerms(transaction, { table: 'caps', column: 'tenant_id', owner: tenantId, id }),
    );
  }

  async removeForPlan(actor: StaffActor, plan: string, id: CapId): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      removeTerms(transaction, { table: 'plan_caps', column: 'plan', owner: plan, id }),
    );
  }

  /** Caps of plans, by plan. */
  async listForPlans(actor: StaffActor): Promise<readonly PlanSpendCap[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<TermsRow & { readonly plan: string }>(
        `select plan, ${TERMS_COLUMNS} from tenantry.plan_caps order by plan, period, key, model`,
      ),
    );
    return rows.map((row) => ({ ...termsOf(row), plan: row.plan }));
  }

  /** Caps in force by tenant, with their accounts. Tenant actors get their own only, whatever they ask for. */
  async standing(actor: Actor, page: CapPage): Promise<Standing> {
    const seesAll = actor.kind === 'staff' || actor.kind === 'system';
    const own = seesAll || actor.tenantId === undefined ? page.tenants : [actor.tenantId];
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      readStanding(transaction, { ...page, tenants: own ?? null, seesInstances: seesAll }),
    );
  }

  /** Tenants for which a cap holds, in the order of their ids, from after `after`. */
  async cappedTenants(actor: StaffActor, after: string, limit: number): Promise<readonly TenantId[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ tenant_id: TenantId }>(
        `select distinct tenant_id from ${EFFECTIVE_CAPS} where tenant_id > $1 order by tenant_id limit $2`,
        [after, limit],
      ),
    );
    return rows.map((row) => row.tenant_id);
  }
}

interface Terms {
  readonly table: 'caps' | 'plan_caps';
  readonly column: 'tenant_id' | 'plan';
  readonly owner: string;
}

/** `CapStore.put` for a tenant that is there, within a transaction that does more. */
export async function putTenantCap(
  transaction: StaffTransaction,
  actor: StaffActor,
  tenantId: TenantId,
  terms: SpendCapTerms,
): Promise<SpendCap> {
  const where = { table: 'caps', column: 'tenant_id', owner: tenantId, terms } as const;
  return capOf({ ...(await putTerms<CapRow>(transaction, actor, where)), plan: null });
}

const resourceOf = ({ table, owner }: Terms, { period, key, model }: CapId) =>
  `${table === 'caps' ? 'cap' : 'plan-cap'}/${owner}/${period}${key === null ? '' : `/key:${key}`}${model === null ? '' : `/model:${model}`}`;

async function putTerms<Row extends TermsRow>(
  transaction: StaffTransaction,
  actor: StaffActor,
  { terms, ...where }: Terms & { readonly terms: SpendCapTerms },
): Promise<Row> {
  const { table, column, owner } = where;
  const before = await lockTerms(transaction, where, terms);
  const [row] = await transaction.query<Row>(
    `insert into tenantry.${table} (${column}, ${WRITTEN_TERMS}, updated_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11)
     on conflict (${column}, period, key, model) do update
     set amount_micro = excluded.amount_micro, currency = excluded.currency, time_zone = excluded.time_zone,
         ladder = excluded.ladder, on_unavailable = excluded.on_unavailable, on_unpriced = excluded.on_unpriced,
         updated_by = excluded.updated_by, updated_at = clock_timestamp()
     returning ${column}, ${TERMS_COLUMNS}`,
    [owner, ...termsValues(terms), actor.subject],
  );
  if (row === undefined) throw new TenantryError('INTERNAL', 'The cap just written cannot be read');
  await transaction.audit({
    action: table === 'caps' ? 'cap.set' : 'plan-cap.set',
    resource: resourceOf(where, terms),
    ...(table === 'caps' && isTenantId(owner) ? { tenantId: owner } : {}),
    ...(before === undefined ? {} : { before }),
    after: terms,
  });
  return row;
}

async function removeTerms(
  transaction: StaffTransaction,
  { id, ...where }: Terms & { readonly id: CapId },
): Promise<boolean> {
  const { table, column, owner } = where;
  const before = await lockTerms(transaction, where, id);
  if (before === undefined) return false;
  await transaction.query(
    `delete from tenantry.${table} where ${column} = $1 and period = $2 and key = $3 and model = $4`,
    [owner, id.period, id.key ?? '', id.model ?? ''],
  );
  await transaction.audit({
    action: table === 'caps' ? 'cap.remove' : 'plan-cap.remove',
    resource: resourceOf(where, id),
    ...(table === 'caps' && isTenantId(owner) ? { tenantId: owner } : {}),
    before,
  });
  return true;
}

async function lockTerms(
  transaction: StaffTransaction,
  { table, column, owner }: Terms,
  { period, key, model }: CapId,
): Promise<SpendCapTerms | undefined> {
  const [row] = await transaction.query<TermsRow>(
    `select ${TERMS_COLUMNS} from tenantry.${table}
     where ${column} = $1 and period = $2 and key = $3 and model = $4 for update`,
    [owner, period, key ?? '', model ?? ''],
  );
  return row === undefined ? undefined : termsOf(row);
}

async function readStanding(
  transaction: Transaction,
  page: { tenants: readonly TenantId[] | null; offset: number; limit: number; seesInstances: boolean },
): Promise<Standing> {
  const [clock] = await transaction.query<{ now_ms: number }>(`select ${unixMs('clock_timestamp()')} as now_ms`);
  const caps = await transaction.query<CapRow>(
    `select * from ${EFFECTIVE_CAPS} where $1::text[] is null or tenant_id = any($1)
     order by tenant_id, period, key, model offset $2 limit $3`,
    [page.tenants, page.offset, page.limit],
  );
  const tenants = [...new Set(caps.map((row) => row.tenant_id))];
  const accounts = await transaction.query<AccountRow>(
    `select ${ACCOUNT_COLUMNS} from tenantry.spend_accounts
     where tenant_id = any($1) and period_end > clock_timestamp()`,
    [tenants],
  );
  const alerts = await transaction.query<AlertRow>(
    `select ${ALERT_COLUMNS} from tenantry.spend_alerts
     where tenant_id = any($1) and at > clock_timestamp() - interval '32 days' order by at`,
    [tenants],
  );
  const running = page.seesInstances
    ? await transaction.query<{ tenant_id: TenantId; calls: string }>(
        `select tenant_id, sum(in_flight) as calls from tenantry.spend_reservations
         where tenant_id = any($1) and state = 'open' group by tenant_id`,
        [tenants],
      )
    : [];
  return {
    now: clock?.now_ms ?? Number.NaN,
    caps: caps.map(capOf),
    accounts: accounts.map(accountOf),
    alerts: alerts.map(alertOf),
    inFlight: new Map(running.map((row) => [row.tenant_id, Number(row.calls)])),
  };
}
