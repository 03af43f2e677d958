import { join } from 'node:path';
import { pino } from 'pino';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { SegmentLoader } from '../../src/store/clickhouse/segment-loader.ts';
import { TEST_DDL, TEST_VIEWS } from '../support/embedded-clickhouse.ts';
import { ownUsage, serve } from './child-messages.ts';
import { JsonRowsInsert } from './json-rows-insert.ts';

/**
 * The loader and the engine in a process of their own. `engine` is the product: the engine decodes the segment.
 * `json` decodes it with protobufjs and inserts JSONEachRow into the same `spans`, with the same rollup views on it.
 */
const [dataDir = '', way = ''] = process.argv.slice(2);
const clickhouse = new EmbeddedClickHouse({ path: join(dataDir, 'clickhouse') });
await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
const loader = new SegmentLoader({
  spoolFolder: join(dataDir, 'spool'),
  clickhouse: way === 'json' ? new JsonRowsInsert(clickhouse, dataDir) : clickhouse,
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

serve(
  async (request) => {
    if (request !== 'sums') return ownUsage();
    const [row] = await clickhouse.inspect<object>(SUMS.replaceAll(/FROM (\w+)\)/g, 'FROM tenantry.$1)'));
    const [disk] = await clickhouse.inspect<{ bytes: string }>(
      "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = 'tenantry' AND table = 'spans'",
    );
    return { sums: JSON.stringify(row), spansBytes: Number(disk?.bytes ?? 0) };
  },
  async () => {
    await loader.stop();
    await clickhouse.close();
  },
);
process.send?.({ ready: true });
