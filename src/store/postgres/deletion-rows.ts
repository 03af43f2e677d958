import type { TenantId } from '../../domain/tenant-id.ts';
import { type DeletionJob, type DeletionJobs, noteRows } from './deletion-jobs.ts';
import { type PostgresTenantTable, tenantDataTables } from './tenant-data.ts';
import type { Transaction } from './transaction.ts';

/**
 * Ledgers whose figures stay under the pseudonym: what all tenants cost must go on adding up to the bill, and a closed
 * month to what was closed.
 */
const LEDGERS = ['cost_shares', 'cost_months', 'ai_month_lines'] as const;
/**
 * Not deleted row by row: the log's records stay without their words, and the last three go with the job itself, as it
 * needs them until then.
 */
const KEPT_TO_THE_END = new Set<string>([...LEDGERS, 'audit_log', 'deletion_requests', 'tenant_states', 'tenants']);
/** Rows of one transaction: it holds the tenant's row, and whoever wants to put a hold on the tenant waits. */
const ROWS_AT_ONCE = 5_000;

/** Names that go into SQL come from the catalogue or from here; they are plain words all the same. */
function checked(table: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(table)) throw new RangeError('not the name of a table of ours');
  return `tenantry.${table}`;
}

/** Tables in the order in which their rows can be deleted. */
export async function tablesToEmpty(transaction: Transaction): Promise<readonly PostgresTenantTable[]> {
  return (await tenantDataTables(transaction)).filter(({ table }) => !KEPT_TO_THE_END.has(table)).toReversed();
}

/**
 * Deletes every row of the tenant but those above, some thousands at a time, each time only if nothing stands against it.
 * @throws TenantryError CONFLICT when a legal hold was put on the tenant meanwhile
 */
export async function emptyTables(jobs: DeletionJobs, job: DeletionJob, now: () => number): Promise<void> {
  const tables = await jobs.working(job, now(), tablesToEmpty);
  for (const { table } of tables) {
    for (let left = true; left; ) {
      left = await jobs.working(job, now(), async (transaction) => {
        const rows = await deleteSome(transaction, table, job.tenantId);
        await noteRows(transaction, job, `deleted:postgres.${table}`, rows);
        return rows === ROWS_AT_ONCE;
      });
    }
  }
}

/** What others' rows and the operator's own have for no tenant but this one. @returns rows by table */
export async function deleteWhatWasFor(transaction: Transaction, tenantId: TenantId): Promise<Record<string, number>> {
  const [schedules] = await transaction.query<{ rows: number }>(
    `with gone as (delete from tenantry.report_schedules where about_tenant = $1 returning 1)
     select count(*)::float8 as rows from gone`,
    [tenantId],
  );
  return { report_schedules: schedules?.rows ?? 0 };
}

async function deleteSome(transaction: Transaction, table: string, tenantId: TenantId): Promise<number> {
  const name = checked(table);
  const [row] = await transaction.query<{ rows: number }>(
    `with gone as (
       delete from ${name} where ctid = any(array(select ctid from ${name} where tenant_id = $1 limit ${ROWS_AT_ONCE}))
       returning 1)
     select count(*)::float8 as rows from gone`,
    [tenantId],
  );
  return row?.rows ?? 0;
}

/** Rows of the tenant in every table, to be 0 when all is done. `{tenant}` in the query stands for the id. */
export async function countRows(
  transaction: Transaction,
  tenantId: TenantId,
): Promise<readonly { readonly table: string; readonly query: string; readonly rows: number }[]> {
  const tables = await tenantDataTables(transaction);
  const counted = [];
  for (const { table } of tables.toSorted((left, right) => (left.table < right.table ? -1 : 1))) {
    const query = `select count(*) from ${checked(table)} where tenant_id = `;
    const [row] = await transaction.query<{ count: string }>(`${query}$1`, [tenantId]);
    counted.push({ table, query: `${query}{tenant}`, rows: Number(row?.count) });
  }
  return counted;
}

/** Whose rows are in any table: id -> tables. For whoever knows tenants by their hash alone. */
export async function everybodysRows(
  transaction: Transaction,
): Promise<ReadonlyMap<string, readonly { readonly table: string; readonly rows: number }[]>> {
  const found = new Map<string, { table: string; rows: number }[]>();
  for (const { table } of await tenantDataTables(transaction)) {
    const rows = await transaction.query<{ tenant: string; rows: number }>(
      `select tenant_id as tenant, count(*)::float8 as rows from ${checked(table)} where tenant_id is not null group by 1`,
    );
    for (const row of rows) found.set(row.tenant, [...(found.get(row.tenant) ?? []), { table, rows: row.rows }]);
  }
  return found;
}

/** Moves the ledgers' rows to the pseudonym, which is entered as a closed tenant where it is needed. @returns rows by table */
export async function keepLedgers(
  transaction: Transaction,
  tenantId: TenantId,
  pseudonym: string,
): Promise<Record<string, number>> {
  const kept: Record<string, number> = {};
  const [any] = await transaction.query<{ any: boolean }>(
    `select ${LEDGERS.map((table) => `exists (select from ${checked(table)} where tenant_id = $1)`).join(' or ')} as any`,
    [tenantId],
  );
  if (any?.any !== true) return kept;
  await transaction.query(
    `insert into tenantry.tenants (tenant_id, status) values ($1, 'closed') on conflict (tenant_id) do nothing`,
    [pseudonym],
  );
  for (const table of LEDGERS) {
    const [row] = await transaction.query<{ rows: number }>(
      `with moved as (update ${checked(table)} set tenant_id = $2 where tenant_id = $1 returning 1)
       select count(*)::float8 as rows from moved`,
      [tenantId, pseudonym],
    );
    kept[table] = row?.rows ?? 0;
  }
  return kept;
}
