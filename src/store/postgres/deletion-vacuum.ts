import pg from 'pg';
import { asTenantryError } from './retryable.ts';

/** Rewriting a big table takes its time, and nothing else waits for this connection. */
const STATEMENT_TIMEOUT_MS = 10 * 60_000;

/**
 * Rewrites the tables of the embedded server, so that rows that were deleted are in none of its files: a delete leaves
 * them in their pages, statistics keep the commonest values, and write-ahead files what was written, each until it is
 * overwritten one day. Every table is locked while it is rewritten (50 ms for 100,000 rows).
 * @param ownerUrl of the superuser
 * @throws TenantryError STORE_UNAVAILABLE
 */
export async function rewriteFiles(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, statement_timeout: STATEMENT_TIMEOUT_MS });
  client.on('error', () => {
    // The running statement fails with the same error; without a listener the process would end.
  });
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>(
      `select format('%I.%I', n.nspname, c.relname) as name from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'tenantry' and c.relkind = 'r' order by 1`,
    );
    for (const { name } of rows) await client.query(`vacuum (full, analyze) ${name}`);
    await client.query(CLEAR_STATISTICS);
    await client.query('vacuum full pg_catalog.pg_statistic');
    await dropWrittenAhead(client);
  } catch (error) {
    throw asTenantryError(error);
  } finally {
    await client.end();
  }
}

/** ANALYZE leaves those of a table that has become empty as they were. */
const CLEAR_STATISTICS = `
  select pg_catalog.pg_clear_attribute_stats(n.nspname::text, c.relname::text, a.attname::text, false)
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where n.nspname = 'tenantry' and c.relkind = 'r' and c.reltuples <= 0`;

/** What a checkpoint has made needless is deleted for once, and not kept to be written over. */
async function dropWrittenAhead(client: pg.Client): Promise<void> {
  await client.query('alter system set wal_recycle = off');
  await client.query(`alter system set min_wal_size = '32MB'`);
  try {
    await client.query('select pg_reload_conf()');
    for (let turn = 0; turn < 2; turn += 1) {
      await client.query('select pg_switch_wal()');
      await client.query('checkpoint');
    }
  } finally {
    await client.query('alter system reset wal_recycle');
    await client.query('alter system reset min_wal_size');
    await client.query('select pg_reload_conf()');
  }
}
