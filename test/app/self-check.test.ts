import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sendTrace } from '../../src/app/self-check-client.ts';
import { SelfCheck } from '../../src/app/self-check-run.ts';
import type { SelfCheckFailure } from '../../src/domain/self-check.ts';
import { KEY_SNAPSHOT_FILE } from '../../src/domain/spool-format.ts';
import { selfCheckTenant } from '../../src/domain/tenant-id.ts';
import { SegmentLoader } from '../../src/store/clickhouse/segment-loader.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { IngestBench } from '../support/ingest-bench.ts';
import { silentLog } from '../support/postgres.ts';

const STARTS = Array.from({ length: 20 }, (_, index) => ({
  key: `key-of-start-${index}-of-the-self-check`,
  tenant: selfCheckTenant(index.toString(16).padStart(8, '0')),
}));
const LATE_MS = 3_000;

let store: TestClickHouse;
let ingest: IngestBench;
let loader: SegmentLoader;
let starts = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
  ingest = new IngestBench();
  await ingest.start({ TENANTRY_SEGMENT_AGE_MS: '50' });
  const keys = STARTS.map(({ key, tenant }) => ({
    ...{ id: tenant, sha256: createHash('sha256').update(key).digest('hex'), scopes: ['ingest'], tenantId: tenant },
  }));
  writeFileSync(join(ingest.dir.spool, KEY_SNAPSHOT_FILE), JSON.stringify({ revision: 1, keys }));
  loader = newLoader();
  await loader.start();
});
afterAll(async () => {
  await loader.stop();
  await ingest.end();
  await store.stop();
});

const newLoader = () =>
  new SegmentLoader({ spoolFolder: ingest.dir.spool, clickhouse: store.clickhouse, log: silentLog });

/** A check of its own, whose spans nobody else touches. */
function newCheck(more: Partial<ConstructorParameters<typeof SelfCheck>[0]> = {}) {
  const start = STARTS[starts];
  if (start === undefined) throw new Error('more starts than keys');
  starts += 1;
  const { key, tenant } = start;
  const check = new SelfCheck({
    ...{ clickhouse: store.clickhouse, tenant, activitySeconds: 10, lateMs: LATE_MS, settleMs: 300 },
    send: (trace) => sendTrace(trace, ingest.url, key),
    ...more,
  });
  return { check, tenant };
}

const briefly = (failures: readonly SelfCheckFailure[] | undefined) =>
  failures?.map(({ stage, fault }) => `${stage}: ${fault}`);
/** Mutations run in the background unless one asks for their end. */
const finished = (sql: string) => (sql.startsWith('ALTER') ? `${sql} SETTINGS mutations_sync = 2` : sql);

describe('a self-check', () => {
  it('finds nothing wrong at any stage, run after run, and says how late spans are seen', async () => {
    const { check, tenant } = newCheck();
    for (let run = 0; run < 3; run += 1) expect(await check.run()).toEqual([]);
    expect(check.standing()).toMatchObject({ runs: 3, failures: [], failingSince: null, lagMs: expect.any(Number) });
    const [stored] = await store.clickhouse.inspect(
      `SELECT count() AS spans, uniqExact(TenantId) AS tenants, any(ServiceName) AS service FROM tenantry.spans WHERE TenantId = '${tenant}'`,
    );
    expect(stored).toEqual({ spans: 15, tenants: 1, service: 'tenantry-self-check' });
  });

  it('does not mix up what two servers on the same stores send at the same time', async () => {
    const [one, other] = [newCheck().check, newCheck().check];
    for (let run = 0; run < 2; run += 1) expect(await Promise.all([one.run(), other.run()])).toEqual([[], []]);
  });

  const rollups = ['minute', 'hour', 'day'] as const;
  it.each<[what: string, expected: readonly string[], sql: (tenant: string) => readonly string[]]>([
    [
      'a span that is gone',
      ['spans: missing'],
      (of) => [`ALTER TABLE tenantry.spans DELETE WHERE TenantId = '${of}' AND SpanName = 'self-check work'`],
    ],
    [
      'tokens of a span that changed',
      ['spans: wrong_value'],
      (of) => [
        `ALTER TABLE tenantry.spans UPDATE AiInputTokens = 7 WHERE TenantId = '${of}' AND SpanName = 'chat self-check'`,
      ],
    ],
    [
      'a span that is there twice, at every stage behind it too',
      ['spans: doubled', 'minute: doubled', 'hour: doubled', 'day: doubled', 'activity: doubled'],
      (of) => [
        `INSERT INTO tenantry.spans SELECT * FROM tenantry.spans WHERE TenantId = '${of}' AND SpanName = 'GET /self-check'`,
      ],
    ],
    [
      'cache lookups that are gone from a rollup',
      rollups.map((stage) => `${stage}: missing`),
      (of) => rollups.map((stage) => `ALTER TABLE tenantry.cache_lookups_by_${stage} DELETE WHERE TenantId = '${of}'`),
    ],
    [
      'tokens that changed in a rollup',
      rollups.map((stage) => `${stage}: wrong_value`),
      (of) =>
        rollups.map(
          (stage) =>
            `ALTER TABLE tenantry.ai_usage_by_${stage} UPDATE InputTokens = InputTokens + 1 WHERE TenantId = '${of}'`,
        ),
    ],
    [
      'a latency that is not that of the requests',
      // The day is made of the hour.
      ['hour: wrong_value', 'day: doubled'],
      (of) => [
        `CREATE TABLE tenantry.slow_requests AS tenantry.requests_by_hour ENGINE = Memory`,
        `INSERT INTO tenantry.slow_requests SELECT * REPLACE ((SELECT quantilesDDState(0.005, 0.5, 0.95, 0.99)(9000.) FROM numbers(2)) AS Latency)
         FROM tenantry.requests_by_hour WHERE TenantId = '${of}'`,
        `ALTER TABLE tenantry.requests_by_hour DELETE WHERE TenantId = '${of}'`,
        'INSERT INTO tenantry.requests_by_hour SELECT * FROM tenantry.slow_requests',
      ],
    ],
    [
      "activity that is gone from the detector's table",
      ['activity: missing'],
      (of) => [`ALTER TABLE tenantry.activity_by_ten_seconds DELETE WHERE TenantId = '${of}'`],
    ],
  ])('tells of %s', async (_what, expected, sql) => {
    const { check, tenant } = newCheck();
    expect(await check.run()).toEqual([]);
    for (const statement of sql(tenant)) await store.clickhouse.command(finished(statement));
    expect(briefly(await check.run())).toEqual(expected);
    expect(check.standing()).toMatchObject({ runs: 2, failingSince: expect.any(Number) });
  });

  it('tells of spans that are late, and that all is well once they came', async () => {
    const { check } = newCheck({ lateMs: 500 });
    await loader.stop();
    expect(briefly(await check.run())).toEqual(['spans: late']);
    const since = check.standing().failingSince;
    expect(briefly(await check.run())).toContain('spans: late');
    expect(check.standing().failingSince).toBe(since);
    loader = newLoader();
    await loader.start();
    await vi.waitFor(async () => expect(await check.run()).toEqual([]), { timeout: 20_000 });
    expect(check.standing().failingSince).toBeNull();
  });

  it('tells of a receiver that does not acknowledge, with its reason', async () => {
    const { check } = newCheck({ lateMs: 0, send: (trace) => sendTrace(trace, ingest.url, 'a key that is not known') });
    expect(await check.run()).toEqual([
      {
        ...{ stage: 'acknowledged', fault: 'not_acknowledged' },
        text: 'The receiver did not acknowledge spans of the self-check: Unauthorized',
      },
    ]);
  });

  it('tells of a store that does not answer', async () => {
    const clickhouse = { rows: () => Promise.reject(new Error('connect ECONNREFUSED')) };
    const { check } = newCheck({ lateMs: 0, clickhouse });
    const [failure] = (await check.run()) ?? [];
    expect(failure).toMatchObject({ stage: 'spans', fault: 'late', text: expect.stringContaining('ECONNREFUSED') });
  });

  it('ends without a verdict when it is stopped', async () => {
    await loader.stop();
    const { check } = newCheck({ lateMs: 60_000 });
    const running = check.run();
    check.stop();
    expect(await running).toBeUndefined();
    expect(check.standing()).toMatchObject({ runs: 0, failures: [] });
  });
});
