import type { StorageQuery, StorageSession } from './storage-session.ts';
import { quoteIdentifier, type StoredColumn } from './storage-tuple-sql.ts';

export interface CatalogOptions {
  /** Names that a tenant column may have; the first one that a table has counts. */
  readonly tenantColumns: readonly string[];
  /** `schema.table` or `schema.*`. */
  readonly exclude: readonly string[];
}

/** One physical table as the catalogue describes it. */
export interface CatalogTable {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly root: string;
  readonly tenantColumn: string;
  /** For the cast of a list of tenants. */
  readonly tenantType: string;
  readonly columns: readonly (StoredColumn & { readonly isVector: boolean })[];
  readonly attributes: number;
  readonly hasUnstored: boolean;
  readonly fillFactor: number;
  readonly heapPages: number;
  readonly heapBytes: bigint;
  readonly toastBytes: bigint;
  readonly hasToast: boolean;
  /** Rows and all-visible pages by the last vacuum or analyze; -1: never. */
  readonly knownRows: number;
  readonly knownPages: number;
  readonly visiblePages: number;
  readonly indexes: readonly CatalogIndex[];
  /** Heap, indexes and TOAST: what the statistics of pages are kept by. */
  readonly relations: readonly number[];
}

interface CatalogIndex {
  readonly name: string;
  readonly bytes: bigint;
  /** Whether it is a btree whose first column is the tenant. */
  readonly leadsWithTenant: boolean;
  /** Its condition when it holds some rows only, and is made of built-in functions alone. */
  readonly predicate: string | null;
  readonly isPartial: boolean;
}

export interface Catalog {
  readonly tables: readonly CatalogTable[];
  /** Tables with a tenant column that cannot be measured, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Of all tables that are not in `tables`. */
  readonly otherBytes: bigint;
}

interface TableRow {
  oid: number;
  schema: string;
  table: string;
  root: string;
  attnum: number;
  tenantColumn: string;
  tenantType: string;
  typeIsKnown: boolean;
  mayRead: boolean;
  rowSecurity: boolean;
  isHeap: boolean;
  attributes: number;
  hasUnstored: boolean;
  fillFactor: number;
  heapMain: string;
  heapBytes: string;
  toastBytes: string;
  hasToast: boolean;
  knownRows: number;
  knownPages: number;
  visiblePages: number;
  relations: number[];
}

/** Other schemas than these hold the operator's tables. Temporary tables belong to a session, foreign ones to others. */
const CANDIDATES = `c.relkind in ('r', 'm') and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'`;

/** Text, numbers, uuids and enums, and domains over them: types whose text is the tenant's name. */
const TABLES = `
with recursive upward (oid, root) as (
  select i.inhrelid, i.inhparent from pg_inherits i
  union select u.oid, i.inhparent from upward u join pg_inherits i on i.inhrelid = u.root),
roots as (
  select distinct on (oid) oid, root from upward u
  where not exists (select from pg_inherits i where i.inhrelid = u.root) order by oid, root)
select c.oid::int8::float8 as oid, n.nspname as schema, c.relname as table,
       coalesce((select format('%I.%I', rn.nspname, r.relname) from roots join pg_class r on r.oid = roots.root
                 join pg_namespace rn on rn.oid = r.relnamespace where roots.oid = c.oid),
                format('%I.%I', n.nspname, c.relname)) as root,
       a.attnum, a.attname as "tenantColumn", format_type(a.atttypid, null) as "tenantType",
       coalesce(nullif(t.typbasetype, 0), t.oid) in
         ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype, 'uuid'::regtype, 'int2'::regtype,
          'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) or t.typtype = 'e' as "typeIsKnown",
       has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage') as "mayRead",
       row_security_active(c.oid) as "rowSecurity", coalesce(am.amname, 'heap') = 'heap' as "isHeap",
       c.relnatts::int as attributes,
       exists (select from pg_attribute x where x.attrelid = c.oid and x.attnum > 0
               and (x.attisdropped or x.attgenerated = 'v')) as "hasUnstored",
       coalesce((select option_value::int from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'), 100)
         as "fillFactor",
       pg_relation_size(c.oid, 'main') as "heapMain",
       pg_relation_size(c.oid, 'main') + pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm')
         + pg_relation_size(c.oid, 'init') as "heapBytes",
       case when c.reltoastrelid = 0 then 0 else pg_total_relation_size(c.reltoastrelid) end as "toastBytes",
       c.reltoastrelid <> 0 as "hasToast",
       c.reltuples::float8 as "knownRows", c.relpages as "knownPages", c.relallvisible as "visiblePages",
       array(select x::int8::float8 from (select c.oid union select indexrelid from pg_index where indrelid = c.oid
             union select c.reltoastrelid where c.reltoastrelid <> 0
             union select indexrelid from pg_index where indrelid = c.reltoastrelid and c.reltoastrelid <> 0) r (x))
         as relations
from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_am am on am.oid = c.relam
join lateral (select * from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              and a.attname = any($1) order by array_position($1::text[], a.attname::text) limit 1) a on true
join pg_type t on t.oid = a.atttypid
where ${CANDIDATES} and not (format('%s.%s', n.nspname, c.relname) = any($2) or format('%s.*', n.nspname) = any($2))
order by n.nspname, c.relname`;

const COLUMNS = `
select a.attrelid::int8::float8 as oid, a.attname as name, a.attlen::int as length, a.attalign as align,
       a.attstorage as storage, t.typname in ('vector', 'halfvec', 'sparsevec') as "isVector"
from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = any($1::int8[]::oid[]) and a.attnum > 0 and not a.attisdropped and a.attgenerated <> 'v'
order by a.attrelid, a.attnum`;

/** Functions of the operator's own in a condition would run with our login's rights; built-in ones are not in pg_depend. */
const INDEXES = `
select i.indrelid::int8::float8 as oid, x.relname as name, pg_total_relation_size(i.indexrelid) as bytes,
       am.amname = 'btree' and i.indisvalid and i.indpred is null as "isWhole", i.indkey[0]::int as "firstColumn",
       i.indpred is not null as "isPartial",
       case when i.indpred is not null and not exists (
              select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
              and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass))
            then pg_get_expr(i.indpred, i.indrelid) end as predicate
from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am am on am.oid = x.relam
where i.indrelid = any($1::int8[]::oid[]) order by i.indrelid, x.relname`;

/** What the tables that are measured leave of the database's tables. */
const OTHER_BYTES = `
select coalesce(sum(pg_total_relation_size(c.oid)), 0)::text as bytes
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where ${CANDIDATES} and not c.oid = any($1::int8[]::oid[])`;

/** Every table with a tenant column, from the catalogue alone. @throws like `StorageSession.reading` */
export async function readCatalog(session: StorageSession, options: CatalogOptions): Promise<Catalog> {
  return session.reading(async (query) => {
    const found = await query<TableRow>(TABLES, [options.tenantColumns, options.exclude]);
    const skipped = found.flatMap((row) => {
      const reason = problemOf(row);
      return reason === undefined ? [] : [{ name: `${row.schema}.${row.table}`, reason }];
    });
    const usable = found.filter((row) => problemOf(row) === undefined);
    const oids = usable.map(({ oid }) => oid);
    const [others] = await query<{ bytes: string }>(OTHER_BYTES, [oids]);
    return { tables: await describe(query, usable), skipped, otherBytes: BigInt(others?.bytes ?? 0) };
  });
}

function problemOf(row: TableRow): string | undefined {
  if (!row.mayRead) return 'the login has no SELECT right';
  if (row.rowSecurity) return 'row security hides rows from the login (BYPASSRLS would show them)';
  if (!row.isHeap) return 'its access method is not heap';
  if (!row.typeIsKnown) return `the tenant column is of type ${row.tenantType}`;
  return undefined;
}

async function describe(query: StorageQuery, rows: readonly TableRow[]): Promise<CatalogTable[]> {
  const oids = rows.map(({ oid }) => oid);
  const columns = await query<StoredColumn & { oid: number; isVector: boolean }>(COLUMNS, [oids]);
  const indexes = await query<{
    oid: number;
    name: string;
    bytes: string;
    isWhole: boolean;
    firstColumn: number;
    isPartial: boolean;
    predicate: string | null;
  }>(INDEXES, [oids]);
  const columnsOf = byTable(columns);
  const indexesOf = byTable(indexes);
  return rows.map(({ heapMain, ...row }) => ({
    ...row,
    columns: columnsOf.get(row.oid) ?? [],
    heapPages: Number(BigInt(heapMain) / 8_192n),
    heapBytes: BigInt(row.heapBytes),
    toastBytes: BigInt(row.toastBytes),
    indexes: (indexesOf.get(row.oid) ?? []).map(({ bytes, isWhole, firstColumn, ...index }) => ({
      ...index,
      bytes: BigInt(bytes),
      leadsWithTenant: isWhole && firstColumn === row.attnum,
    })),
  }));
}

function byTable<Row extends { readonly oid: number }>(rows: readonly Row[]): Map<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.oid);
    if (group === undefined) groups.set(row.oid, [row]);
    else group.push(row);
  }
  return groups;
}

export function qualifiedName({ schema, table }: Pick<CatalogTable, 'schema' | 'table'>): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}
