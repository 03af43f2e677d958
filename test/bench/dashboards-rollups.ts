/** Thirty days of minute rollups of many tenants, written into the stores of a stopped Tenantry. */
import { join } from 'node:path';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { print } from './measure.ts';
import { benchTenantSql } from './tenants.ts';

const DAYS = 30;
/** Written whole: each tenant in each minute. Before it, few tenants are always busy and most now and then. */
const FULL_HOURS = 2;
/** Tenants up to this rank are active in each minute, the others by rank: 300 of 10,000 in an ordinary minute. */
const ALWAYS_ACTIVE = 50;

interface Stretch {
  readonly from: number;
  readonly minutes: number;
  readonly whole: boolean;
}

/** Pairs of tenant and minute; who is active when is the same on every run. */
function cells(tenants: number, { minutes, whole }: Stretch): string {
  const all = `SELECT number % ${tenants} AS tenant, intDiv(number, ${tenants}) AS minute FROM numbers(${tenants * minutes})`;
  return whole
    ? all
    : `${all} WHERE (cityHash64(tenant, minute) % 1000000) * (tenant + 1) < ${ALWAYS_ACTIVE * 1_000_000}`;
}

async function seedStretch(clickhouse: EmbeddedClickHouse, tenants: number, stretch: Stretch): Promise<void> {
  const name = `${benchTenantSql('tenant')} AS TenantId`;
  const time = `toDateTime(${stretch.from / 1_000} + minute * 60, 'UTC') AS Time`;
  const from = cells(tenants, stretch);
  // Hours and days follow by the views, as from real spans.
  await clickhouse.command(
    `INSERT INTO tenantry.requests_by_minute (TenantId, ServiceName, Route, Time, Requests, Errors, DurationNs, RequestBytes, ResponseBytes, Latency)
     SELECT ${name}, 'api', ['GET /orders', 'POST /orders', 'GET /search'][tenant % 3 + 1], ${time}, 12, toUInt64(minute % 17 = 0), 12 * 40000000, 12 * 800, 12 * 9000,
            quantilesDDState(0.005, 0.5, 0.95, 0.99)(latency)
     FROM (SELECT tenant, minute, arrayJoin([20., 25., 40., 44. + tenant % 60, 90. + minute % 13, 240. + tenant % 500]) AS latency FROM (${from}))
     GROUP BY tenant, minute`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.db_calls_by_minute (TenantId, ServiceName, DbSystem, DbOperation, Time, Calls, Errors, SlowCalls, DurationNs)
     SELECT ${name}, 'api', 'postgresql', 'SELECT', ${time}, 30, 0, 0, 30 * 3000000 FROM (${from})`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.spans_by_minute (TenantId, ServiceName, Time, Spans) SELECT ${name}, 'api', ${time}, 42 FROM (${from})`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.cache_lookups_by_minute (TenantId, ServiceName, Time, Hits, Misses)
     SELECT ${name}, 'api', ${time}, 9, 3 FROM (${from})`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.ai_usage_by_minute (TenantId, ServiceName, Provider, Model, Operation, InputTier, Time, Calls, Errors, DurationNs, InputTokens, OutputTokens)
     SELECT ${name}, 'api', 'openai', 'gpt-4o-mini', 'chat', 0, ${time}, 1, 0, 900000000, 1200, 200 FROM (${from}) WHERE tenant % 10 = 0`,
  );
}

/** Up to the full minute before `now`. One data folder at a time in a process, and no server on it. */
export async function seedMinuteRollups(dataDir: string, tenants: number, now: number): Promise<void> {
  const clickhouse = new EmbeddedClickHouse({ path: join(dataDir, 'clickhouse') });
  try {
    const end = Math.floor(now / 60_000) * 60_000;
    const fullFrom = end - FULL_HOURS * HOUR_MS;
    const begin = fullFrom - DAYS * DAY_MS;
    for (let from = begin; from < fullFrom; ) {
      // By days of the calendar: an insert then makes parts of one day only.
      const to = Math.min(fullFrom, Math.floor(from / DAY_MS + 1) * DAY_MS);
      await seedStretch(clickhouse, tenants, { from, minutes: (to - from) / 60_000, whole: false });
      print(`  ${new Date(from).toISOString().slice(0, 10)} written`);
      from = to;
    }
    const half = ((end - fullFrom) / 60_000) >> 1;
    for (const part of [0, 1]) {
      await seedStretch(clickhouse, tenants, { from: fullFrom + part * half * 60_000, minutes: half, whole: true });
    }
    const [rows] = await clickhouse.inspect<{ rows: number; newest: number }>(
      `SELECT toUInt32(count()) AS rows, toUInt32(countIf(Time >= toDateTime(${fullFrom / 1_000}))) AS newest FROM tenantry.requests_by_minute`,
    );
    print(`  ${rows?.rows} minute rows of requests, ${rows?.newest} of them in the last ${FULL_HOURS} hours`);
  } finally {
    await clickhouse.close();
  }
}
