import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { TEST_DDL, TEST_VIEWS } from '../support/embedded-clickhouse.ts';
import type { Bench } from './bench.ts';
import { print, printTable } from './measure.ts';
import { writeSegment } from './segments.ts';
import { telemetry } from './telemetry.ts';

const SAMPLES = [10, 100, 1_000];
const STATES = 200;
/** Log-normal milliseconds, median 30, as request latencies are. */
const LATENCY = 'exp(3.4 + 0.9 * randNormal(0, 1))';

export const rollups: Bench = {
  name: 'rollups',
  summary: 'size and error of a latency sketch, bytes of a row of every rollup',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'tenantry-bench-'));
    const clickhouse = new EmbeddedClickHouse({ path: join(folder, 'db') });
    try {
      await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
      await sketches(clickhouse);
      print();
      await rows(clickhouse, folder);
    } finally {
      await clickhouse.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function sketches(clickhouse: EmbeddedClickHouse): Promise<void> {
  const table = [['samples', 'state B', 'P50 error', 'P95 error', 'P99 error', 'after merging 200: P95 error']];
  for (const samples of SAMPLES) {
    // The nearest rank that the sketch approximates is an element of the set, so the reference is one too.
    const values = `SELECT number % ${STATES} AS key, ${LATENCY} AS ms FROM numbers(${STATES * samples})`;
    await clickhouse.command(`CREATE TABLE tenantry.samples_${samples} ENGINE = Memory AS ${values}`);
    const [row] = await clickhouse.inspect<{ bytes: number; errors: number[]; merged: number }>(`
      WITH states AS (
        SELECT key, quantilesDDState(0.005, 0.5, 0.95, 0.99)(ms) AS state,
               quantilesExactLow(0.5, 0.95, 0.99)(ms) AS exact,
               finalizeAggregation(state) AS estimated
        FROM tenantry.samples_${samples} GROUP BY key)
      SELECT avg(length(CAST(state, 'String'))) AS bytes,
             [max(abs(estimated[1] / exact[1] - 1)), max(abs(estimated[2] / exact[2] - 1)), max(abs(estimated[3] / exact[3] - 1))] AS errors,
             abs((quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(state))[2] / (SELECT quantileExactLow(0.95)(ms) FROM tenantry.samples_${samples}) - 1) AS merged
      FROM states`);
    if (row === undefined) throw new Error('no row came back');
    const percent = (share: number | undefined) => `${(100 * (share ?? Number.NaN)).toFixed(2)} %`;
    const { bytes, errors, merged } = row;
    table.push([String(samples), bytes.toFixed(0), ...errors.map(percent), percent(merged)]);
  }
  printTable(table);
  print(`errors: the worst of ${STATES} sketches, against the exact nearest rank of the same samples`);
}

async function rows(clickhouse: EmbeddedClickHouse, folder: string): Promise<void> {
  // Four hours, one segment in each quarter of a minute of them, would take long; one request a minute makes as many rows.
  const path = join(folder, 'segment.otlp');
  const now = Date.now();
  const minutes = 240;
  const requests = Array.from({ length: minutes }, (_, minute) =>
    telemetry({ requests: 1, now: now - minute * 60_000 }),
  ).flat();
  for (let from = 0; from < requests.length; from += 60) {
    writeSegment(path, requests.slice(from, from + 60), now);
    await clickhouse.insertSegment({ signal: 'traces', path, token: `rollups-${from}` });
  }
  const tables = await clickhouse.inspect<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = 'tenantry' AND engine LIKE '%MergeTree' AND name != 'schema_log' ORDER BY name",
  );
  for (const { name } of tables) await clickhouse.command(`OPTIMIZE TABLE tenantry.${name} FINAL`);
  const parts = await clickhouse.inspect<{ table: string; rows: string; bytes: string }>(
    "SELECT table, sum(rows) AS rows, sum(data_compressed_bytes) AS bytes FROM system.parts WHERE active AND database = 'tenantry' AND table != 'schema_log' GROUP BY table ORDER BY table",
  );
  printTable([
    ['table', 'rows', 'B/row'],
    ...parts.map(({ table, rows: count, bytes }) => [table, String(count), (Number(bytes) / Number(count)).toFixed(1)]),
  ]);
  print(`${requests.length * 512} spans over ${minutes} minutes, 40 tenants; compressed, merged`);
}
