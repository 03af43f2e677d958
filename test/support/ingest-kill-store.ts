import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { TEST_VIEWS } from './embedded-clickhouse.ts';
import { KILL_TENANTS, nothingSent, type Sent } from './ingest-kill-sender.ts';

interface Count {
  readonly rows: number;
  readonly distinct: number;
}

export interface StoredAccount {
  readonly spans: Count;
  readonly points: Count;
  /** By step of the rollups and tenant, in the same figures in which the clients count. */
  readonly byTenant: Readonly<Record<'minute' | 'hour' | 'day', ReadonlyMap<string, Sent>>>;
  /** Rollups whose sums are not those of the table that they are made from. */
  readonly differing: readonly string[];
  /** Rollups that were looked at. */
  readonly views: number;
}

/** Reads the whole account of a store that no other process has open. */
export async function storedAccount(path: string): Promise<StoredAccount> {
  const clickhouse = new EmbeddedClickHouse({ path });
  try {
    const views = await rollups(clickhouse);
    const differing: string[] = [];
    for (const view of views) if (await differs(clickhouse, view)) differing.push(view.target);
    return {
      spans: await countOf(clickhouse, 'spans', '(TraceId, SpanId)'),
      points: await countOf(clickhouse, 'metric_points', "Attributes['test.id']"),
      byTenant: {
        minute: await tenantSums(clickhouse, 'minute'),
        hour: await tenantSums(clickhouse, 'hour'),
        day: await tenantSums(clickhouse, 'day'),
      },
      ...{ differing, views: views.length },
    };
  } finally {
    await clickhouse.close();
  }
}

async function countOf(clickhouse: EmbeddedClickHouse, table: string, id: string): Promise<Count> {
  const [row] = await clickhouse.inspect<Record<keyof Count, string>>(
    `SELECT count() AS rows, uniqExact(${id}) AS distinct FROM tenantry.${table}`,
  );
  return { rows: Number(row?.rows), distinct: Number(row?.distinct) };
}

interface Rollup {
  readonly target: string;
  readonly select: string;
  readonly sums: readonly string[];
}

/** Every materialized view that fills a table of sums, whoever declared it. */
async function rollups(clickhouse: EmbeddedClickHouse): Promise<Rollup[]> {
  const columns = await clickhouse.inspect<{ table: string; name: string }>(
    "SELECT table, name FROM system.columns WHERE database = 'tenantry' AND type LIKE 'SimpleAggregateFunction(sum,%'",
  );
  return TEST_VIEWS.flatMap(({ target, select }) => {
    const sums = columns.filter(({ table }) => table === target).map(({ name }) => name);
    return target === undefined || sums.length === 0 ? [] : [{ target, select, sums }];
  });
}

async function differs(clickhouse: EmbeddedClickHouse, { target, select, sums }: Rollup): Promise<boolean> {
  const ask = (from: string) =>
    clickhouse.inspect(
      `SELECT TenantId, ${sums.map((name) => `sum(rollup.${name})`).join(', ')} FROM ${from} AS rollup GROUP BY TenantId ORDER BY TenantId`,
    );
  const [fresh, kept] = [await ask(`(${select})`), await ask(target)];
  return JSON.stringify(fresh) !== JSON.stringify(kept);
}

/** Column of a rollup that answers to each figure. */
const FIGURES: readonly (readonly [figure: keyof Sent, table: string, column: string])[] = [
  ['spans', 'spans_by', 'Spans'],
  ['requests', 'requests_by', 'Requests'],
  ['dbCalls', 'db_calls_by', 'Calls'],
  ['aiCalls', 'ai_usage_by', 'Calls'],
  ['inputTokens', 'ai_usage_by', 'InputTokens'],
  ['cacheHits', 'cache_lookups_by', 'Hits'],
  ['cpuNs', 'resource_use_by', 'CpuNs'],
];

async function tenantSums(clickhouse: EmbeddedClickHouse, step: 'minute' | 'hour' | 'day'): Promise<Map<string, Sent>> {
  const sums = new Map<string, Sent>(KILL_TENANTS.map((tenant) => [tenant, nothingSent()]));
  const add = (tenant: string, figure: keyof Sent, value: number) => {
    const sum = sums.get(tenant) ?? nothingSent();
    sum[figure] = value;
    sums.set(tenant, sum);
  };
  const tables = FIGURES.map(([figure, table, column]) => [figure, `${table}_${step}`, `sum(${column})`] as const);
  for (const [figure, table, sum] of [...tables, ['points', 'metric_points', 'count()'] as const]) {
    const rows = await clickhouse.inspect<{ TenantId: string; value: string }>(
      `SELECT TenantId, toUInt64(${sum}) AS value FROM tenantry.${table} GROUP BY TenantId`,
    );
    for (const { TenantId, value } of rows) add(TenantId, figure, Number(value));
  }
  return sums;
}
