/** What tenants use of processes: what is added up, what is not, and that nothing is added up twice. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { CUMULATIVE, metricsSegmentOf, otlpMetrics, otlpSum, type PointInput } from '../../support/metrics.ts';
import type { OtlpMetric } from '../../support/otlp-metrics-proto.ts';

const MINUTE_MS = 60_000;
/** A minute that is surely over, so that no test straddles a boundary. */
const MINUTE = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 10 * MINUTE_MS;

let store: TestClickHouse;
let tokens = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

async function insert(metrics: OtlpMetric[], token?: string, service = 'shop'): Promise<Buffer> {
  tokens += 1;
  const segment = metricsSegmentOf([otlpMetrics(metrics, { 'service.name': service })], { receivedAt: Date.now() });
  await store.insert(segment, token ?? `use-${tokens}`, 'metrics');
  return segment;
}

const rows = (sql: string) => store.clickhouse.inspect<Record<string, unknown>>(sql);
const point = (tenant_id: string, value: number, attributes = {}): PointInput => ({
  at: MINUTE + 30_000,
  value,
  attributes: { tenant_id, ...attributes },
});

/** Every sum of a tenant on a level, and 0 for what is not there. */
async function useOf(tenant: string, level = 'minute'): Promise<Record<string, unknown>> {
  const [found = {}] = await rows(
    `SELECT sum(CpuNs) AS cpu, sum(CpuSamples) AS samples, sum(EventLoopNs) AS loop, sum(NetworkReceiveBytes) AS received,
            sum(NetworkTransmitBytes) AS sent, sum(AllocatedBytes) AS allocated, sum(PointsNotAdded) AS notAdded
     FROM tenantry.resource_use_by_${level} WHERE TenantId = '${tenant}'`,
  );
  return found;
}

const ALL = { cpu: 0, samples: 0, loop: 0, received: 0, sent: 0, allocated: 0, notAdded: 0 };

/** One point of each metric that the middleware sends. */
function everything(tenant: string): OtlpMetric[] {
  return [
    otlpSum('tenantry.cpu.time', 's', [point(tenant, 0.125), point(tenant, 1e-9)]),
    otlpSum('tenantry.cpu.samples', '{sample}', [point(tenant, 12)]),
    otlpSum('tenantry.event_loop.time', 's', [point(tenant, 0.5)]),
    otlpSum('tenantry.network.io', 'By', [
      point(tenant, 1_000, { 'network.io.direction': 'receive' }),
      point(tenant, 9_007_199_254, { 'network.io.direction': 'transmit' }),
    ]),
    otlpSum('tenantry.memory.allocated', 'By', [point(tenant, 4_096)]),
    otlpSum('tenantry.process.cpu.time', 's', [{ at: MINUTE, value: 3 }]),
  ];
}

const EVERYTHING = {
  cpu: 125_000_001,
  samples: 12,
  loop: 500_000_000,
  received: 1_000,
  sent: 9_007_199_254,
  allocated: 4_096,
  notAdded: 0,
};

describe('the use of a tenant', () => {
  it.each(['minute', 'hour', 'day'])('is added up exactly by %s, of all processes of a service', async (level) => {
    const tenant = `adds-${level}`;
    for (const service of ['shop', 'shop', 'billing']) await insert(everything(tenant), undefined, service);
    const tripled = Object.fromEntries(Object.entries(EVERYTHING).map(([name, value]) => [name, 3 * value]));
    expect(await useOf(tenant, level)).toEqual(tripled);
    expect(
      await rows(
        `SELECT ServiceName, sum(CpuSamples) AS n FROM tenantry.resource_use_by_${level} WHERE TenantId = '${tenant}' GROUP BY ALL ORDER BY ALL`,
      ),
    ).toEqual([
      { ServiceName: 'billing', n: 12 },
      { ServiceName: 'shop', n: 24 },
    ]);
  });

  it('loses no digit over ten thousand small points', async () => {
    const points = Array.from({ length: 10_000 }, () => point('tiny', 0.1));
    await insert([otlpSum('tenantry.cpu.time', 's', points)]);
    expect(await useOf('tiny', 'day')).toEqual({ ...ALL, cpu: 1_000_000_000_000 });
  });

  it('belongs to the minute in which its interval ended; one that ends on the full minute to the one before', async () => {
    const at = [MINUTE, MINUTE + 1, MINUTE + MINUTE_MS];
    const points = at.map((time, index) => ({ at: time, value: 10 ** index, attributes: { tenant_id: 'edges' } }));
    await insert([otlpSum('tenantry.cpu.samples', '{sample}', points)]);
    const found = await rows(
      "SELECT toUnixTimestamp(Time) * 1000 AS at, sum(CpuSamples) AS n FROM tenantry.resource_use_by_minute WHERE TenantId = 'edges' GROUP BY ALL ORDER BY ALL",
    );
    expect(found).toEqual([
      { at: MINUTE - MINUTE_MS, n: 1 },
      { at: MINUTE, n: 110 },
    ]);
  });

  it('does not have the time of the whole process in it: nobody is charged twice', async () => {
    await insert(everything('beside-process'));
    expect(await useOf('(unknown)')).toEqual(ALL);
    expect(
      await rows("SELECT DISTINCT TenantId FROM tenantry.metric_points WHERE MetricName = 'tenantry.process.cpu.time'"),
    ).toEqual([{ TenantId: '(unknown)' }]);
  });
});

describe('what is no delta of the expected kind', () => {
  const cpu = (unit: string, value: number, more: Partial<OtlpMetric['sum']> = {}): OtlpMetric => {
    const metric = otlpSum('tenantry.cpu.time', unit, [point('odd', value)]);
    return { ...metric, sum: { ...metric.sum, ...more } };
  };

  it('is kept as points, not added up, and counted', async () => {
    await insert([
      cpu('s', 1),
      cpu('s', 100, { aggregation_temporality: CUMULATIVE }),
      cpu('s', 200, { aggregation_temporality: 0 }),
      cpu('s', 300, { is_monotonic: false }),
      cpu('ms', 400),
      { name: 'tenantry.cpu.time', unit: 's', gauge: { data_points: [{ ...cpu('s', 500).sum?.data_points?.[0] }] } },
      otlpSum('tenantry.network.io', 'By', [point('odd', 600), point('odd', 700, { 'network.io.direction': 'up' })]),
    ]);
    for (const level of ['minute', 'hour', 'day']) {
      expect(await useOf('odd', level)).toEqual({ ...ALL, cpu: 1_000_000_000, notAdded: 7 });
    }
    expect(await rows("SELECT count() AS n FROM tenantry.metric_points WHERE TenantId = 'odd'")).toEqual([{ n: 8 }]);
  });
});

describe('a repeated segment', () => {
  const LEVELS = ['minute', 'hour', 'day'];
  async function sums(tenant: string): Promise<unknown[]> {
    const [points] = await rows(`SELECT count() AS n FROM tenantry.metric_points WHERE TenantId = '${tenant}'`);
    return [points, ...(await Promise.all(LEVELS.map((level) => useOf(tenant, level))))];
  }

  it('counts nothing twice, on no level', async () => {
    const segment = await insert(everything('twice'), 'the-same');
    const once = await sums('twice');
    expect(once).toEqual([{ n: 7 }, EVERYTHING, EVERYTHING, EVERYTHING]);
    await store.insert(segment, 'the-same', 'metrics');
    expect(await sums('twice')).toEqual(once);
    await store.insert(segment, 'another-token', 'metrics');
    expect((await sums('twice'))[0]).toEqual({ n: 14 });
  });

  it.each(['metric_landing', 'metric_points', 'resource_use_by_minute', 'resource_use_by_hour'])(
    'completes what is missing, and only that, when the first attempt died after %s',
    async (table) => {
      const tenant = `died-after-${table.replaceAll('_', '-')}`;
      // A view that fails stands for a process that dies there: what was written before it stays.
      for (const name of ['aa_dies', 'zz_dies']) {
        await store.clickhouse.command(
          `CREATE MATERIALIZED VIEW tenantry.${name} TO tenantry.metric_points_set_aside AS
           SELECT TenantId, throwIf(TenantId = '${tenant}', 'died here')::String AS Reason FROM tenantry.${table}`,
        );
        await expect(insert(everything(tenant), tenant)).rejects.toThrow();
        await store.clickhouse.command(`DROP VIEW tenantry.${name} SYNC`);
      }
      await insert(everything(tenant), tenant);
      expect(await sums(tenant)).toEqual([{ n: 7 }, EVERYTHING, EVERYTHING, EVERYTHING]);
    },
  );
});
