/** OpenTelemetry's own SDK and exporter, without any of Tenantry's library, against a whole Tenantry. */
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK, resources } from '@opentelemetry/sdk-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MetricSeries, TenantList } from '../../src/api/contract.ts';
import { inspectStore } from '../support/flow-otlp.ts';
import { endEverything, type FlowTenantry, INGEST_KEY, startTenantry } from '../support/flow-tenantry.ts';

const ROUNDS = 50;

interface StoredSpan {
  TraceId: string;
  SpanId: string;
  ParentSpanId: string;
  SpanName: string;
  SpanKind: string;
  ServiceName: string;
  TenantId: string;
  ScopeName: string;
  ScopeVersion: string;
  ResourceAttributes: Record<string, string>;
  SpanAttributes: Record<string, string>;
  Nanos: string;
  Duration: string | number;
  StatusCode: string;
  StatusMessage: string;
  EventNames: string[];
  EventAttributes: Record<string, string>[];
  LinkedSpans: string[];
  LinkAttributes: Record<string, string>[];
}

let tenantry: FlowTenantry;
let exported: readonly ReadableSpan[];
let stored: readonly StoredSpan[];

class WatchedExporter extends OTLPTraceExporter {
  readonly spans: ReadableSpan[] = [];
  override export(spans: ReadableSpan[], done: Parameters<OTLPTraceExporter['export']>[1]): void {
    this.spans.push(...spans);
    super.export(spans, done);
  }
}

function makeSpans(round: number): void {
  const tracer = trace.getTracer('billing-lib', '2.3.4');
  const request = tracer.startSpan('GET /invoices/:id', {
    kind: SpanKind.SERVER,
    attributes: {
      'tenant.id': `customer-${round % 5}`,
      'http.request.method': 'GET',
      'http.route': '/invoices/:id',
      'http.response.status_code': round % 10 === 0 ? 503 : 200,
      'app.tags': ['paid', 'late'],
      'app.amounts': [1.5, 2],
      'app.trial': false,
    },
  });
  const query = tracer.startSpan(
    'SELECT invoices',
    {
      kind: SpanKind.CLIENT,
      attributes: { 'tenant.id': `customer-${round % 5}`, 'db.system.name': 'mysql', 'db.operation.name': 'SELECT' },
      links: [{ context: request.spanContext(), attributes: { why: 'same transaction' } }],
    },
    trace.setSpan(context.active(), request),
  );
  query.addEvent('rows read', { count: round, note: 'größer als 0 ✓' });
  query.setStatus({ code: SpanStatusCode.ERROR, message: 'lock timeout' });
  query.end();
  request.end();
}

/** What an app measures: exact binary fractions, so that their sums are exact in whatever order they are made. */
async function sendMetrics(): Promise<void> {
  const exporter = new OTLPMetricExporter({
    url: `${tenantry.otlpUrl}/v1/metrics`,
    headers: { 'x-tenantry-key': INGEST_KEY },
    temporalityPreference: AggregationTemporality.DELTA,
    compression: 'gzip' as never,
  });
  const provider = new MeterProvider({
    resource: resources.resourceFromAttributes({ 'service.name': 'billing', 'service.instance.id': 'billing-1' }),
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  const meter = provider.getMeter('billing-lib');
  const cpu = meter.createCounter('tenantry.cpu.time', { unit: 's' });
  const samples = meter.createCounter('tenantry.cpu.samples', { unit: '{sample}' });
  const network = meter.createCounter('tenantry.network.io', { unit: 'By' });
  const duration = meter.createHistogram('http.server.request.duration', { unit: 's' });
  for (let round = 0; round < ROUNDS; round++) {
    const tenant = { tenant_id: `customer-${round % 5}` };
    cpu.add(0.125 * (round % 5), tenant);
    cpu.add(1_000, { tenant_id: '(unattributed)' });
    samples.add(40, tenant);
    network.add(1_000 + round, { ...tenant, 'network.io.direction': 'transmit' });
    duration.record(0.25, { 'http.route': '/invoices/:id' });
    if (round % 10 === 9) await provider.forceFlush();
  }
  await provider.shutdown();
}

beforeAll(async () => {
  tenantry = await startTenantry();
  const exporter = new WatchedExporter({
    url: `${tenantry.otlpUrl}/v1/traces`,
    headers: { 'x-tenantry-key': INGEST_KEY },
    compression: 'gzip' as never,
  });
  const sdk = new NodeSDK({
    serviceName: 'billing',
    resource: resources.resourceFromAttributes({ 'deployment.environment.name': 'test', 'app.zones': ['a', 'b'] }),
    resourceDetectors: [],
    traceExporter: exporter,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  for (let round = 0; round < ROUNDS; round++) makeSpans(round);
  await sdk.shutdown();
  exported = exporter.spans;
  await sendMetrics();
  await tenantry.loaded();
});
afterAll(endEverything);

describe('spans of the official SDK', () => {
  it('are figures of their tenants in the API', async () => {
    const tenants = await tenantry.tenants();
    const customers = Array.from({ length: 5 }, (_, n) => `customer-${n}`);
    // What nobody can be charged for has figures of its own, and comes behind all tenants.
    expect([...tenants.keys()].slice(0, 5).toSorted()).toEqual(customers);
    expect([...tenants.keys()].slice(5)).toEqual(['(unattributed)']);
    for (const customer of customers) {
      expect(tenants.get(customer)).toMatchObject({
        requests: ROUNDS / 5,
        db_calls: ROUNDS / 5,
        ai_calls: 0,
        ai_cost_micro: 0,
      });
    }
    expect(tenants.get('customer-0')?.errors).toBe(5);
    expect(tenants.get('customer-1')?.errors).toBe(0);
    const { body } = await tenantry.ask<MetricSeries>(
      '/v1/tenants/customer-3/metrics?metric=db_calls&group_by=db_system',
    );
    expect(body.series.map(({ group }) => group)).toEqual([{ db_system: 'mysql' }]);
  });

  it('have the CPU and network use that the SDK counted, exact over several exports', async () => {
    const rounds = ROUNDS / 5;
    const tenants = await tenantry.tenants();
    for (let n = 0; n < 5; n++) {
      expect(tenants.get(`customer-${n}`)).toMatchObject({
        cpu_seconds: n === 0 ? null : rounds * 0.125 * n,
        cpu_error_ratio: 1 / Math.sqrt(40 * rounds),
      });
    }
    expect(tenants.get('(unattributed)')).toMatchObject({ cpu_seconds: 1_000 * ROUNDS, cpu_error_ratio: null });
    const { body: ranked } = await tenantry.ask<TenantList>('/v1/tenants?sort=cpu_seconds');
    expect(ranked.items.map(({ tenant_id }) => tenant_id)).toEqual([
      ...[4, 3, 2, 1, 0].map((n) => `customer-${n}`),
      '(unattributed)',
    ]);
    const sumOf = async (tenant: string, metric: string) => {
      const path = `/v1/tenants/${encodeURIComponent(tenant)}/metrics?metric=${metric}&group_by=service`;
      const { body } = await tenantry.ask<MetricSeries>(path);
      expect(body.series.map(({ group }) => group)).toEqual([{ service: 'billing' }]);
      return (body.series[0]?.points ?? []).reduce((sum, [, value]) => sum + (value ?? 0), 0);
    };
    const sent = Array.from({ length: ROUNDS }, (_, round) => (round % 5 === 2 ? 1_000 + round : 0));
    expect(await sumOf('customer-2', 'network_transmit_bytes')).toBe(sent.reduce((sum, bytes) => sum + bytes));
    expect(await sumOf('(unattributed)', 'cpu_seconds')).toBe(1_000 * ROUNDS);
    expect(await sumOf('customer-4', 'resource_points_not_added')).toBe(0);
  });

  it('stand in otel_traces exactly once, as they were exported', async () => {
    expect(await tenantry.stop()).toBe(0);
    stored = await inspectStore<StoredSpan>(
      tenantry.dataDir,
      `SELECT TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, TenantId, ScopeName, ScopeVersion,
         ResourceAttributes, SpanAttributes, toString(toUnixTimestamp64Nano(Timestamp)) AS Nanos, Duration, StatusCode,
         StatusMessage, \`Events.Name\` AS EventNames, \`Events.Attributes\` AS EventAttributes,
         \`Links.SpanId\` AS LinkedSpans, \`Links.Attributes\` AS LinkAttributes
       FROM tenantry.otel_traces`,
    );
    const nanos = ([seconds, rest]: readonly [number, number]) => BigInt(seconds) * 1_000_000_000n + BigInt(rest);
    const bySpan = (left: readonly string[], right: readonly string[]) => String(left).localeCompare(String(right));
    expect(exported).toHaveLength(2 * ROUNDS);
    expect(
      stored
        .map((one) => [one.SpanId, one.TraceId, one.ParentSpanId, one.SpanName, one.Nanos, String(one.Duration)])
        .toSorted(bySpan),
    ).toEqual(
      exported
        .map((span) => [
          span.spanContext().spanId,
          span.spanContext().traceId,
          span.parentSpanContext?.spanId ?? '',
          span.name,
          String(nanos(span.startTime)),
          String(nanos(span.endTime) - nanos(span.startTime)),
        ])
        .toSorted(bySpan),
    );
  });

  it('have their standard metrics beside them, as points', async () => {
    const points = await inspectStore<Record<string, unknown>>(
      tenantry.dataDir,
      `SELECT Kind, Temporality, ServiceInstance, Attributes, sum(Observations) AS observations, sum(Value) AS total
       FROM tenantry.metric_points WHERE MetricName = 'http.server.request.duration' GROUP BY ALL`,
    );
    expect(points).toEqual([
      {
        Kind: 'Histogram',
        Temporality: 'Delta',
        ServiceInstance: 'billing-1',
        Attributes: { 'http.route': '/invoices/:id' },
        observations: ROUNDS,
        total: 0.25 * ROUNDS,
      },
    ]);
  });

  it('keep resource, scope, arrays, status, events and links', () => {
    const query = stored.find(({ SpanKind: kind }) => kind === 'Client');
    const request = stored.find(({ SpanId: id }) => id === query?.ParentSpanId);
    expect(request).toMatchObject({
      SpanKind: 'Server',
      ServiceName: 'billing',
      ScopeName: 'billing-lib',
      ScopeVersion: '2.3.4',
      ResourceAttributes: {
        'service.name': 'billing',
        'deployment.environment.name': 'test',
        'app.zones': '["a","b"]',
      },
      SpanAttributes: { 'app.tags': '["paid","late"]', 'app.amounts': '[1.5,2]', 'app.trial': 'false' },
      StatusCode: 'Unset',
    });
    expect(query).toMatchObject({
      TenantId: request?.TenantId,
      StatusCode: 'Error',
      StatusMessage: 'lock timeout',
      EventNames: ['rows read'],
      EventAttributes: [{ note: 'größer als 0 ✓' }],
      LinkedSpans: [request?.SpanId],
      LinkAttributes: [{ why: 'same transaction' }],
    });
  });
});
