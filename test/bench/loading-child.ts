import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { SegmentInsert } from '../../src/store/clickhouse/clickhouse.ts';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { SegmentLoader } from '../../src/store/clickhouse/segment-loader.ts';
import { TEST_DDL, TEST_VIEWS } from '../support/embedded-clickhouse.ts';
import { ownUsage, serve } from './child-messages.ts';
import { JsonRowsInsert } from './json-rows-insert.ts';
import { exportNative, insertNative } from './native-rows.ts';

/** So many spans are in the table, and can be asked for, at this time (Unix ms). */
export interface Queryable {
  readonly at: number;
  readonly spans: number;
}

/**
 * The loader and the engine in a process of their own. `engine` is the product: the engine decodes the segment.
 * `json` decodes it with protobufjs and inserts JSONEachRow into the same `spans`, with the same rollup views on it.
 */
const [dataDir = '', way = ''] = process.argv.slice(2);
const clickhouse = new EmbeddedClickHouse({ path: join(dataDir, 'clickhouse') });
await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
const inserts = way === 'json' ? new JsonRowsInsert(clickhouse, dataDir) : clickhouse;
let watched: Queryable[] | undefined;
const loader = new SegmentLoader({
  spoolFolder: join(dataDir, 'spool'),
  clickhouse: {
    checkSegment: (segment) => clickhouse.checkSegment(segment),
    insertSegment: async (segment: SegmentInsert) => {
      await inserts.insertSegment(segment);
      watched?.push({ spans: await spansStored(), at: Date.now() });
    },
  },
  log: pino({ level: 'error' }),
});
await loader.start();

/** Sums over every rollup of the first and the last level: equal if and only if both ways did the same work. */
const SUMS = `
  SELECT (SELECT count() FROM spans) AS spans,
         (SELECT (sum(Requests), sum(Errors), sum(DurationNs), sum(ResponseBytes)) FROM requests_by_minute) AS requests,
         (SELECT (sum(Requests), sum(Errors), sum(DurationNs), sum(ResponseBytes)) FROM requests_by_day) AS requests_days,
         (SELECT (sum(Calls), sum(SlowCalls), sum(DurationNs), uniq(DbOperation)) FROM db_calls_by_day) AS db_calls,
         (SELECT (sum(Hits), sum(Misses)) FROM cache_lookups_by_day) AS cache_lookups,
         (SELECT (sum(Calls), sum(InputTokens), sum(OutputTokens), uniq(Model)) FROM ai_usage_by_day) AS ai_usage,
         (SELECT (sum(Spans), uniq(TenantId)) FROM spans_by_day) AS tenants,
         (SELECT (sum(Requests), sum(AiTokens)) FROM activity_by_ten_seconds) AS activity`;

async function spansStored(): Promise<number> {
  const [row] = await clickhouse.inspect<{ spans: string }>('SELECT count() AS spans FROM tenantry.spans');
  return Number(row?.spans);
}

async function sums(): Promise<object> {
  const [row] = await clickhouse.inspect<object>(SUMS.replaceAll(/FROM (\w+)\)/g, 'FROM tenantry.$1)'));
  const [disk] = await clickhouse.inspect<{ bytes: string }>(
    "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = 'tenantry' AND table = 'spans'",
  );
  return { sums: JSON.stringify(row), spansBytes: Number(disk?.bytes ?? 0) };
}

/** Until the merges that the inserts have caused are done: what they cost belongs to the spans. */
async function mergesDone(): Promise<void> {
  for (let quiet = 0; quiet < 4; ) {
    await sleep(250);
    const [row] = await clickhouse.inspect<{ merges: string }>('SELECT count() AS merges FROM system.merges');
    quiet = Number(row?.merges) === 0 ? quiet + 1 : 0;
  }
}

serve(
  async (request) => {
    const [verb, path = '', count = '1'] = request.split(' ');
    switch (verb) {
      case 'sums':
        return sums();
      case 'spans':
        return spansStored();
      case 'watch': {
        const seen = watched ?? [];
        watched = [];
        return seen;
      }
      case 'settle':
        await mergesDone();
        return ownUsage();
      case 'export':
        return exportNative(clickhouse, path, Number(count));
      case 'native':
        await insertNative(clickhouse, path);
        return ownUsage();
      default:
        return ownUsage();
    }
  },
  async () => {
    await loader.stop();
    await clickhouse.close();
  },
);
process.send?.({ ready: true });
