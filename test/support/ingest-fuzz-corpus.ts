import type { OtlpSignal } from '../../ingest/wire-check.ts';
import { encodeLogsRequest, encodeMetricsRequest, type OtlpMetric } from './otlp-metrics-proto.ts';
import { fullMetrics } from './otlp-metrics-samples.ts';
import { encodeTraceRequest, type OtlpAnyValue, type OtlpSpan } from './otlp-proto.ts';
import { fullSpan, sampleRequest } from './otlp-samples.ts';
import { type AttributeInput, otlpAttributes, otlpRequest, otlpSpan } from './spans.ts';

export interface OtlpBody {
  readonly signal: OtlpSignal;
  readonly bytes: Uint8Array;
}

/**
 * Honest requests of every shape, for mutations to start from. The same bytes for the same `at` (Unix ms): ids count up, so that
 * what a seed makes of them can be made again.
 */
export function fuzzCorpus(at: number): readonly OtlpBody[] {
  let ids = 0;
  const id = (length: number) => {
    ids += 1;
    return Uint8Array.from({ length }, (_, index) => (index === 0 ? ids : (ids * 31 + index * 7) % 251));
  };
  const withIds = (span: OtlpSpan): OtlpSpan => ({
    ...span,
    trace_id: id(16),
    span_id: id(8),
    ...(span.parent_span_id && { parent_span_id: id(8) }),
    start_time_unix_nano: `${at}000000`,
    end_time_unix_nano: `${at + 12}000000`,
    ...(span.links && { links: span.links.map((link) => ({ ...link, trace_id: id(16), span_id: id(8) })) }),
  });
  const span = (kind: number, attributes: AttributeInput, more: OtlpSpan = {}) =>
    withIds(otlpSpan({ kind, start: at, attributes, more }));
  const traces = [
    {},
    { resource_spans: [{}] },
    sampleRequest([withIds(fullSpan())]),
    otlpRequest([span(2, HTTP), span(3, DATABASE), span(3, MODEL), span(1, {})]),
    otlpRequest([span(1, { deep: nested(12) }), span(4, { odd: { array_value: { values: [nested(3), {}] } } })]),
    otlpRequest([span(5, {}, { events: [{}, { name: 'retry' }], links: [{}], status: {}, parent_span_id: id(8) })]),
    {
      resource_spans: [SHOP, SHOP].map((resource) => ({
        ...otlpRequest([span(2, HTTP)]).resource_spans?.[0],
        resource,
      })),
    },
  ];
  const metrics = fullMetrics(at).map(withoutRandomIds);
  const metricRequests = [metrics, ...metrics.map((metric) => [metric])].map((list) => ({
    resource_metrics: [{ resource: SHOP, scope_metrics: [{ scope: { name: 'meter' }, metrics: list }] }],
  }));
  const logs = [
    {
      resource_logs: [
        { resource: SHOP, scope_logs: [{ log_records: [{ body: nested(4) }, { attributes: otlpAttributes(HTTP) }] }] },
      ],
    },
  ];
  return [
    ...traces.map((request) => ({ signal: 'traces', bytes: encodeTraceRequest(request) }) as const),
    ...metricRequests.map((request) => ({ signal: 'metrics', bytes: encodeMetricsRequest(request) }) as const),
    ...logs.map((request) => ({ signal: 'logs', bytes: encodeLogsRequest(request) }) as const),
  ];
}

const HTTP: AttributeInput = {
  tenant_id: 'acme',
  'http.request.method': 'GET',
  'http.route': '/orders/:id',
  'http.response.status_code': 200,
  'http.response.body.size': 1_000,
};
const DATABASE: AttributeInput = {
  tenant_id: 'globex',
  'db.system.name': 'postgresql',
  'db.operation.name': 'SELECT',
  'db.query.text': 'SELECT 1',
};
const MODEL: AttributeInput = {
  tenant_id: 'acme',
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o-mini',
  'gen_ai.usage.input_tokens': 100,
  'gen_ai.usage.output_tokens': 10,
};
const SHOP = { attributes: otlpAttributes({ 'service.name': 'shop', 'service.version': '1' }) };

function nested(depth: number): OtlpAnyValue {
  if (depth <= 1) return { int_value: '-1' };
  const value = nested(depth - 1);
  return depth % 2 === 0 ? { array_value: { values: [value] } } : { kvlist_value: { values: [{ key: 'k', value }] } };
}

function withoutRandomIds(metric: OtlpMetric): OtlpMetric {
  const text = JSON.stringify(metric, (key, value: unknown) => (/^(span|trace)_id$/.test(key) ? undefined : value));
  return JSON.parse(text) as OtlpMetric;
}
