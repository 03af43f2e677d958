/** The official exporters over JSON, protobuf and gRPC: what they send is the same message on the disk. */

import { Metadata } from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter as MetricsOverGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as MetricsOverProtobuf } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as TracesOverGrpc } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as TracesOverJson } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as TracesOverProtobuf } from '@opentelemetry/exporter-trace-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { logs } from '@opentelemetry/sdk-node';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { INGEST_KEY, IngestBench } from '../support/ingest-bench.ts';
import { MetricsRequestType } from '../support/otlp-metrics-proto.ts';
import { TraceRequestType } from '../support/otlp-proto.ts';
import { sealedRecords } from '../support/otlp-segment.ts';

let bench: IngestBench;

beforeEach(async () => {
  bench = new IngestBench();
  await bench.start();
});

afterEach(() => bench.end());

const AUTHORIZATION = `Bearer ${INGEST_KEY}`;
const headers = { authorization: AUTHORIZATION };
const metadata = () => {
  const entries = new Metadata();
  entries.set('authorization', AUTHORIZATION);
  return entries;
};
/** Its enum is not exported from where the exporters come from. */
const GZIP = 'gzip' as never;

/** Spans as an SDK ends them, with every kind of attribute. */
async function endedSpans(): Promise<ReadableSpan[]> {
  const ended: ReadableSpan[] = [];
  const onEnd = (span: ReadableSpan) => void ended.push(span);
  const processor = { onStart() {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} };
  const tracer = new BasicTracerProvider({ spanProcessors: [processor] }).getTracer('transports', '1.0.0');
  for (let index = 0; index < 20; index++) {
    const first = tracer.startSpan(`GET /orders/${index}`, { kind: SpanKind.SERVER });
    const second = tracer.startSpan('SELECT "ü" 😀 \n\u0001', {
      kind: SpanKind.CLIENT,
      links: [{ context: first.spanContext(), attributes: { why: 'test' } }],
      attributes: {
        ...{ tenant_id: 'acme', text: 'a\ud800b\u2028', empty: '', yes: true, no: false, zero: 0, negative: -7 },
        ...{ large: Number.MAX_SAFE_INTEGER, ratio: 0.1, list: ['a', 'b'], numbers: [1, 2.5] },
      },
    });
    second.addEvent('row', { n: index });
    second.recordException(new Error('failed'));
    second.setStatus({ code: SpanStatusCode.ERROR, message: 'failed' });
    second.end();
    first.end();
  }
  return ended;
}

interface Exporter<Batch> {
  export(batch: Batch, done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

async function exported<Batch>(exporter: Exporter<Batch>, batch: Batch): Promise<void> {
  const result = await new Promise<{ code: number; error?: Error }>((resolve) => exporter.export(batch, resolve));
  await exporter.shutdown();
  expect(result).toEqual({ code: 0 });
}

/** With defaults: an encoder may write a zero or leave it out. */
const OPTIONS = { defaults: true, longs: String };

it('spans', async () => {
  const spans = await endedSpans();
  const grpcUrl = `http://127.0.0.1:${bench.grpcPort}`;
  const url = `${bench.url}/v1/traces`;
  const exporters = [
    new TracesOverProtobuf({ url, headers }),
    new TracesOverJson({ url, headers }),
    new TracesOverJson({ url, headers, compression: GZIP }),
    new TracesOverGrpc({ url: grpcUrl, metadata: metadata() }),
    new TracesOverGrpc({ url: grpcUrl, metadata: metadata(), compression: GZIP }),
  ];
  // One more span each time: the same bytes again would be recognised as a retry and stored once.
  for (const [index, exporter] of exporters.entries()) await exported(exporter, spans.slice(index));
  const stored = (await bench.stored()).map(({ message }) =>
    TraceRequestType.toObject(TraceRequestType.decode(message), OPTIONS),
  );
  expect(stored).toHaveLength(exporters.length);
  const whole = stored[0]?.['resource_spans'][0];
  const sent = whole.scope_spans[0].spans;
  expect(sent).toHaveLength(40);
  for (const [index, request] of stored.entries()) {
    const [scope] = whole.scope_spans;
    const expected = [{ ...whole, scope_spans: [{ ...scope, spans: sent.slice(index) }] }];
    expect(request).toEqual({ resource_spans: expected });
  }
});

it('metrics', async () => {
  const batches: ResourceMetrics[] = [];
  const keeper = {
    export: (batch: ResourceMetrics, done: (result: { code: number }) => void) => {
      batches.push(batch);
      done({ code: 0 });
    },
    ...{ forceFlush: async () => {}, shutdown: async () => {} },
  };
  const reader = new PeriodicExportingMetricReader({ exporter: keeper, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('transports', '1.0.0');
  meter.createCounter('requests', { unit: '{request}' }).add(3, { tenant_id: 'acme' });
  meter.createHistogram('duration', { unit: 's' }).record(0.25, { tenant_id: 'acme' });
  meter.createGauge('temperature').record(-1.5);
  await provider.forceFlush();
  const [batch] = batches;
  if (batch === undefined) throw new Error('nothing was collected');
  await exported(new MetricsOverProtobuf({ url: `${bench.url}/v1/metrics`, headers }), batch);
  const later = {
    ...batch,
    scopeMetrics: batch.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.slice(1) })),
  };
  await exported(new MetricsOverGrpc({ url: `http://127.0.0.1:${bench.grpcPort}`, metadata: metadata() }), later);
  await provider.shutdown();
  await bench.stop();
  const [first, second] = sealedRecords(bench.dir.spool, 'metrics').map(
    ({ message }) => MetricsRequestType.toObject(MetricsRequestType.decode(message), OPTIONS)['resource_metrics'][0],
  );
  const [scope] = first.scope_metrics;
  expect(scope.metrics.map(({ name }: { name: string }) => name)).toEqual(['requests', 'duration', 'temperature']);
  expect(second).toEqual({ ...first, scope_metrics: [{ ...scope, metrics: scope.metrics.slice(1) }] });
});

it('logs over JSON are turned down without the exporter trying again', async () => {
  const exporter = new OTLPLogExporter({ url: `${bench.url}/v1/logs`, headers });
  const provider = new logs.LoggerProvider({ processors: [new logs.SimpleLogRecordProcessor({ exporter })] });
  provider.getLogger('transports').emit({ body: 'a line', severityNumber: 9 });
  await provider.forceFlush();
  await provider.shutdown();
  const page = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
  expect(page).toContain('tenantry_ingest_log_records_rejected_total 1\n');
  expect(page).toContain('requests_total{signal="logs",status="200",reason="ok",transport="http/json"} 1\n');
});

it.each(['grpc', 'http/json'])('a wrong key over %s is a failure that is not tried again', async (over) => {
  const exporter =
    over === 'grpc'
      ? new TracesOverGrpc({ url: `http://127.0.0.1:${bench.grpcPort}` })
      : new TracesOverJson({ url: `${bench.url}/v1/traces` });
  const spans = await endedSpans();
  const result = await new Promise<{ code: number }>((resolve) => exporter.export(spans, resolve));
  await exporter.shutdown();
  expect(result.code).toBe(1);
  const page = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
  expect(page).toContain(`{signal="traces",status="401",reason="UNAUTHENTICATED",transport="${over}"} 1\n`);
});
