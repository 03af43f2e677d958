import { TenantryError } from '../../domain/errors.ts';
import type { Transaction } from './transaction.ts';

export interface PostgresColumn {
  readonly name: string;
  /** As PostgreSQL writes it: `timestamp with time zone`, `text[]`. */
  readonly type: string;
  readonly isNullable: boolean;
  /** `identity`: numbered by the database, and a given value has to be forced. `stored`: worked out, never given. */
  readonly generated: 'identity' | 'stored' | null;
}

/** A table whose rows belong to tenants. */
export interface PostgresTenantTable {
  /** Without the schema, which is `tenantry`. */
  readonly table: string;
  readonly columns: readonly PostgresColumn[];
  readonly primaryKey: readonly string[];
  /** Tables that its foreign keys point to: of tenants' rows, and the operator's own. */
  readonly references: { readonly tenantTables: readonly string[]; readonly otherTables: readonly string[] };
  /** The tenant may be null: a row of nobody. */
  readonly isTenantNullable: boolean;
  readonly hasSecrets: boolean;
  /** Columns that hold what lets somebody in, or a hash of it. */
  readonly secretColumns: readonly string[];
}

/** By hand, as no catalogue tells a secret from a text; a test looks for columns that sound like one. */
const SECRET_COLUMNS: Readonly<Record<string, readonly string[]>> = { keys: ['sha256', 'previous_sha256'] };

type Row = Omit<PostgresTenantTable, 'hasSecrets' | 'secretColumns' | 'references'> & {
  readonly references: readonly { readonly table: string; readonly isTenantTable: boolean }[];
};

/** Only columns that are really there; one array for each table, as JSON. */
const TABLES = `
  with tables as (
    select c.oid, c.relname::text as name, a.attnotnull
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where n.nspname = 'tenantry' and c.relkind in ('r', 'p') and not c.relispartition)
  select t.name as "table", not t.attnotnull as "isTenantNullable",
    (select json_agg(json_build_object('name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'isNullable', not a.attnotnull,
        'generated', case when a.attidentity <> '' then 'identity' when a.attgenerated <> '' then 'stored' end)
        order by a.attnum)
     from pg_catalog.pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped) as columns,
    coalesce((select json_agg(a.attname order by array_position(k.conkey, a.attnum))
     from pg_catalog.pg_constraint k join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = any(k.conkey)
     where k.conrelid = t.oid and k.contype = 'p'), '[]') as "primaryKey",
    coalesce((select json_agg(distinct jsonb_build_object('table', r.relname,
        'isTenantTable', exists (select from tables o where o.oid = r.oid)))
     from pg_catalog.pg_constraint k join pg_catalog.pg_class r on r.oid = k.confrelid
     where k.conrelid = t.oid and k.contype = 'f' and k.confrelid <> t.oid), '[]') as "references"
  from tables t order by t.name`;

/**
 * Every table with a tenant's rows, as the database's own catalogue has it, so that a new one is never forgotten by what
 * deletes, exports or restores a tenant. Rows can be inserted in this order, and deleted in the reverse.
 * @throws TenantryError INTERNAL when foreign keys lead in a circle
 */
export async function tenantDataTables(run: Pick<Transaction, 'query'>): Promise<readonly PostgresTenantTable[]> {
  const rows = await run.query<Row>(TABLES);
  const tables = rows.map(({ references, ...row }): PostgresTenantTable => {
    const secretColumns = SECRET_COLUMNS[row.table] ?? [];
    const named = (isTenantTable: boolean) =>
      references.filter((reference) => reference.isTenantTable === isTenantTable).map(({ table }) => table);
    return {
      ...row,
      references: { tenantTables: named(true).toSorted(), otherTables: named(false).toSorted() },
      ...{ hasSecrets: secretColumns.length > 0, secretColumns },
    };
  });
  return insertionOrder(tables);
}

/** Whatever is pointed to comes before what points to it; else by name, so that the order is the same every time. */
function insertionOrder(tables: readonly PostgresTenantTable[]): readonly PostgresTenantTable[] {
  const ordered: PostgresTenantTable[] = [];
  const placed = new Set<string>();
  let left = tables;
  while (left.length > 0) {
    const ready = left.filter(({ references }) => references.tenantTables.every((name) => placed.has(name)));
    if (ready.length === 0) {
      throw new TenantryError(
        'INTERNAL',
        `Foreign keys lead in a circle among ${left.map(({ table }) => table).join(', ')}`,
      );
    }
    for (const table of ready) placed.add(table.table);
    ordered.push(...ready);
    left = left.filter(({ table }) => !placed.has(table));
  }
  return ordered;
}
