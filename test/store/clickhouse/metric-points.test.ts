/** Data points from the wire into their table: whose they are, what they say, and what is set aside. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { CUMULATIVE, metricsSegmentOf, otlpMetrics, otlpPoint, otlpSum } from '../../support/metrics.ts';
import type { OtlpMetric, OtlpMetricsRequest } from '../../support/otlp-metrics-proto.ts';
import { fullMetrics, nanos } from '../../support/otlp-metrics-samples.ts';
import type { AttributeInput } from '../../support/spans.ts';

const NOW = Date.now();
const HOUR = 3_600_000;

let store: TestClickHouse;
let tokens = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

async function take(requests: OtlpMetricsRequest[], keyTenant?: string): Promise<void> {
  tokens += 1;
  const origin = { receivedAt: NOW, ...(keyTenant === undefined ? {} : { keyTenant }) };
  await store.insert(metricsSegmentOf(requests, origin), `points-${tokens}`, 'metrics');
}

const rows = (sql: string) => store.clickhouse.inspect<Record<string, unknown>>(sql);
const pointsNamed = (name: string) => rows(`SELECT * FROM tenantry.metric_points WHERE MetricName = '${name}'`);

describe('whose point it is', () => {
  const gauge = (name: string, attributes: AttributeInput): OtlpMetric => ({
    name,
    gauge: { data_points: [otlpPoint({ at: NOW, value: 1, attributes })] },
  });

  it.each<readonly [string, AttributeInput, AttributeInput, string | undefined, string]>([
    ['point attribute', { tenant_id: 'acme' }, {}, undefined, 'acme'],
    ['older point attribute', { 'tenant.id': 'acme' }, {}, undefined, 'acme'],
    ['first of several', { 'tenant.id': 'second', tenant_id: 'first' }, {}, undefined, 'first'],
    ['resource attribute', {}, { tenant_id: 'from-resource' }, undefined, 'from-resource'],
    ['point before resource', { 'tenant.id': 'point' }, { tenant_id: 'resource' }, undefined, 'point'],
    ['bound key before everything', { tenant_id: 'claimed' }, {}, 'bound', 'bound'],
    ['malformed claim', { tenant_id: '../etc' }, {}, undefined, '(unknown)'],
    ['integer id', { tenant_id: 42 }, {}, undefined, '42'],
    ['nobody', {}, {}, undefined, '(unknown)'],
    ['what nobody can be charged for', { tenant_id: '(unattributed)' }, {}, undefined, '(unattributed)'],
    ['that, before the resource', { tenant_id: '(unattributed)' }, { tenant_id: 'r' }, undefined, '(unattributed)'],
    ['that, not against a bound key', { tenant_id: '(unattributed)' }, {}, 'bound', 'bound'],
    ['the tenants beyond those told apart', { tenant_id: '(other)' }, {}, undefined, '(other)'],
    ['a name in parentheses that means nothing', { tenant_id: '(all)' }, {}, undefined, '(unknown)'],
    ['more than such a name', { tenant_id: '(other)x' }, {}, undefined, '(unknown)'],
  ])('%s', async (name, attributes, resource, keyTenant, expected) => {
    await take([otlpMetrics([gauge(name, attributes)], resource)], keyTenant);
    expect((await pointsNamed(name)).map((point) => point['TenantId'])).toEqual([expected]);
  });
});

describe('what a point says', () => {
  it('is kept for every kind of data: the value, or how often something was observed and its sum', async () => {
    const resource = { 'service.name': 'shop', 'service.instance.id': 'shop-1', 'host.name': 'h' };
    await take([otlpMetrics(fullMetrics(NOW), resource)]);
    const found = await rows(
      `SELECT MetricName, Unit, Kind, Temporality, Value, Observations FROM tenantry.metric_points
       WHERE TenantId = 'acme' AND ServiceName = 'shop' AND ServiceInstance = 'shop-1' AND ScopeName = 'test'
         AND ResourceAttributes['host.name'] = 'h' AND Attributes['http.request.method'] = 'GET'
       ORDER BY MetricName, Value`,
    );
    const point = (MetricName: string, Unit: string, Kind: string, Temporality: string, Value: number, n = 0) => ({
      MetricName,
      Unit,
      Kind,
      Temporality,
      Value,
      Observations: n,
    });
    expect(found).toEqual([
      point('app.requests', '{request}', 'Sum', 'Delta', -7),
      point('app.requests', '{request}', 'Sum', 'Delta', 0.25),
      point('app.temperature', 'Cel', 'Gauge', 'Unspecified', 21.5),
      point('gen_ai.client.operation.duration', 's', 'ExponentialHistogram', 'Delta', 12.5, 5),
      point('http.server.request.duration', 's', 'Histogram', 'Delta', 12.5, 5),
      point('old.latency', 's', 'Summary', 'Unspecified', 12.5, 5),
    ]);
  });

  it('has its times to the nanosecond, and its attributes as text', async () => {
    const more = { start_time_unix_nano: nanos(NOW).replace(/.$/, '1'), time_unix_nano: nanos(NOW).replace(/.$/, '7') };
    const attributes = {
      text: 'é ✓',
      whole: -3,
      half: 0.5,
      yes: true,
      none: {},
      bytes: { bytes_value: Buffer.from('ab') },
    };
    await take([otlpMetrics([otlpSum('exact', 's', [{ at: NOW, value: 1, attributes, more }])])]);
    const [found] = await rows(
      `SELECT toString(toUnixTimestamp64Nano(StartTime)) AS start, toString(toUnixTimestamp64Nano(Time)) AS end, Attributes
       FROM tenantry.metric_points WHERE MetricName = 'exact'`,
    );
    expect(found).toEqual({
      start: more.start_time_unix_nano,
      end: more.time_unix_nano,
      Attributes: { bytes: 'YWI=', half: '0.5', none: '', text: 'é ✓', whole: '-3', yes: 'true' },
    });
  });

  it('stays apart from its neighbours: many metrics, scopes and resources in one request', async () => {
    const metric = (service: string, name: string): OtlpMetric =>
      otlpSum(
        `${service}.${name}`,
        's',
        Array.from({ length: 3 }, (_, n) => ({ at: NOW, value: n, attributes: { n, service } })),
      );
    const requests = ['a', 'b'].map((service) =>
      otlpMetrics([metric(service, 'x'), { name: 'empty', gauge: {} }, metric(service, 'y')], {
        'service.name': service,
      }),
    );
    const merged = { resource_metrics: requests.flatMap(({ resource_metrics }) => resource_metrics ?? []) };
    await take([merged, otlpMetrics([metric('c', 'x')], { 'service.name': 'c' })]);
    const found = await rows(
      `SELECT ServiceName, MetricName, groupArray(Value) AS values, countIf(Attributes['service'] != ServiceName OR Attributes['n'] != toString(Value)) AS mixed
       FROM (SELECT * FROM tenantry.metric_points WHERE has(mapKeys(Attributes), 'n') ORDER BY Value) GROUP BY ALL ORDER BY ALL`,
    );
    expect(found).toEqual(
      ['a.x', 'a.y', 'b.x', 'b.y', 'c.x'].map((name) => ({
        ServiceName: name[0],
        MetricName: name,
        values: [0, 1, 2],
        mixed: 0,
      })),
    );
  });
});

describe('points that cannot be used are set aside with the reason', () => {
  const sumOf = (name: string, point: Partial<Parameters<typeof otlpPoint>[0]>, unit = 's') =>
    otlpSum(name, unit, [{ at: NOW, value: 1, ...point }]);

  it.each<readonly [string, OtlpMetric, string]>([
    ['too-old', sumOf('too-old', { at: NOW - 49 * HOUR }), 'too old'],
    ['future', sumOf('future', { at: NOW + 400_000 }), 'in the future'],
    ['zero', sumOf('zero', { more: { time_unix_nano: '0', start_time_unix_nano: '0' } }), 'too old'],
    ['max', sumOf('max', { more: { time_unix_nano: '18446744073709551615' } }), 'in the future'],
    ['backwards', sumOf('backwards', { more: { start_time_unix_nano: nanos(NOW + 1) } }), 'ends before it starts'],
    ['nan', sumOf('nan', { value: Number.NaN }), 'value is not a finite number'],
    ['endless', sumOf('endless', { value: Number.POSITIVE_INFINITY }), 'value is not a finite number'],
    ['shrinking', sumOf('shrinking', { value: -1 }), 'negative value of a monotonic sum'],
    ['stale', sumOf('stale', { more: { flags: 1 } }), 'no recorded value'],
    ['valueless', { name: 'valueless', gauge: { data_points: [{ time_unix_nano: nanos(NOW) }] } }, 'no value'],
    ['tenantry.cpu.time', sumOf('tenantry.cpu.time', { value: 9_000_001 }), 'value is out of range'],
    ['tenantry.memory.allocated', sumOf('tenantry.memory.allocated', { value: 1e16 }, 'By'), 'value is out of range'],
    ['', sumOf('', {}), 'metric without a name'],
  ])('%s', async (name, metric, reason) => {
    await take([otlpMetrics([metric, sumOf(`${name}-good`, {})])]);
    const where = `WHERE MetricName = '${name}'`;
    expect(await rows(`SELECT Reason FROM tenantry.metric_points_set_aside ${where}`)).toEqual([{ Reason: reason }]);
    expect(await pointsNamed(name)).toEqual([]);
    expect(await pointsNamed(`${name}-good`)).toHaveLength(1);
  });

  it('takes a start that is not known or long ago: cumulative sums begin with their process', async () => {
    const more = { start_time_unix_nano: nanos(NOW - 1_000 * HOUR) };
    await take([
      otlpMetrics([
        otlpSum('since-long', 's', [{ at: NOW, value: 5, more }], CUMULATIVE),
        { name: 'no-start', gauge: { data_points: [{ time_unix_nano: nanos(NOW), as_int: 5 }] } },
      ]),
    ]);
    expect(await pointsNamed('since-long')).toMatchObject([{ Temporality: 'Cumulative', Value: 5 }]);
    expect(await pointsNamed('no-start')).toHaveLength(1);
  });
});

describe("OTLP's official example", () => {
  it('is set aside as it is from 2018, and stored once its times are now', async (ctx) => {
    const example = readExample();
    if (example === undefined) return ctx.skip('../shared/data/otlp is not here');
    await take([example('1544712660300000000')]);
    expect(
      await rows(
        "SELECT MetricName, Reason FROM tenantry.metric_points_set_aside WHERE ServiceName = 'my.service' ORDER BY MetricName",
      ),
    ).toEqual(
      ['my.counter', 'my.exponential.histogram', 'my.gauge', 'my.histogram'].map((MetricName) => ({
        MetricName,
        Reason: 'too old',
      })),
    );
    await take([example(nanos(NOW))]);
    expect(
      await rows(
        `SELECT MetricName, Kind, Value, Observations, Attributes FROM tenantry.metric_points
         WHERE ServiceName = 'my.service' ORDER BY MetricName`,
      ),
    ).toEqual([
      {
        MetricName: 'my.counter',
        Kind: 'Sum',
        Value: 5,
        Observations: 0,
        Attributes: { 'my.counter.attr': 'some value' },
      },
      {
        MetricName: 'my.exponential.histogram',
        Kind: 'ExponentialHistogram',
        Value: 10,
        Observations: 3,
        Attributes: { 'my.exponential.histogram.attr': 'some value' },
      },
      {
        MetricName: 'my.gauge',
        Kind: 'Gauge',
        Value: 10,
        Observations: 0,
        Attributes: { 'my.gauge.attr': 'some value' },
      },
      {
        MetricName: 'my.histogram',
        Kind: 'Histogram',
        Value: 2,
        Observations: 2,
        Attributes: { 'my.histogram.attr': 'some value' },
      },
    ]);
  });
});

/** The OTLP/JSON example of opentelemetry-proto with these times, as protobuf objects; undefined where it is absent. */
function readExample(): ((time: string) => OtlpMetricsRequest) | undefined {
  let text: string;
  try {
    text = readFileSync(new URL('../../../../shared/data/otlp/metrics.json', import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
  const snake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const convert = (value: unknown, time: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => convert(item, time));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        snake(name),
        name.endsWith('UnixNano') ? time : convert(item, time),
      ]),
    );
  };
  return (time) => convert(JSON.parse(text), time) as OtlpMetricsRequest;
}
