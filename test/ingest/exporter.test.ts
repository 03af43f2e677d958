import { type Attributes, context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BasicTracerProvider, BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INGEST_KEY, IngestBench } from '../support/ingest-bench.ts';
import { type OtlpAnyValue, type OtlpSpan, spansOf } from '../support/otlp-proto.ts';

let bench: IngestBench;

beforeEach(async () => {
  bench = new IngestBench();
  await bench.start();
});

afterEach(() => bench.end());

/** Keeps what was handed to the exporter, so that it can be compared with what was stored. */
class WatchedExporter extends OTLPTraceExporter {
  readonly exported: ReadableSpan[] = [];
  readonly results: number[] = [];

  override export(spans: ReadableSpan[], done: Parameters<OTLPTraceExporter['export']>[1]): void {
    this.exported.push(...spans);
    super.export(spans, (result) => {
      this.results.push(result.code);
      done(result);
    });
  }
}

function exporterWith(compression: string, key = INGEST_KEY): WatchedExporter {
  return new WatchedExporter({
    url: `${bench.url}/v1/traces`,
    headers: { authorization: `Bearer ${key}` },
    compression: compression as never,
  });
}

async function exportSpans(exporter: OTLPTraceExporter, count: number): Promise<void> {
  const provider = new BasicTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter, { maxExportBatchSize: 64, maxQueueSize: 10_000 })],
  });
  const tracer = provider.getTracer('exporter-test', '1.2.3');
  for (let index = 0; index < count; index++) {
    const parent = tracer.startSpan(`GET /orders/${index}`, {
      kind: SpanKind.SERVER,
      attributes: { tenant_id: 'acme', index },
    });
    const child = tracer.startSpan(
      'SELECT',
      {
        kind: SpanKind.CLIENT,
        attributes: { list: ['a', 'b'], ratio: 0.5, ok: true },
        links: [{ context: parent.spanContext() }],
      },
      trace.setSpan(context.active(), parent),
    );
    child.addEvent('row', { n: 1 });
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'failed' });
    child.end();
    parent.end();
  }
  await provider.forceFlush();
  await provider.shutdown();
}

function plain(value: OtlpAnyValue | undefined): unknown {
  if (value?.int_value !== undefined) return Number(value.int_value);
  if (value?.array_value !== undefined) return value.array_value.values?.map(plain);
  return value?.string_value ?? value?.bool_value ?? value?.double_value;
}

function summaryOfStored(span: OtlpSpan) {
  return {
    traceId: Buffer.from(span.trace_id ?? []).toString('hex'),
    spanId: Buffer.from(span.span_id ?? []).toString('hex'),
    parent: Buffer.from(span.parent_span_id ?? []).toString('hex'),
    name: span.name,
    kind: (span.kind ?? 0) - 1,
    start: String(span.start_time_unix_nano),
    end: String(span.end_time_unix_nano),
    attributes: Object.fromEntries((span.attributes ?? []).map(({ key, value }) => [key, plain(value)])),
    events: (span.events ?? []).map((event) => event.name),
    links: (span.links ?? []).map((link) => Buffer.from(link.span_id ?? []).toString('hex')),
    status: span.status?.code ?? 0,
  };
}

function summaryOfExported(span: ReadableSpan): ReturnType<typeof summaryOfStored> {
  const nanos = ([seconds, nanoseconds]: [number, number]) =>
    String(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
  return {
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId ?? '',
    name: span.name,
    kind: span.kind,
    start: nanos(span.startTime),
    end: nanos(span.endTime),
    attributes: span.attributes as Attributes as Record<string, unknown>,
    events: span.events.map((event) => event.name),
    links: span.links.map((link) => link.context.spanId),
    status: span.status.code,
  };
}

describe('the official JavaScript exporter', () => {
  it.each(['none', 'gzip'])('with compression %s gets its spans stored as it exported them', async (compression) => {
    const exporter = exporterWith(compression);
    await exportSpans(exporter, 200);
    expect(new Set(exporter.results)).toEqual(new Set([0]));
    const records = await bench.stored();
    expect(records.length).toBeGreaterThan(1);
    expect(records.every((record) => record.crcMatches)).toBe(true);
    const stored = records.flatMap((record) => spansOf(record.request)).map(summaryOfStored);
    expect(stored).toHaveLength(400);
    const byId = (a: { spanId: string }, b: { spanId: string }) => (a.spanId < b.spanId ? -1 : 1);
    expect(stored.sort(byId)).toEqual(exporter.exported.map(summaryOfExported).sort(byId));
  });

  it('is told that its key is wrong, and does not try again', async () => {
    const exporter = exporterWith('gzip', '');
    // The SDK's processor passes an error on whose message may be empty; the exporter's own result is what counts.
    await expect(exportSpans(exporter, 1)).rejects.toThrow();
    expect(exporter.results).toEqual([1]);
    const text = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
    expect(text).toMatch(
      /requests_total\{signal="traces",status="401",reason="UNAUTHENTICATED",transport="http\/protobuf"\} 1$/m,
    );
    expect(await bench.stored()).toEqual([]);
  });

  it('comes again after a 503, and its spans are stored then', async () => {
    await bench.stop();
    // A key that is not the bootstrap key and no list of keys yet: 503 until the server has written the list.
    await bench.start({ TENANTRY_INGEST_KEY: '' });
    const exporter = exporterWith('gzip', 'key-from-the-list-0123456789');
    const done = exportSpans(exporter, 1);
    await bench.publishKey('key-from-the-list-0123456789', 'acme');
    await done;
    expect(exporter.results).toEqual([0]);
    const records = await bench.stored();
    expect(records.map((record) => [record.keyId, record.keyTenant])).toEqual([['published', 'acme']]);
  }, 30_000);
});
