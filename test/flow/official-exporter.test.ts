/** OpenTelemetry's own SDK and exporter, without any of Tenantry's library, against a whole Tenantry. */
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { NodeSDK, resources } from '@opentelemetry/sdk-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MetricSeries } from '../../src/api/contract.ts';
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
  await tenantry.loaded();
});
afterAll(endEverything);

describe('spans of the official SDK', () => {
  it('are figures of their tenants in the API', async () => {
    const tenants = await tenantry.tenants();
    expect([...tenants.keys()].toSorted()).toEqual(Array.from({ length: 5 }, (_, n) => `customer-${n}`));
    for (const figures of tenants.values()) {
      expect(figures).toMatchObject({ requests: ROUNDS / 5, db_calls: ROUNDS / 5, ai_calls: 0, ai_cost_micro: 0 });
    }
    expect(tenants.get('customer-0')?.errors).toBe(5);
    expect(tenants.get('customer-1')?.errors).toBe(0);
    const { body } = await tenantry.ask<MetricSeries>(
      '/v1/tenants/customer-3/metrics?metric=db_calls&group_by=db_system',
    );
    expect(body.series.map(({ group }) => group)).toEqual([{ db_system: 'mysql' }]);
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
