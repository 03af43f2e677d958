/** Finds where rows of others, and of the operator's own, name a tenant, and takes the name out where that harms nothing. */
import { jsonWithoutTenant, namesTenant, withoutTenant } from '../../domain/deletion-mentions.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Transaction } from './transaction.ts';

/** Columns for sentences. Any other text is a name or a key of something, and may only happen to be the same. */
const PROSE =
  /^(?:reason|explanation|title|sentence|note|detail|error|problem|failure|comment|description|link|group_key)$/;
/** What deletion itself writes, and the log, whose words are taken out by other rules. */
const NOT_LOOKED_AT = [
  'audit_log',
  'audit_chain',
  'audit_erasures',
  'migrations',
  'deletion_certificates',
  'deleted_tenants',
];
const ROWS_AT_ONCE = 1_000;

interface NamingColumn {
  readonly table: string;
  readonly column: string;
  readonly type: 'json' | 'text' | 'list';
  /** The staff role may write it, and no trigger guards it. */
  readonly isWritable: boolean;
}

const COLUMNS = `
  select c.relname::text as table, a.attname::text as column,
    case t.typname when 'jsonb' then 'json' when 'json' then 'json' when '_text' then 'list' else 'text' end as type,
    has_table_privilege('tenantry_staff', c.oid, 'UPDATE') and not exists (
      select from pg_catalog.pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal) as "isWritable"
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  where n.nspname = 'tenantry' and c.relkind = 'r' and t.typname in ('text', 'varchar', 'jsonb', 'json', '_text')
    and a.attname <> 'tenant_id' and a.attgenerated = '' and c.relname <> all($1)
  order by 1, 2`;

export interface NamesFound {
  /** Rows by table in which the name was taken out. */
  readonly takenOut: Readonly<Record<string, number>>;
  /** `table.column` -> rows that hold the same text: names of other things, or the operator's own to change. */
  readonly left: Readonly<Record<string, number>>;
}

/** Run it when the tenant's own rows are gone: all that is found then is others'. */
export async function takeNamesOut(
  transaction: Transaction,
  tenantId: TenantId,
  pseudonym: string,
): Promise<NamesFound> {
  const takenOut: Record<string, number> = {};
  const left: Record<string, number> = {};
  for (const column of await transaction.query<NamingColumn>(COLUMNS, [NOT_LOOKED_AT])) {
    const { rewritten, same } = await rewrite(transaction, column, tenantId, pseudonym);
    if (rewritten > 0) takenOut[column.table] = (takenOut[column.table] ?? 0) + rewritten;
    if (same > 0) left[`${column.table}.${column.column}`] = same;
  }
  return { takenOut, left };
}

async function rewrite(
  transaction: Transaction,
  { table, column, type, isWritable }: NamingColumn,
  tenantId: TenantId,
  pseudonym: string,
): Promise<{ readonly rewritten: number; readonly same: number }> {
  // From the catalogue, and quoted all the same.
  const name = `"${column.replaceAll('"', '""')}"`;
  const target = `tenantry."${table.replaceAll('"', '""')}"`;
  let [rewritten, same] = [0, 0];
  for (let after = '(0,0)'; ; ) {
    const rows = await transaction.query<{ id: string; value: string }>(
      `select ctid::text as id, ${name}::text as value from ${target}
       where strpos(${name}::text, $1) > 0 and ctid > $2::tid order by ctid limit ${ROWS_AT_ONCE}`,
      [tenantId, after],
    );
    for (const { id, value } of rows) {
      if (!namesTenant(value, tenantId)) continue;
      const without = !isWritable ? value : wordsWithout({ type, column }, value, tenantId, pseudonym);
      if (without === value) same += 1;
      else {
        const cast = type === 'json' ? '::jsonb' : '';
        await transaction.query(`update ${target} set ${name} = $1${cast} where ctid = $2::tid`, [without, id]);
        rewritten += 1;
      }
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) return { rewritten, same };
    after = last.id;
  }
}

function wordsWithout(
  { type, column }: Pick<NamingColumn, 'type' | 'column'>,
  value: string,
  tenantId: TenantId,
  pseudonym: string,
): string {
  if (type === 'json') return jsonWithoutTenant(value, tenantId, pseudonym);
  return type === 'text' && PROSE.test(column) ? withoutTenant(value, tenantId) : value;
}
