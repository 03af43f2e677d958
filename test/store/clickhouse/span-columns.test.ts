import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtlpAnyValue } from '../../support/otlp-proto.ts';
import { type SpanStore, startSpanStore } from '../../support/span-store.ts';
import { otlpAttributes, otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const NOW = Date.now();
let store: SpanStore;

beforeAll(async () => {
  store = await startSpanStore(NOW);
});
afterAll(async () => store.stop());

describe('every kind of attribute value survives as text', () => {
  const nested: OtlpAnyValue = {
    kvlist_value: {
      values: [
        { key: 'text', value: { string_value: 'a "quoted" one' } },
        { key: 'count', value: { int_value: 7 } },
        { key: 'share', value: { double_value: 0.25 } },
        { key: 'on', value: { bool_value: true } },
        { key: 'raw', value: { bytes_value: Buffer.from('hi') } },
        { key: 'nothing', value: {} },
      ],
    },
  };
  const cases: [kind: string, value: OtlpAnyValue, expected: string][] = [
    ['string', { string_value: 'plain' }, 'plain'],
    ['empty string', { string_value: '' }, ''],
    ['integer', { int_value: '-9223372036854775808' }, '-9223372036854775808'],
    ['double', { double_value: 1.5 }, '1.5'],
    ['true', { bool_value: true }, 'true'],
    ['false', { bool_value: false }, 'false'],
    ['zero', { int_value: 0 }, '0'],
    ['bytes', { bytes_value: Buffer.from([0, 255, 16]) }, 'AP8Q'],
    [
      'array',
      { array_value: { values: [{ string_value: 'x' }, { int_value: 2 }, { bool_value: false }] } },
      '["x",2,false]',
    ],
    ['empty array', { array_value: { values: [] } }, '[]'],
    ['list', nested, '{"text":"a \\"quoted\\" one","count":7,"share":0.25,"on":true,"raw":"aGk=","nothing":null}'],
    ['no value', {}, ''],
    ['invalid UTF-8', { string_value: 'ok' }, 'ok'],
  ];

  beforeAll(async () => {
    await store.take([
      otlpRequest([
        otlpSpan({
          name: 'kinds',
          start: NOW - 5,
          attributes: Object.fromEntries(cases.map(([kind, value]) => [kind, value])),
        }),
      ]),
    ]);
  });

  it.each(cases)('%s', async (kind, _, expected) => {
    const { SpanAttributes } = await store.spanNamed('kinds');
    expect((SpanAttributes as Record<string, string>)[kind]).toBe(expected);
  });

  it('keeps what nests deeper than two levels, marked, as base64 of its encoding', async () => {
    const deep: OtlpAnyValue = { array_value: { values: [{ array_value: { values: [{ string_value: 'deep' }] } }] } };
    await store.take([otlpRequest([otlpSpan({ name: 'deep', start: NOW, attributes: { deep } })])]);
    const { SpanAttributes } = await store.spanNamed('deep');
    const [cut] = JSON.parse((SpanAttributes as Record<string, string>)['deep'] ?? '') as { $otlp_array: string }[];
    expect(Buffer.from(cut?.$otlp_array ?? '', 'base64').toString()).toContain('deep');
  });

  it('replaces bytes that are no UTF-8 and keeps the span', async () => {
    const broken = otlpSpan({ name: 'broken-utf8', start: NOW, attributes: { note: 'QQQQ' } });
    const segment = segmentOf([otlpRequest([broken])], { receivedAt: NOW });
    segment.fill(0xff, segment.indexOf('QQQQ'), segment.indexOf('QQQQ') + 2);
    await store.insert(segment, 'broken-utf8');
    const { SpanAttributes } = await store.spanNamed('broken-utf8');
    expect((SpanAttributes as Record<string, string>)['note']).toMatch(/^�+QQ$/);
  });
});

describe('the columns that the Collector exporter writes', () => {
  it('has ids, times, status, events and links of a span', async () => {
    const traceId = Buffer.from('5b8efff798038103d269b633813fc60c', 'hex');
    const spanId = Buffer.from('eee19b7ec3c1b174', 'hex');
    const parent = Buffer.from('eee19b7ec3c1b173', 'hex');
    const start = BigInt(NOW) * 1_000_000n + 123_456_789n;
    await store.take([
      otlpRequest(
        [
          {
            trace_id: traceId,
            span_id: spanId,
            parent_span_id: parent,
            trace_state: 'vendor=1',
            name: 'full',
            kind: 3,
            start_time_unix_nano: start.toString(),
            end_time_unix_nano: (start + 42n).toString(),
            attributes: otlpAttributes({ b: '2', a: '1' }),
            events: [
              { time_unix_nano: (start + 7n).toString(), name: 'retry', attributes: otlpAttributes({ attempt: 2 }) },
              { time_unix_nano: start.toString(), name: 'plain' },
            ],
            links: [
              { trace_id: traceId, span_id: parent, trace_state: 's', attributes: otlpAttributes({ why: 'batch' }) },
            ],
            status: { code: 2, message: 'boom' },
          },
        ],
        { 'service.name': 'orders', 'host.name': 'h1' },
      ),
    ]);
    const span = await store.spanNamed('full');
    expect(span).toMatchObject({
      TraceId: '5b8efff798038103d269b633813fc60c',
      SpanId: 'eee19b7ec3c1b174',
      ParentSpanId: 'eee19b7ec3c1b173',
      TraceState: 'vendor=1',
      SpanKind: 'Client',
      ServiceName: 'orders',
      ResourceAttributes: { 'host.name': 'h1', 'service.name': 'orders' },
      ScopeName: 'test',
      ScopeVersion: '1',
      SpanAttributes: { a: '1', b: '2' },
      Duration: 42,
      StatusCode: 'Error',
      StatusMessage: 'boom',
      'Events.Name': ['retry', 'plain'],
      'Events.Attributes': [{ attempt: '2' }, {}],
      'Links.TraceId': ['5b8efff798038103d269b633813fc60c'],
      'Links.SpanId': ['eee19b7ec3c1b173'],
      'Links.TraceState': ['s'],
      'Links.Attributes': [{ why: 'batch' }],
      TenantId: '(unknown)',
    });
    const digits = (ns: bigint) => ns.toString().slice(-9);
    expect(String(span['Timestamp'])).toMatch(new RegExp(`\\.${digits(start)}$`));
    expect((span['Events.Timestamp'] as string[])[0]).toMatch(new RegExp(`\\.${digits(start + 7n)}$`));
  });

  it('has every column of the exporter, in its types', async () => {
    const columns = await store.clickhouse.inspect<{ name: string; type: string }>(
      "SELECT name, type FROM system.columns WHERE database = 'tenantry' AND table = 'otel_traces'",
    );
    const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({
      Timestamp: "DateTime64(9, 'UTC')",
      TraceId: 'String',
      SpanKind: 'String',
      Duration: 'UInt64',
      StatusCode: 'String',
      SpanAttributes: 'Map(LowCardinality(String), String)',
      'Events.Timestamp': "Array(DateTime64(9, 'UTC'))",
    });
    expect(Object.keys(types)).toHaveLength(23);
  });

  it('skips fields that OTLP may add later', async () => {
    const plain = segmentOf([otlpRequest([otlpSpan({ name: 'unknown-field', start: NOW })])], { receivedAt: NOW });
    // The name is field 5 of Span; field 30 (varint) is put in front of it, and every enclosing length grows by three.
    const withField = growBy(plain, plain.indexOf('unknown-field') - 2, Buffer.from([0xf0, 0x01, 0x07]));
    await store.insert(withField, 'unknown-field');
    expect((await store.spanNamed('unknown-field'))['SpanName']).toBe('unknown-field');
  });
});

/** Puts `extra` at `at` and adds its length to every length prefix around it (walking the nesting from the top). */
function growBy(segment: Buffer, at: number, extra: Buffer): Buffer {
  const lengths: { offset: number; size: number; value: number }[] = [];
  let offset = 0;
  for (let depth = 0; depth < 4; depth += 1) {
    if (depth > 0) offset += 1;
    while (true) {
      const { value, size } = readVarint(segment, offset);
      if (offset + size + value > at) {
        lengths.push({ offset, size, value });
        offset += size;
        break;
      }
      offset += size + value + 1;
    }
  }
  let grown = Buffer.concat([segment.subarray(0, at), extra, segment.subarray(at)]);
  for (const { offset: where, size, value } of lengths) {
    const bytes = writeVarint(value + extra.length);
    expect(bytes).toHaveLength(size);
    grown = Buffer.concat([grown.subarray(0, where), bytes, grown.subarray(where + size)]);
  }
  return grown;
}

function readVarint(bytes: Buffer, offset: number): { value: number; size: number } {
  let value = 0;
  for (let size = 0; ; size += 1) {
    const byte = bytes[offset + size] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * size);
    if (byte < 0x80) return { value, size: size + 1 };
  }
}

function writeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
