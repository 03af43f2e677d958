import { TenantryError } from '../../domain/errors.ts';
import type { AuditedTable, StatementSnapshot } from '../../domain/query-audit.ts';
import { postgresCode } from './retryable.ts';
import { type StorageQuery, StorageSession } from './storage-session.ts';
import { quoteIdentifier } from './storage-tuple-sql.ts';

export interface QueryAuditSource {
  readonly snapshot: StatementSnapshot;
  readonly tables: readonly AuditedTable[];
}

export interface QueryAuditDatabaseOptions {
  readonly url: string;
  /** Names that a tenant column may have. */
  readonly tenantColumns: readonly string[];
  readonly statementTimeoutMs?: number;
}

const STATEMENT_TIMEOUT_MS = 15_000;
/** As many as servers keep by default (`pg_stat_statements.max`). */
const MAX_STATEMENTS = 5_000;
const MAX_QUERY_BYTES = 20_000;
const MAX_TABLES = 20_000;
/** Marks what is asked here, so that the look does not see itself. */
const OURS = '/* tenantry:query-audit */';
/** object_not_in_prerequisite_state */
const NOT_LOADED = '55000';

/**
 * What one database of the operator's says of itself, read in one short read-only transaction.
 * @throws TenantryError NOT_SUPPORTED_HERE when `pg_stat_statements` is not there, STORE_UNAVAILABLE, QUERY_TIMEOUT, FORBIDDEN
 */
export async function readQueryAuditSource(options: QueryAuditDatabaseOptions): Promise<QueryAuditSource> {
  const session = await StorageSession.open({
    url: options.url,
    statementTimeoutMs: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
  });
  try {
    return await session.reading(async (query) => {
      const schema = await extensionSchema(query);
      return { tables: await readTables(query, options.tenantColumns), snapshot: await readSnapshot(query, schema) };
    });
  } catch (error) {
    // The extension is there, and its library was not loaded at the start of the server.
    throw postgresCode((error as { cause?: unknown }).cause) === NOT_LOADED ? notCounting(error) : error;
  } finally {
    await session.close();
  }
}

async function extensionSchema(query: StorageQuery): Promise<string> {
  const [row] = await query<{ schema: string }>(
    `select ${OURS} n.nspname::text as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace
     where e.extname = 'pg_stat_statements'`,
  );
  if (row === undefined) throw notCounting();
  return quoteIdentifier(row.schema);
}

function notCounting(cause?: unknown): TenantryError {
  return new TenantryError('NOT_SUPPORTED_HERE', 'The database does not count its statements (pg_stat_statements).', {
    hint: 'Add pg_stat_statements to shared_preload_libraries, restart PostgreSQL, and run "create extension pg_stat_statements".',
    cause,
  });
}

/** Without pg_read_all_stats the login sees of other users' statements only that they are there. */
async function readSnapshot(query: StorageQuery, schema: string): Promise<StatementSnapshot> {
  const [info] = await query<{ takenAt: number; statsReset: number | null; forgotten: string; hidden: string }>(
    `select ${OURS} extract(epoch from clock_timestamp())::float8 * 1000 as "takenAt",
            extract(epoch from stats_reset)::float8 * 1000 as "statsReset", dealloc::text as forgotten,
            (select count(*)::text from ${schema}.pg_stat_statements s join pg_database d on d.oid = s.dbid
             where d.datname = current_database() and s.queryid is null) as hidden
     from ${schema}.pg_stat_statements_info`,
  );
  const statements = await query<StatementSnapshot['statements'][number]>(
    `select ${OURS} s.userid || '/' || s.queryid || '/' || s.toplevel as key, coalesce(r.rolname, s.userid::text) as "user",
            coalesce(r.rolsuper or r.rolbypassrls, false) as "bypassesRowSecurity",
            left(coalesce(s.query, ''), ${MAX_QUERY_BYTES}) as query,
            s.calls::float8 as calls, s.total_exec_time as "totalMs", s.rows::float8 as rows
     from ${schema}.pg_stat_statements s left join pg_roles r on r.oid = s.userid
     where s.dbid = (select oid from pg_database where datname = current_database()) and s.queryid is not null
           and s.query not like '%${OURS}%'
     order by s.total_exec_time desc limit ${MAX_STATEMENTS}`,
  );
  return {
    takenAt: info?.takenAt ?? 0,
    statsReset: info?.statsReset ?? null,
    forgotten: Number(info?.forgotten ?? 0),
    hidden: Number(info?.hidden ?? 0),
    statements,
  };
}

/** Tables and views with a tenant column, and views that read such tables without passing the column on. */
async function readTables(query: StorageQuery, tenantColumns: readonly string[]): Promise<readonly AuditedTable[]> {
  return query<AuditedTable>(
    `with relation as (
       select c.oid, n.nspname::text as schema, c.relname::text as name, c.relkind, c.relowner, c.relrowsecurity,
              c.relforcerowsecurity,
              array(select a.attname::text from pg_attribute a
                    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname = any($1::text[])
                    order by a.attnum) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
     ), hidden as (
       select w.ev_class as oid, array_agg(distinct t.schema || '.' || t.name) as tables
       from pg_rewrite w
       join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
       join relation t on t.oid = d.refobjid and t.oid <> w.ev_class and t.columns <> '{}'
       group by w.ev_class
     )
     select ${OURS} r.schema, r.name, pg_get_userbyid(r.relowner)::text as owner, r.columns as "tenantColumns",
            case when not r.relrowsecurity then 'off' when r.relforcerowsecurity then 'forced' else 'enabled' end
              as "rowSecurity",
            coalesce(case when r.columns = '{}' then h.tables end, '{}') as hides,
            exists (select from relation o where o.name = r.name and o.schema <> r.schema and o.columns = '{}')
              as "hasNamesake"
     from relation r left join hidden h on h.oid = r.oid
     where r.columns <> '{}' or (r.relkind in ('v', 'm') and h.tables is not null)
     order by r.schema, r.name limit ${MAX_TABLES}`,
    [tenantColumns],
  );
}
