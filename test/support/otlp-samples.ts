import { randomBytes } from 'node:crypto';
import type { OtlpSpan, OtlpTraceRequest } from './otlp-proto.ts';

/** A span like those of an instrumented HTTP server: 8 attributes, about 380 bytes. */
export function sampleSpan(name = 'GET /orders/:id', overrides: OtlpSpan = {}): OtlpSpan {
  const start = BigInt(Date.now()) * 1_000_000n;
  return {
    trace_id: randomBytes(16),
    span_id: randomBytes(8),
    parent_span_id: randomBytes(8),
    name,
    kind: 2,
    start_time_unix_nano: String(start),
    end_time_unix_nano: String(start + 12_345_678n),
    attributes: [
      { key: 'tenant_id', value: { string_value: 'acme' } },
      { key: 'http.request.method', value: { string_value: 'GET' } },
      { key: 'http.route', value: { string_value: '/orders/:id' } },
      { key: 'http.response.status_code', value: { int_value: 200 } },
      { key: 'url.path', value: { string_value: '/orders/4711' } },
      { key: 'server.address', value: { string_value: 'shop.example.com' } },
      { key: 'user_agent.original', value: { string_value: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0' } },
      { key: 'http.server.active', value: { bool_value: true } },
    ],
    status: { code: 1 },
    ...overrides,
  };
}

export function sampleRequest(spans: number | OtlpSpan[] = 1): OtlpTraceRequest {
  return {
    resource_spans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { string_value: 'shop' } }] },
        scope_spans: [
          {
            scope: { name: 'test', version: '1.0.0' },
            spans: typeof spans === 'number' ? Array.from({ length: spans }, () => sampleSpan()) : spans,
          },
        ],
      },
    ],
  };
}

/** One span with every field and every kind of value that OTLP has. */
export function fullSpan(): OtlpSpan {
  return sampleSpan('everything', {
    trace_state: 'vendor=1',
    flags: 0x101,
    dropped_attributes_count: 3,
    attributes: [
      { key: 'string', value: { string_value: 'text' } },
      { key: 'bool', value: { bool_value: false } },
      { key: 'int', value: { int_value: '-9223372036854775808' } },
      { key: 'double', value: { double_value: 1.5 } },
      { key: 'bytes', value: { bytes_value: Buffer.from([0, 255]) } },
      { key: 'array', value: { array_value: { values: [{ int_value: 1 }, { string_value: 'b' }, {}] } } },
      {
        key: 'kvlist',
        value: {
          kvlist_value: { values: [{ key: 'inner', value: { array_value: { values: [{ bool_value: true }] } } }] },
        },
      },
      { key: 'empty', value: {} },
      { key: 'none' },
    ],
    events: [{ time_unix_nano: '1', name: 'exception', attributes: [{ key: 'k', value: { string_value: 'v' } }] }],
    dropped_events_count: 1,
    links: [{ trace_id: randomBytes(16), span_id: randomBytes(8), trace_state: 'a=b', flags: 1 }],
    dropped_links_count: 2,
    status: { code: 2, message: 'failed' },
  });
}
