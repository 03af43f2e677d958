import { join } from 'node:path';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { TEST_DDL, TEST_VIEWS } from '../support/embedded-clickhouse.ts';
import type { Bench } from './bench.ts';
import { collectorLookupTable, collectorTable } from './collector-table.ts';
import { print, printTable } from './measure.ts';
import { writeSegment } from './segments.ts';
import { SPANS_PER_REQUEST, telemetry } from './telemetry.ts';
import { temporaryFolder } from './temporary-folder.ts';

const GOAL = 0.7;
const MINUTES = 60;
const REQUESTS_A_SEGMENT = 80;
const COLUMNS_SHOWN = 12;
const COLLECTOR = 'tenantry.collector_traces';
const LOOKUP = 'tenantry.collector_traces_trace_id_ts';

/** So many requests of 512 spans in each of the minutes. */
const KINDS = [
  { name: 'HTTP and database', modelShare: 0, requestsAMinute: 8 },
  { name: 'a call to a model in one trace of five', modelShare: 0.2, requestsAMinute: 8 },
  { name: 'a call to a model in every trace', modelShare: 1, requestsAMinute: 8 },
  { name: 'a call to a model in one trace of five, a tenth of the load', modelShare: 0.2, requestsAMinute: 1 },
] as const;

interface ColumnSize {
  readonly column: string;
  readonly bytes: string;
}

export const bytesPerSpan: Bench = {
  name: 'bytes-per-span',
  summary: "bytes of a span on disk after merges, beside the OpenTelemetry Collector exporter's table",
  async run() {
    const folder = temporaryFolder();
    const clickhouse = new EmbeddedClickHouse({ path: join(folder.path, 'db') });
    try {
      await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
      const rows = [['spans', 'count', 'B/span', "exporter's", 'ratio', 'with its lookup table', 'ratio']];
      let missed = false;
      for (const [index, { name, modelShare, requestsAMinute }] of KINDS.entries()) {
        await clickhouse.command('TRUNCATE TABLE tenantry.spans');
        const now = Date.now();
        const requests = Array.from({ length: MINUTES }, (_, minute) =>
          telemetry({
            requests: requestsAMinute,
            now: now - minute * 60_000,
            modelShare,
            seed: index * 1_000 + minute,
          }),
        ).flat();
        await load(clickhouse, folder.path, requests, `kind-${index}`);
        await fillCollectorTables(clickhouse);
        const spans = requests.length * SPANS_PER_REQUEST;
        const [own, theirs, lookup] = await Promise.all(
          ['spans', COLLECTOR, LOOKUP].map((table) => bytesOf(clickhouse, table.replace('tenantry.', ''), spans)),
        );
        const perSpan = (bytes = Number.NaN) => (bytes / spans).toFixed(1);
        const ratio = (own ?? Number.NaN) / (theirs ?? Number.NaN);
        missed ||= !(ratio <= GOAL);
        const both = (theirs ?? 0) + (lookup ?? 0);
        rows.push([
          ...[name, String(spans), perSpan(own), perSpan(theirs), ratio.toFixed(2)],
          ...[perSpan(both), ((own ?? Number.NaN) / both).toFixed(2)],
        ]);
        if (!(ratio <= GOAL)) await printColumns(clickhouse, name, spans);
      }
      printTable(rows);
      print(`goal: a ratio of at most ${GOAL}: ${missed ? 'missed' : 'met'}`);
    } finally {
      await clickhouse.close();
      folder.remove();
    }
  },
};

async function load(
  clickhouse: EmbeddedClickHouse,
  folder: string,
  requests: readonly Uint8Array[],
  token: string,
): Promise<void> {
  const path = join(folder, 'segment.otlp');
  for (let from = 0; from < requests.length; from += REQUESTS_A_SEGMENT) {
    writeSegment(path, requests.slice(from, from + REQUESTS_A_SEGMENT), Date.now());
    await clickhouse.insertSegment({ signal: 'traces', path, token: `${token}-${from}` });
  }
  await clickhouse.command('OPTIMIZE TABLE tenantry.spans FINAL');
}

/** The same spans, as the exporter would have written them. */
async function fillCollectorTables(clickhouse: EmbeddedClickHouse): Promise<void> {
  for (const table of [COLLECTOR, LOOKUP]) await clickhouse.command(`DROP TABLE IF EXISTS ${table} SYNC`);
  await clickhouse.command(collectorTable(COLLECTOR));
  await clickhouse.command(collectorLookupTable(LOOKUP));
  await clickhouse.command(`INSERT INTO ${COLLECTOR} SELECT * EXCEPT TenantId FROM tenantry.otel_traces`);
  await clickhouse.command(
    `INSERT INTO ${LOOKUP} SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM ${COLLECTOR} GROUP BY TraceId`,
  );
  for (const table of [COLLECTOR, LOOKUP]) await clickhouse.command(`OPTIMIZE TABLE ${table} FINAL`);
}

/** With marks and indices. @throws when other spans are there than those that were put in */
async function bytesOf(clickhouse: EmbeddedClickHouse, table: string, spans: number): Promise<number> {
  const [row] = await clickhouse.inspect<{ bytes: string; rows: string }>(
    `SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts WHERE active AND database = 'tenantry' AND table = '${table}'`,
  );
  const isLookup = table === LOOKUP.replace('tenantry.', '');
  if (!isLookup && Number(row?.rows) !== spans) throw new Error(`${table} has ${row?.rows} rows of ${spans} spans`);
  return Number(row?.bytes);
}

async function printColumns(clickhouse: EmbeddedClickHouse, kind: string, spans: number): Promise<void> {
  const [own, theirs] = await Promise.all(
    ['spans', 'collector_traces'].map((table) =>
      clickhouse.inspect<ColumnSize>(
        `SELECT * FROM (
           SELECT column, sum(column_bytes_on_disk) AS bytes FROM system.parts_columns WHERE active AND database = 'tenantry' AND table = '${table}' GROUP BY column
           UNION ALL SELECT concat('index ', name), data_compressed_bytes FROM system.data_skipping_indices WHERE database = 'tenantry' AND table = '${table}'
         ) ORDER BY bytes DESC`,
      ),
    ),
  );
  const cells = ({ column, bytes }: ColumnSize = { column: '', bytes: '' }) => [
    column,
    bytes === '' ? '' : (Number(bytes) / spans).toFixed(2),
  ];
  const lines = Array.from({ length: COLUMNS_SHOWN }, (_, index) => [
    ...cells(own?.[index]),
    ...cells(theirs?.[index]),
  ]);
  printTable([[kind, 'B/span', "exporter's", 'B/span'], ...lines]);
  print();
}
