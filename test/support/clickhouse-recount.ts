import type { View } from '../../src/aggregate/views.ts';
import type { ClickHouse } from '../../src/store/clickhouse/clickhouse.ts';

type Inspector = Pick<ClickHouse, 'inspect'>;

/**
 * Where a rollup is not what its view makes of the table that it reads, counted again from the start: the target's name
 * with rows that stand on one side only. Sketches are compared by the percentiles that they give.
 */
export async function rollupsThatDiffer(clickhouse: Inspector, views: readonly View[]): Promise<string[]> {
  const different: string[] = [];
  for (const { target, select } of views) {
    if (target === undefined || /FROM \w*landing/.test(select)) continue;
    const columns = await columnsOf(clickhouse, target);
    const stored = await linesOf(clickhouse, `SELECT ${columns} FROM tenantry.${target} FINAL`);
    const counted = await linesOf(clickhouse, `SELECT ${columns} FROM (${select})`);
    const [left, right] = [new Set(stored), new Set(counted)];
    const odd = [...stored, ...counted].filter((line) => !left.has(line) || !right.has(line));
    if (odd.length > 0) different.push(`${target}: ${odd.slice(0, 4).join(' ')}`);
  }
  return different;
}

async function columnsOf(clickhouse: Inspector, table: string): Promise<string> {
  const columns = await clickhouse.inspect<{ name: string; type: string }>(
    `SELECT name, type FROM system.columns WHERE database = 'tenantry' AND table = '${table}' ORDER BY position`,
  );
  return columns
    .map(({ name, type }) => (type.startsWith('AggregateFunction') ? `finalizeAggregation(${name}) AS ${name}` : name))
    .join(', ');
}

async function linesOf(clickhouse: Inspector, sql: string): Promise<string[]> {
  return (await clickhouse.inspect<object>(sql)).map((row) => JSON.stringify(row)).toSorted();
}
