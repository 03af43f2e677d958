/** An OTLP/HTTP receiver that keeps the spans which real exporters send, decoded. */
import { attributesOf, type OtlpCollector, startOtlpCollector } from './otlp-collector.ts';
import { decodeTraceRequest } from './otlp-proto.ts';

export interface SinkSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 2 = server, 3 = client. */
  readonly kind: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
}

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

function decode(body: Buffer): SinkSpan[] {
  return (decodeTraceRequest(body).resource_spans ?? []).flatMap(({ resource, scope_spans = [] }) =>
    scope_spans.flatMap(({ scope, spans = [] }) =>
      spans.map((span) => ({
        traceId: hex(span.trace_id),
        spanId: hex(span.span_id),
        parentSpanId: hex(span.parent_span_id),
        name: span.name ?? '',
        kind: span.kind ?? 0,
        durationMs: Number(BigInt(span.end_time_unix_nano ?? 0) - BigInt(span.start_time_unix_nano ?? 0)) / 1e6,
        attributes: attributesOf(span.attributes),
        resource: attributesOf(resource?.attributes),
        scope: scope?.name ?? '',
      })),
    ),
  );
}

export interface OtlpSink extends OtlpCollector<SinkSpan> {
  readonly spans: readonly SinkSpan[];
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const collector = await startOtlpCollector({ decode });
  return { ...collector, spans: collector.items };
}
