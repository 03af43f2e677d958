import type pg from 'pg';

/** How the rows of tenants lie in a table. */
type Layout = 'clustered' | 'shuffled' | 'mixed' | 'batches';

export interface TableOptions {
  readonly name: string;
  readonly layout: Layout;
  readonly tenants?: number;
  /** Of all tenants together. */
  readonly rows: number;
  /** Statements after the rows are in, `$t` for the table. */
  readonly indexes?: readonly string[];
  /** Every so many rows have some 5 kB that are kept outside the row. */
  readonly wideEvery?: number;
  /** Part of all rows that the first tenant has. */
  readonly giant?: number;
  /** Rows go to two partitions by time. */
  readonly partitioned?: boolean;
}

const ORDER: Readonly<Record<Layout, string>> = {
  clustered: 'x.n',
  shuffled: 'random()',
  // The first half was moved in tenant by tenant, the second one grew.
  mixed: 'case when x.r * 2 <= x.rows then x.n::float8 else 1000000 + random() end',
  // Imports of 300 rows of one tenant each, in any order.
  batches: "md5(x.n || ' ' || x.r / 300), x.r",
};

/**
 * A table of `rows` rows: tenant n has a part that falls with n as in real estates (few large, many small), rows of its
 * own width with some spread. The same every time.
 */
export async function createTable(client: pg.Client, options: TableOptions): Promise<void> {
  const { name, layout, tenants = 500, rows, indexes = [], wideEvery, giant = 0, partitioned = false } = options;
  await client.query(`select setseed(0.42)`);
  await client.query(`create ${partitioned ? '' : 'unlogged'} table ${name} (id bigint generated always as identity, active boolean,
    tenant_id text, created_at timestamptz, amount int, body text, wide text) ${partitioned ? 'partition by range (created_at)' : ''}`);
  if (partitioned) {
    await client.query(
      `create table ${name}_old partition of ${name} for values from (minvalue) to ('2026-01-01 00:05')`,
    );
    await client.query(`create table ${name}_new partition of ${name} default`);
  }
  const others = giant === 0 ? 1 : 1 - giant;
  await client.query(
    `with weights as (select n, 1 / (n + 8.0) as w from generate_series(1, $1::int) n),
     counts as (select n, greatest(1, floor(case when n = 1 and $3::float8 > 0 then $2::float8 * $3::float8
                  else $2::float8 * $4::float8 * w / sum(w) filter (where n > 1 or $3::float8 = 0) over () end))::int as rows from weights),
     x as (select n, rows, r from counts, generate_series(1, rows) r)
     insert into ${name} (active, tenant_id, created_at, amount, body, wide)
     select x.r % 3 = 0, 'tenant-' || x.n, '2026-01-01'::timestamptz + x.r * interval '1 minute',
            nullif(x.r % 7, 0), repeat('y', 60 + x.n % 12 * 20 + (random() * 60)::int),
            case when $5::int > 0 and x.r % greatest($5::int, 1) = 0
                 then (select string_agg(md5(random()::text || g || x.r), '') from generate_series(1, 150 + x.n % 20) g) end
     from x order by ${ORDER[layout]}`,
    [tenants, rows, giant, others, wideEvery ?? 0],
  );
  for (const statement of indexes) await client.query(statement.replaceAll('$t', name));
  await client.query(`vacuum (analyze) ${name}`);
}

/**
 * What each tenant has in one physical table, counted whole: each page goes to its tuples by their length (pageinspect),
 * values outside are as the TOAST table has them, index entries go by rows.
 */
export async function trueSizes(client: pg.Client, table: string, tenant = 'tenant_id'): Promise<Map<string, number>> {
  await client.query('create extension if not exists pageinspect');
  const { rows } = await client.query<{ tenant: string; bytes: number }>(
    `with items as (
       select format('(%s,%s)', b, lp)::tid as at,
              8192.0 * ((lp_len + 7) / 8 * 8 + 4) / sum((lp_len + 7) / 8 * 8 + 4) over (partition by b) as bytes
       from generate_series(0, pg_relation_size($1::regclass) / 8192 - 1) b, heap_page_items(get_raw_page($1::regclass::text, b::int))
       where lp_flags = 1),
     outside as (
       select chunk_id, sum(octet_length(chunk_data)) as bytes
       from ${await toastOf(client, table)} group by chunk_id),
     own as (
       select t.${tenant}::text as tenant, count(*) as rows, sum(items.bytes) as heap, coalesce(sum(o.bytes), 0) as outside
       from only ${table} t join items on items.at = t.ctid
       left join outside o on o.chunk_id = pg_column_toast_chunk_id(t.wide) group by 1)
     select tenant, (
         heap / sum(heap) over () * (pg_table_size($1::regclass) - coalesce(toast.bytes, 0))
       + coalesce(outside / nullif(sum(outside) over (), 0) * toast.bytes, 0)
       + rows / sum(rows) over () * pg_indexes_size($1::regclass))::float8 as bytes
     from own, (select case when reltoastrelid <> 0 then pg_total_relation_size(reltoastrelid) end as bytes
                from pg_class where oid = $1::regclass) toast`,
    [table],
  );
  return new Map(rows.map((row) => [row.tenant, row.bytes]));
}

async function toastOf(client: pg.Client, table: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    'select reltoastrelid::regclass::text as name from pg_class where oid = $1::regclass',
    [table],
  );
  return rows[0]?.name ?? '';
}
