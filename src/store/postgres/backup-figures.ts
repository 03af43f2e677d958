/**
 * The rows of a tenant, and of the tables without tenants, as hashes. Of a running database those alone that are as they
 * were when a backup was made: a row carries the number of the transaction that wrote it, and the backup's snapshot says
 * which of them it had seen.
 */
import type { PostgresFigures } from '../../domain/backup-figures.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { SCHEMA } from './roles.ts';
import type { Transaction } from './transaction.ts';

/** Of a larger table every so manieth row is compared, chosen by its hash. */
const MOST_HASHES = 2_000;
const DRILL = { kind: 'system', subject: 'backup-drill' } as const;

interface FigureTable {
  readonly name: string;
  readonly has_tenant: boolean;
}

export interface PostgresFiguresQuestion {
  readonly tenantId: TenantId;
  /** undefined: every row, of a database that nothing has written to. */
  readonly snapshot: string | undefined;
  /** As the other side has chosen; a table that is not in it is chosen for here. */
  readonly everyManieth?: ReadonlyMap<string, number>;
}

/** By table, in the order of their names; without the list of migrations, which a restore has made itself. */
export async function postgresFigures(
  postgres: Pick<Postgres, 'inStaffTransaction'>,
  question: PostgresFiguresQuestion,
): Promise<readonly PostgresFigures[]> {
  return postgres.inStaffTransaction(DRILL, async (transaction) => {
    // How a row reads as text depends on it.
    await transaction.query(
      `select set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true),
         set_config('intervalstyle', 'postgres', true), set_config('statement_timeout', '0', true)`,
    );
    const tables = await transaction.query<FigureTable>(
      `select c.relname as name,
         exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as has_tenant
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relkind in ('r', 'p') and c.relname <> 'migrations' and has_table_privilege(c.oid, 'SELECT') order by 1`,
      [SCHEMA],
    );
    const figures: PostgresFigures[] = [];
    for (const table of tables) figures.push(await figuresOf(transaction, table, question));
    return figures;
  });
}

async function figuresOf(
  transaction: Transaction,
  { name, has_tenant: hasTenant }: FigureTable,
  { tenantId, snapshot, everyManieth }: PostgresFiguresQuestion,
): Promise<PostgresFigures> {
  // A transaction's number is cut to 32 bits in the row; the missing ones are those of the nearest that is not ahead.
  const rows = `select hashtextextended(t::text, 0) as hash from ${SCHEMA}.${identifier(name)} t,
      (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as top) as now,
      lateral (select top - ((top & 4294967295) - t.xmin::text::bigint + 4294967296) % 4294967296 as writer) as w
    where ${hasTenant ? 't.tenant_id = $1' : '$1::text is not null'}
      and ($2::text is null or t.xmin::text::bigint < 3 or pg_visible_in_snapshot(w.writer::text::xid8, $2::pg_snapshot))`;
  const values = [tenantId, snapshot ?? null];
  const [counted] = await transaction.query<{ rows: number }>(
    `select count(*)::float8 as rows from (${rows}) r`,
    values,
  );
  const count = counted?.rows ?? 0;
  const every = everyManieth?.get(name) ?? Math.max(1, Math.ceil(count / MOST_HASHES));
  const hashes = await transaction.query<{ hash: string }>(
    `select to_hex(hash) as hash from (${rows}) r where abs(hash % $3::bigint) = 0 order by 1`,
    [...values, every],
  );
  return { table: name, rows: count, hashes: hashes.map(({ hash }) => hash), everyManieth: every };
}

/** Of our own tables: lower-case names, as the migrations give them. */
function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
