import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import { RETENTION_LEVELS, type RetentionDays, type RetentionRun } from '../../domain/retention.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

const KEEPER: StaffActor = { kind: 'system', subject: 'tenant-retention' };
/** A run that has not moved for so long belongs to a server that is gone. */
const GONE_AFTER = '10 minutes';
const KEPT_RUNS = 200;

const DAYS = RETENTION_LEVELS.map((level) => `${level}_days as ${level}`).join(', ');
const COLUMNS = RETENTION_LEVELS.map((level) => `${level}_days`).join(', ');
const RUN = `id, state, ${unixMs('started_at')} as "startedAt", ${unixMs('finished_at')} as "finishedAt",
  asked_by as "askedBy", tenants, tables_total as "tablesTotal", tables_done as "tablesDone",
  rows_removed::float8 as "rowsRemoved", problem`;

export interface PlanRetention {
  readonly plan: string;
  readonly days: RetentionDays;
}

/** What is said of one tenant, and of the plan that it is on. */
export interface TenantRetention {
  readonly tenantId: TenantId;
  readonly plan: string | null;
  readonly planDays: RetentionDays;
  readonly tenantDays: RetentionDays;
  readonly legalHold: boolean;
}

export interface RunProgress {
  readonly tenants: number;
  readonly tablesTotal: number;
  readonly tablesDone: number;
  readonly rowsRemoved: number;
}

type Owner = { readonly plan: string } | { readonly tenantId: TenantId };

/** How long what tenants sent is kept, and the runs that take it away. */
export class RetentionStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async plans(actor: StaffActor): Promise<readonly PlanRetention[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<RetentionDays & { plan: string }>(
        `select plan, ${DAYS} from tenantry.plan_retention order by plan`,
      ),
    );
    return rows.map(({ plan, ...days }) => ({ plan, days }));
  }

  /** Tenants of whom something is said, by themselves or by their plan; by id. */
  async ruled(actor: StaffActor): Promise<readonly TenantRetention[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      readTenants(transaction, 'p.plan is not null or r.tenant_id is not null', []),
    );
  }

  /** Undefined if there is no such tenant. Only for who may see it: the plan's word and legal holds are the operator's. */
  async ofTenant(tenantId: TenantId): Promise<TenantRetention | undefined> {
    const [row] = await this.#postgres.inReadTransaction(KEEPER, (transaction) =>
      readTenants(transaction, 't.tenant_id = $1', [tenantId]),
    );
    return row;
  }

  /** Takes the place of what was said; nothing but nulls takes it away. The tenant is entered if new, the plan must be there. */
  async put(actor: StaffActor, owner: Owner, days: RetentionDays): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      if ('tenantId' in owner) await enterTenants(transaction, [owner.tenantId]);
      else await refuseUnknownPlan(transaction, owner.plan);
      await putRetention(transaction, actor, owner, days);
    });
  }

  async runs(actor: Actor, limit: number): Promise<readonly RetentionRun[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<RetentionRun>(
        `select ${RUN} from tenantry.retention_runs order by started_at desc, id limit $1`,
        [limit],
      ),
    );
  }

  /** @throws TenantryError CONFLICT while one waits or runs */
  async ask(actor: StaffActor): Promise<RetentionRun> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('lock table tenantry.retention_runs in share row exclusive mode');
      const open = await transaction.query(
        `select 1 from tenantry.retention_runs
         where state in ('asked', 'running') and seen_at > clock_timestamp() - $1::interval limit 1`,
        [GONE_AFTER],
      );
      if (open.length > 0) {
        throw new TenantryError('CONFLICT', 'A run is under way already.', {
          hint: 'GET /v1/retention shows how far.',
        });
      }
      const run = await insertRun(transaction, actor.subject);
      await transaction.audit({ action: 'retention.run', resource: `retention-run/${run.id}`, after: { id: run.id } });
      return run;
    });
  }

  /** The leader's alone: the run that was asked for, else (`isDue`) a new one; runs of servers that are gone are ended. */
  async begin(isDue: (last: RetentionRun | undefined) => boolean): Promise<RetentionRun | undefined> {
    return this.#postgres.inStaffTransaction(KEEPER, async (transaction) => {
      transaction.unaudited('runs keep a record of their own; what is kept for how long is audited where it is set');
      await transaction.query('lock table tenantry.retention_runs in share row exclusive mode');
      await transaction.query(
        `update tenantry.retention_runs set state = 'failed', finished_at = clock_timestamp(),
           problem = 'The server that ran it is gone; the next run does the rest.'
         where state = 'running' and seen_at <= clock_timestamp() - $1::interval`,
        [GONE_AFTER],
      );
      const [last] = await transaction.query<RetentionRun>(
        `select ${RUN} from tenantry.retention_runs order by started_at desc, id limit 1`,
      );
      if (last?.state === 'asked') return moved(transaction, last.id, `state = 'running'`, []);
      if (last?.state === 'running' || !isDue(last)) return undefined;
      const run = await insertRun(transaction, KEEPER.subject);
      await transaction.query(
        `delete from tenantry.retention_runs
         where id not in (select id from tenantry.retention_runs order by started_at desc limit $1)`,
        [KEPT_RUNS],
      );
      return moved(transaction, run.id, `state = 'running'`, []);
    });
  }

  async progress(id: string, { tenants, tablesTotal, tablesDone, rowsRemoved }: RunProgress): Promise<void> {
    await this.#move(id, 'tenants = $2, tables_total = $3, tables_done = $4, rows_removed = $5', [
      ...[tenants, tablesTotal, tablesDone, rowsRemoved],
    ]);
  }

  /** `problem`: why it failed; null: it did not. */
  async finish(id: string, problem: string | null): Promise<void> {
    await this.#move(id, `finished_at = clock_timestamp(), problem = $2, state = $3`, [
      ...[problem?.slice(0, 500) ?? null, problem === null ? 'done' : 'failed'],
    ]);
  }

  async #move(id: string, set: string, values: readonly unknown[]): Promise<void> {
    await this.#postgres.inStaffTransaction(KEEPER, async (transaction) => {
      transaction.unaudited('how far a run has come');
      await moved(transaction, id, set, values);
    });
  }
}

/** `RetentionStore.put` for an owner that is there, within a transaction that does more. */
export async function putRetention(
  transaction: StaffTransaction,
  actor: StaffActor,
  owner: Owner,
  days: RetentionDays,
): Promise<void> {
  const isTenant = 'tenantId' in owner;
  const [table, column, name] = isTenant
    ? ['tenant_retention', 'tenant_id', owner.tenantId]
    : ['plan_retention', 'plan', owner.plan];
  const [before] = await transaction.query<RetentionDays>(
    `select ${DAYS} from tenantry.${table} where ${column} = $1 for update`,
    [name],
  );
  if (RETENTION_LEVELS.every((level) => days[level] === null)) {
    await transaction.query(`delete from tenantry.${table} where ${column} = $1`, [name]);
  } else {
    const parameters = RETENTION_LEVELS.map((_level, index) => `$${index + 3}`).join(', ');
    const updates = RETENTION_LEVELS.map((level) => `${level}_days = excluded.${level}_days`).join(', ');
    await transaction.query(
      `insert into tenantry.${table} (${column}, set_by, ${COLUMNS}) values ($1, $2, ${parameters})
       on conflict (${column}) do update set set_by = excluded.set_by, set_at = clock_timestamp(), ${updates}`,
      [name, actor.subject, ...RETENTION_LEVELS.map((level) => days[level])],
    );
  }
  await transaction.audit({
    action: isTenant ? 'tenant.retention' : 'plan.retention',
    resource: `${isTenant ? 'tenant' : 'plan'}/${name}`,
    ...(isTenant ? { tenantId: owner.tenantId } : {}),
    before: before ?? null,
    after: days,
  });
}

async function readTenants(
  transaction: Transaction,
  where: string,
  values: readonly unknown[],
): Promise<readonly TenantRetention[]> {
  const of = (alias: string) => RETENTION_LEVELS.map((level) => `'${level}', ${alias}.${level}_days`).join(', ');
  return transaction.query<TenantRetention>(
    `select t.tenant_id as "tenantId", t.plan, jsonb_build_object(${of('p')}) as "planDays",
            jsonb_build_object(${of('r')}) as "tenantDays",
            exists (select from tenantry.legal_holds h where h.tenant_id = t.tenant_id) as "legalHold"
     from tenantry.tenants t
     left join tenantry.plan_retention p on p.plan = t.plan
     left join tenantry.tenant_retention r on r.tenant_id = t.tenant_id
     where ${where} order by t.tenant_id`,
    values,
  );
}

async function refuseUnknownPlan(transaction: Transaction, plan: string): Promise<void> {
  const known = await transaction.query('select from tenantry.plans where name = $1', [plan]);
  if (known.length === 0) {
    throw new TenantryError('NOT_FOUND', 'There is no such plan.', { hint: 'GET /v1/plans lists them.' });
  }
}

async function insertRun(transaction: Transaction, askedBy: string): Promise<RetentionRun> {
  const [run] = await transaction.query<RetentionRun>(
    `insert into tenantry.retention_runs (asked_by) values ($1) returning ${RUN}`,
    [askedBy],
  );
  if (run === undefined) throw new TenantryError('INTERNAL', 'The run just written cannot be read');
  return run;
}

async function moved(
  transaction: Transaction,
  id: string,
  set: string,
  values: readonly unknown[],
): Promise<RetentionRun | undefined> {
  const [run] = await transaction.query<RetentionRun>(
    `update tenantry.retention_runs set ${set}, seen_at = clock_timestamp() where id = $1 returning ${RUN}`,
    [id, ...values],
  );
  return run;
}
