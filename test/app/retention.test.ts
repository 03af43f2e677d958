import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RetentionRunner, refuseLonger } from '../../src/app/retention.ts';
import {
  effectiveRetention,
  isRetentionDue,
  type LastRun,
  NO_RETENTION,
  nextRetentionRun,
  type RetentionDays,
} from '../../src/domain/retention.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, floorTo, HOUR_MS } from '../../src/domain/window.ts';
import { agingTables } from '../../src/store/clickhouse/retention.ts';
import type { TenantRetention } from '../../src/store/postgres/lifecycle-retention.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { silentLog } from '../support/postgres.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const INSTALLATION = { spans: 7, points: 7, minutes: 30, hours: 400, days: 1_830 };
/** `acme` and `bolt` have less kept; the others, of names that look alike, do not. `held` is under a legal hold. */
const TENANTS = ['acme', 'Acme', 'acme-2', 'acme|bolt', 'bolt', 'carol', 'held'];
const NOW = Date.now();
const TODAY = floorTo(NOW, DAY_MS);
const SERVER = 2;

let store: TestClickHouse;
beforeAll(async () => {
  store = await startTestClickHouse();
  for (let daysAgo = 0; daysAgo < 6; daysAgo += 1) {
    const start = NOW - daysAgo * DAY_MS - 60_000;
    const spans = TENANTS.flatMap((tenant, index) =>
      Array.from({ length: 20 + index }, (_, n) =>
        otlpSpan({
          ...{ kind: SERVER, name: 'GET /orders', start: start + n, durationMs: 5 + ((n * 7) % 90) },
          attributes: { tenant_id: tenant, 'http.request.method': 'GET', 'http.route': '/orders' },
        }),
      ),
    );
    await store.insert(segmentOf([otlpRequest(spans)], { receivedAt: start + 1_000 }), `day-${daysAgo}`);
  }
  // Rollups of long ago, as time would have made them.
  for (const table of ['requests_by_hour', 'requests_by_day', 'spans_by_hour', 'spans_by_day']) {
    await store.clickhouse.command(
      `INSERT INTO tenantry.${table} SELECT * REPLACE (Time - INTERVAL 200 DAY AS Time) FROM tenantry.${table}`,
    );
  }
});
afterAll(() => store.stop());

const rows = <Row extends object>(sql: string) => store.clickhouse.inspect<Row>(sql);

/** Every row of every table whose rows end by age, by tenant: how many, and the sum of their hashes. */
async function fingerprints(where = 'true'): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { name } of await agingTables(store.clickhouse)) {
    const [size] = await rows<{ n: string }>(`SELECT count() AS n FROM tenantry.${name}`);
    if (Number(size?.n) === 0) continue;
    // Merged to the end, rows are the same rows whenever they are looked at.
    await store.clickhouse.command(`OPTIMIZE TABLE tenantry.${name} FINAL`);
    const columns = await rows<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = 'tenantry' AND table = '${name}' AND default_kind != 'ALIAS'`,
    );
    const values = columns.map((one) =>
      one.type.startsWith('AggregateFunction') ? `finalizeAggregation(${one.name})` : one.name,
    );
    const hashed = await rows<{ TenantId: string; n: string; sum: string }>(
      `SELECT TenantId, count() AS n, toString(sum(cityHash64(toString(tuple(${values.join(', ')}))))) AS sum
       FROM tenantry.${name} WHERE ${where} GROUP BY TenantId`,
    );
    for (const { TenantId, n, sum } of hashed) found[`${name} ${TenantId}`] = `${n} ${sum}`;
  }
  return found;
}

const rules = (id: string, of: Partial<TenantRetention> = {}): TenantRetention => ({
  ...{ tenantId: id as TenantId, plan: 'team', planDays: NO_RETENTION, tenantDays: NO_RETENTION, legalHold: false },
  ...of,
});
const SHORT: RetentionDays = { ...NO_RETENTION, spans: 2, minutes: 3, hours: 35, days: 92 };
const RULES = [
  rules('acme', { tenantDays: SHORT }),
  rules('bolt', { planDays: { ...NO_RETENTION, spans: 1 } }),
  rules('held', { tenantDays: SHORT, legalHold: true }),
  rules('carol', { tenantDays: { ...NO_RETENTION, spans: 700 } }),
];

async function run(ruled: () => readonly TenantRetention[]) {
  const progress: number[][] = [];
  const ends: (string | null)[] = [];
  const runner = new RetentionRunner({
    store: {
      ruled: async () => ruled(),
      progress: async (_id, { tenants, tablesTotal, tablesDone, rowsRemoved }) => {
        progress.push([tenants, tablesTotal, tablesDone, rowsRemoved]);
      },
      finish: async (_id, problem) => void ends.push(problem),
    },
    ...{ clickhouse: store.clickhouse, installation: INSTALLATION, log: silentLog },
  });
  await runner.run({ id: 'run' }, NOW);
  return { progress, ends, removed: progress.at(-1)?.[3] };
}
const mutations = async () => Number((await rows<{ n: string }>('SELECT count() AS n FROM system.mutations'))[0]?.n);

describe('a run', () => {
  it('removes what is older than each tenant keeps, and not one row of anybody else', async () => {
    const others = `TenantId NOT IN ('acme', 'bolt')`;
    const kept = `(${others}
      OR (TenantId = 'acme' AND Time >= toDateTime(${(TODAY - 92 * DAY_MS) / 1_000}, 'UTC'))
      OR (TenantId = 'bolt'))`;
    const before = await fingerprints(others);
    const [daysBefore] = await rows(`SELECT sum(Requests) AS n FROM tenantry.requests_by_day WHERE ${kept}`);

    const { progress, ends, removed } = await run(() => RULES);
    expect(ends).toEqual([null]);
    expect(progress[0]?.[0]).toBe(2);
    expect(progress.at(-1)?.[2]).toBe(progress.at(-1)?.[1]);
    expect(removed).toBeGreaterThan(100);

    expect(await fingerprints(others)).toEqual(before);
    expect(Object.keys(before).some((name) => name.endsWith(' held'))).toBe(true);
    const oldest = async (tenant: string, table: string, time: string) =>
      (
        await rows<{ at: number }>(
          `SELECT toUnixTimestamp(min(${time})) AS at FROM tenantry.${table} WHERE TenantId = '${tenant}'`,
        )
      )[0]?.at;
    for (const [tenant, days] of [
      ['acme', 2],
      ['bolt', 1],
    ] as const) {
      const [left] = await rows<{ n: string }>(`SELECT count() AS n FROM tenantry.spans WHERE TenantId = '${tenant}'`);
      expect(Number(left?.n)).toBe((days + 1) * (tenant === 'acme' ? 20 : 24));
      expect(await oldest(tenant, 'spans', 'Timestamp')).toBeGreaterThanOrEqual((TODAY - days * DAY_MS) / 1_000);
    }
    expect(await oldest('acme', 'requests_by_minute', 'Time')).toBeGreaterThanOrEqual((TODAY - 3 * DAY_MS) / 1_000);
    expect(await oldest('acme', 'requests_by_hour', 'Time')).toBeGreaterThanOrEqual((TODAY - 35 * DAY_MS) / 1_000);
    // What its plan says nothing about stays: costs of closed months go on adding up.
    expect(await oldest('bolt', 'requests_by_day', 'Time')).toBeLessThan((TODAY - 190 * DAY_MS) / 1_000);
    expect(await rows(`SELECT sum(Requests) AS n FROM tenantry.requests_by_day WHERE ${kept}`)).toEqual([daysBefore]);
  });

  it('on the same day again touches nothing', async () => {
    const before = await mutations();
    expect((await run(() => RULES)).removed).toBe(0);
    expect(await mutations()).toBe(before);
  });

  it('spares from the next table on whoever comes under a legal hold meanwhile, and says why it failed', async () => {
    const before = await mutations();
    let asked = 0;
    const one = rules('carol', { tenantDays: SHORT });
    await run(() => {
      asked += 1;
      return [{ ...one, legalHold: asked > 1 }];
    });
    expect((await mutations()) - before).toBeLessThanOrEqual(1);
    const [left] = await rows<{ n: string }>(`SELECT count() AS n FROM tenantry.spans WHERE TenantId = 'carol'`);
    expect(Number(left?.n)).toBe(6 * 25);
    const failed = await run(() => {
      throw new Error('no database');
    });
    expect(failed.ends).toEqual(['no database']);
    expect((await run(() => [rules(`x' OR 1=1`, { tenantDays: SHORT })])).ends).toEqual(['A tenant id is malformed']);
  });
});

describe('how long something is kept', () => {
  it.each([
    [NO_RETENTION, NO_RETENTION, { days: 7, source: 'installation' }],
    [{ ...NO_RETENTION, spans: 3 }, NO_RETENTION, { days: 3, source: 'plan' }],
    [
      { ...NO_RETENTION, spans: 3 },
      { ...NO_RETENTION, spans: 5 },
      { days: 5, source: 'tenant' },
    ],
    [
      { ...NO_RETENTION, spans: 3 },
      { ...NO_RETENTION, minutes: 5 },
      { days: 3, source: 'plan' },
    ],
    // The installation keeps less today than when this was said.
    [NO_RETENTION, { ...NO_RETENTION, spans: 30 }, { days: 7, source: 'installation' }],
  ] as const)('by plan %j and tenant %j is %j', (plan, tenant, expected) => {
    expect(effectiveRetention('spans', INSTALLATION, plan, tenant)).toEqual(expected);
  });

  it('is never said to be longer than for the installation', () => {
    expect(() => refuseLonger({ ...NO_RETENTION, hours: 401 }, INSTALLATION)).toThrow(/400 days/);
    expect(refuseLonger({ ...NO_RETENTION, hours: 400 }, INSTALLATION)).toBeUndefined();
  });
});

describe('the daily run', () => {
  const at = (days: number, hours: number) => Date.UTC(2026, 5, 15) + days * DAY_MS + hours * HOUR_MS;
  const last = (startedAt: number, state: LastRun['state'] = 'done') => ({ startedAt, state });
  it.each([
    ['at its hour', last(at(-1, 3)), at(0, 3), true],
    ['before its hour', last(at(-1, 3)), at(0, 2.9), false],
    ['twice', last(at(0, 3)), at(0, 5), false],
    ['late in the same night', last(at(-1, 3)), at(0, 8.9), true],
    ['by day, after a night off', last(at(-1, 3)), at(0, 9.1), false],
    ['by day, after two nights off', last(at(-2, 3)), at(0, 9.1), true],
    ['for the first time by day', undefined, at(0, 12), false],
    ['for the first time at its hour', undefined, at(0, 3.5), true],
    ['while one runs', last(at(-3, 3), 'running'), at(0, 3), false],
    ['while one waits', last(at(-3, 3), 'asked'), at(0, 3), false],
    ['an hour after one that failed', last(at(0, 3), 'failed'), at(0, 4), true],
    ['right after one that failed', last(at(0, 3), 'failed'), at(0, 3.5), false],
  ])('begins or not: %s', (_name, before, now, due) => {
    expect(isRetentionDue(before, now, 3)).toBe(due);
  });

  it('comes next at its hour', () => {
    expect(nextRetentionRun(at(0, 2), 3)).toBe(at(0, 3));
    expect(nextRetentionRun(at(0, 3), 3)).toBe(at(1, 3));
  });
});
