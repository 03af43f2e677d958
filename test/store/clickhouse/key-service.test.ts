/** Keys that are bound to a service: what the key says overrules what the telemetry claims. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { metricsSegmentOf, otlpMetrics, otlpPoint } from '../../support/metrics.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const NOW = Date.now();
let store: TestClickHouse;
let tokens = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

const token = () => {
  tokens += 1;
  return `key-service-${tokens}`;
};
const origin = (keyService: string | undefined) => ({
  receivedAt: NOW,
  ...(keyService === undefined ? {} : { keyService }),
});

const CASES = [
  ['a key of any service', undefined, { 'service.name': 'claimed' }, 'claimed'],
  ['a bound key against a claim', 'bound', { 'service.name': 'claimed' }, 'bound'],
  ['a bound key without a claim', 'bound', {}, 'bound'],
] as const;

describe('the service', () => {
  it.each(CASES)('of a span: %s', async (name, keyService, resource, expected) => {
    const request = otlpRequest([otlpSpan({ name, start: NOW })], resource);
    await store.insert(segmentOf([request], origin(keyService)), token());
    const sql = `SELECT ServiceName, ResourceAttributes FROM tenantry.spans WHERE SpanName = '${name}'`;
    expect(await store.clickhouse.inspect(sql)).toEqual([{ ServiceName: expected, ResourceAttributes: resource }]);
  });

  it.each(CASES)('of a data point: %s', async (name, keyService, resource, expected) => {
    const request = otlpMetrics([{ name, gauge: { data_points: [otlpPoint({ at: NOW, value: 1 })] } }], resource);
    await store.insert(metricsSegmentOf([request], origin(keyService)), token(), 'metrics');
    const sql = `SELECT ServiceName, ResourceAttributes FROM tenantry.metric_points WHERE MetricName = '${name}'`;
    expect(await store.clickhouse.inspect(sql)).toEqual([{ ServiceName: expected, ResourceAttributes: resource }]);
  });

  it('is told apart request by request within one segment, also beside records of before the field', async () => {
    const requests = ['old', 'new'].map((name) => otlpRequest([otlpSpan({ name, start: NOW })]));
    const segment = Buffer.concat([
      segmentOf(requests.slice(0, 1), origin(undefined)),
      segmentOf(requests.slice(1), origin('bound')),
    ]);
    await store.insert(segment, token());
    const sql = `SELECT SpanName, ServiceName FROM tenantry.spans WHERE SpanName IN ('old', 'new') ORDER BY SpanName`;
    expect(await store.clickhouse.inspect(sql)).toEqual([
      { SpanName: 'new', ServiceName: 'bound' },
      { SpanName: 'old', ServiceName: 'shop' },
    ]);
  });
});

it('an explicit unknown tenant is not looked for on the resource', async () => {
  const request = otlpRequest([otlpSpan({ name: 'unknown', start: NOW, attributes: { tenant_id: '(unknown)' } })], {
    tenant_id: 'from-resource',
  });
  await store.insert(segmentOf([request], origin(undefined)), token());
  const sql = `SELECT TenantId FROM tenantry.spans WHERE SpanName = 'unknown'`;
  expect(await store.clickhouse.inspect(sql)).toEqual([{ TenantId: '(unknown)' }]);
});
