import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE } from '../../src/store/clickhouse/clickhouse.ts';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { TEST_DDL, TEST_VIEWS } from '../support/embedded-clickhouse.ts';
import type { Bench } from './bench.ts';
import { type Cost, medianCost, print, printTable } from './measure.ts';
import { writeSegment } from './segments.ts';
import { telemetry } from './telemetry.ts';

const SMALL_SPANS = 16;
/** 80 requests of 512 spans: about the 16 MB at which ingest seals. */
const LARGE_REQUESTS = 80;
const ROUNDS = { small: { warmUps: 5, rounds: 21 }, large: { warmUps: 1, rounds: 5 } };

interface Stage {
  readonly name: string;
  readonly views: RegExp;
}

/** Views in the order in which a block passes them; every stage keeps those before it. */
const STAGES: readonly Stage[] = [
  { name: 'decode', views: /^$/ },
  { name: '+ span_landing', views: /^span_landing_view$/ },
  { name: '+ spans, set aside', views: /^spans(_set_aside)?_view$/ },
  { name: '+ minute rollups', views: /_(minute|ten_seconds)_view$/ },
  { name: '+ hour rollups', views: /_hour_view$/ },
  { name: '+ day rollups', views: /_day_view$/ },
];

/** Empty tables, no merges: parts of an earlier stage, merged behind a later one's back, would count as its cost. */
async function startAfresh(clickhouse: EmbeddedClickHouse): Promise<void> {
  const tables = await clickhouse.inspect<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${DATABASE}' AND engine LIKE '%MergeTree' AND name != 'schema_log'`,
  );
  for (const { name } of tables) {
    await clickhouse.command(`SYSTEM STOP MERGES ${DATABASE}.${name}`);
    await clickhouse.command(`TRUNCATE TABLE ${DATABASE}.${name}`);
  }
}

export const insertOverhead: Bench = {
  name: 'insert-overhead',
  summary: 'what one insert costs through the chain of views: a tiny segment, a full one',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'tenantry-bench-'));
    const clickhouse = new EmbeddedClickHouse({ path: join(folder, 'db') });
    try {
      const now = Date.now();
      const small = join(folder, 'small.otlp');
      const large = join(folder, 'large.otlp');
      writeSegment(small, telemetry({ requests: 1, now, spansPerRequest: SMALL_SPANS }), now);
      const requests = telemetry({ requests: LARGE_REQUESTS, now });
      writeSegment(large, requests, now);
      const spans = LARGE_REQUESTS * 512;
      const rows = [['stage', 'tiny CPU ms', 'tiny wall ms', 'added CPU ms', 'full CPU µs/span', 'added µs/span']];
      let before = { tiny: 0, full: 0 };
      for (const [index] of STAGES.entries()) {
        const stages = STAGES.slice(0, index + 1);
        const views = TEST_VIEWS.filter(({ name }) => stages.some((stage) => stage.views.test(name)));
        await migrateClickHouse(clickhouse, views, TEST_DDL);
        await startAfresh(clickhouse);
        const insert = (path: string, kind: keyof typeof ROUNDS): Promise<Cost> =>
          medianCost(ROUNDS[kind], (round) =>
            clickhouse.insertSegment({ signal: 'traces', path, token: `${kind}-${index}-${round}` }),
          );
        const tiny = await insert(small, 'small');
        const full = await insert(large, 'large');
        const perSpan = (full.cpuMs * 1_000) / spans;
        rows.push([
          STAGES[index]?.name ?? '',
          tiny.cpuMs.toFixed(1),
          tiny.wallMs.toFixed(1),
          (tiny.cpuMs - before.tiny).toFixed(1),
          perSpan.toFixed(2),
          (perSpan - before.full).toFixed(2),
        ]);
        before = { tiny: tiny.cpuMs, full: perSpan };
      }
      printTable(rows);
      const bytes = requests.reduce((sum, request) => sum + request.length, 0);
      print();
      print(`tiny: ${SMALL_SPANS} spans; full: ${spans} spans, ${(bytes / spans).toFixed(0)} bytes a span`);
      print(`peak memory of the process: ${(process.resourceUsage().maxRSS / 1_024).toFixed(0)} MB`);
    } finally {
      await clickhouse.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
