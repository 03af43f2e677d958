import { randomBytes } from 'node:crypto';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { SelfCheckSpan } from '../domain/self-check.ts';

/** As OpenTelemetry numbers them. */
const KINDS = { internal: 0, server: 1, client: 2 } as const;
const ERROR_STATUS = 2;
const UNSET_STATUS = 0;
const SERVICE = 'tenantry-self-check';
const TIMEOUT_MS = 5_000;

export interface SelfCheckTrace {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  readonly spans: readonly SelfCheckSpan[];
}

/**
 * Sends as any app does: with OpenTelemetry's own exporter, its encoding, its retries and its timeouts.
 * @throws Error with the exporter's reason when the trace was not acknowledged
 */
export async function sendTrace(trace: SelfCheckTrace, url: string, key: string): Promise<void> {
  // With the first run: it is two hundred modules, which no start waits for.
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  const exporter = new OTLPTraceExporter({
    ...{ url: `${url}/v1/traces`, headers: { authorization: `Bearer ${key}` }, timeoutMillis: TIMEOUT_MS },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      exporter.export(readableSpans(trace), ({ code, error }) => {
        if (code === 0) resolve();
        else reject(error ?? new Error('the exporter gave no reason'));
      });
    });
  } finally {
    await exporter.shutdown();
  }
}

/** Ids follow from the trace's, so that a trace that is sent again is the same bytes. */
function readableSpans({ traceId, spans }: SelfCheckTrace): ReadableSpan[] {
  const resource: ReadableSpan['resource'] = {
    attributes: { 'service.name': SERVICE },
    merge: () => resource,
    getRawAttributes: () => [['service.name', SERVICE]],
  };
  const contextOf = (index: number) => ({
    ...{ traceId, spanId: (BigInt(`0x${traceId.slice(16)}`) ^ BigInt(index + 1)).toString(16).padStart(16, '0') },
    traceFlags: 1,
  });
  return spans.map((span, index) => ({
    ...{ name: span.name, kind: KINDS[span.kind], spanContext: () => contextOf(index) },
    ...(span.parent === null ? {} : { parentSpanContext: contextOf(span.parent) }),
    ...{ startTime: hrTime(span.startMs), endTime: hrTime(span.startMs + span.durationMs) },
    ...{ duration: hrTime(span.durationMs), ended: true, attributes: span.attributes, links: [], events: [] },
    ...{ status: { code: span.isError ? ERROR_STATUS : UNSET_STATUS }, resource },
    instrumentationScope: { name: 'tenantry-self-check' },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  }));
}

export function newTraceId(): string {
  return randomBytes(16).toString('hex');
}

function hrTime(ms: number): [number, number] {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];
}
