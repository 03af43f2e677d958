import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtlpTraceRequest } from '../../support/otlp-proto.ts';
import { type SpanStore, startSpanStore } from '../../support/span-store.ts';
import { otlpRequest, otlpSpan } from '../../support/spans.ts';

const NOW = Date.now();
let store: SpanStore;

beforeAll(async () => {
  store = await startSpanStore(NOW);
});
afterAll(async () => store.stop());

describe('whose span it is', () => {
  const tenantOf = async (name: string) => (await store.spanNamed(name))['TenantId'];

  it.each([
    ['span attribute', { tenant_id: 'acme' }, {}, undefined, 'acme'],
    ['older span attribute', { 'tenant.id': 'acme' }, {}, undefined, 'acme'],
    ['first of several', { 'tenant.id': 'second', tenant_id: 'first' }, {}, undefined, 'first'],
    ['resource attribute', {}, { tenant_id: 'from-resource' }, undefined, 'from-resource'],
    ['span before resource', { 'tenant.id': 'span' }, { tenant_id: 'resource' }, undefined, 'span'],
    ['bound key before everything', { tenant_id: 'claimed' }, {}, 'bound', 'bound'],
    ['malformed claim', { tenant_id: '../etc' }, {}, undefined, '(unknown)'],
    ['integer id', { tenant_id: 42 }, {}, undefined, '42'],
    ['nobody', {}, {}, undefined, '(unknown)'],
    ['tenants that the sender put together', { tenant_id: '(other)' }, {}, undefined, '(other)'],
    ['a name in parentheses that means nothing', { tenant_id: '(all)' }, {}, undefined, '(unknown)'],
  ])('%s', async (name, attributes, resource, keyTenant, expected) => {
    await store.take([otlpRequest([otlpSpan({ name, start: NOW, attributes })], resource)], keyTenant);
    expect(await tenantOf(name)).toBe(expected);
  });
});

describe('spans that cannot be placed are set aside with the reason', () => {
  const HOUR = 3_600_000;
  it.each([
    ['too-old', otlpSpan({ name: 'too-old', start: NOW - 49 * HOUR }), 'too old'],
    ['future', otlpSpan({ name: 'future', start: NOW + 400_000 }), 'starts in the future'],
    ['backwards', otlpSpan({ name: 'backwards', start: NOW, durationMs: -1 }), 'ends before it starts'],
    [
      'endless',
      otlpSpan({ name: 'endless', start: NOW, more: { end_time_unix_nano: '18446744073709551615' } }),
      'ends in the future',
    ],
    ['zero', otlpSpan({ name: 'zero', start: NOW, more: { start_time_unix_nano: '0' } }), 'too old'],
    [
      'max',
      otlpSpan({ name: 'max', start: NOW, more: { start_time_unix_nano: '18446744073709551615' } }),
      'starts in the future',
    ],
    [
      'short-id',
      otlpSpan({ name: 'short-id', start: NOW, more: { trace_id: Buffer.alloc(15, 1) } }),
      'trace id is not 16 bytes',
    ],
    ['no-id', otlpSpan({ name: 'no-id', start: NOW, more: { span_id: Buffer.alloc(0) } }), 'span id is not 8 bytes'],
    [
      'zero-id',
      otlpSpan({ name: 'zero-id', start: NOW, more: { span_id: Buffer.alloc(8) } }),
      'span id is not 8 bytes',
    ],
  ])('%s', async (name, span, reason) => {
    await store.take([otlpRequest([span, otlpSpan({ name: `${name}-good`, start: NOW })])]);
    const aside = await store.clickhouse.inspect(
      `SELECT Reason FROM tenantry.spans_set_aside WHERE SpanName = '${name}'`,
    );
    expect(aside).toEqual([{ Reason: reason }]);
    expect(await store.spanNamed(`${name}-good`)).toBeDefined();
    expect(await store.clickhouse.inspect(`SELECT 1 FROM tenantry.spans WHERE SpanName = '${name}'`)).toEqual([]);
  });

  it('takes the official example: aside as it is from 2018, stored once its times are now', async (ctx) => {
    const example = readExample();
    if (example === undefined) ctx.skip('../shared/data/otlp is not here');
    else {
      await store.take([example]);
      const [aside] = await store.clickhouse.inspect<{ Reason: string; StartNs: string }>(
        `SELECT Reason, toString(StartNs) AS StartNs FROM tenantry.spans_set_aside WHERE SpanName = 'I\\'m a server span'`,
      );
      expect(aside).toEqual({ Reason: 'too old', StartNs: '1544712660000000000' });

      const span = example.resource_spans?.[0]?.scope_spans?.[0]?.spans?.[0];
      const shifted = { ...span, start_time_unix_nano: `${NOW}000000`, end_time_unix_nano: `${NOW + 1_000}000000` };
      await store.take([otlpRequest([shifted], { 'service.name': 'my.service' })]);
      const rows = await store.clickhouse.inspect(
        `SELECT TraceId, ServiceName, SpanKind, Duration, SpanAttributes FROM tenantry.otel_traces WHERE SpanName = 'I\\'m a server span'`,
      );
      expect(rows).toEqual([
        {
          TraceId: '5b8efff798038103d269b633813fc60c',
          ServiceName: 'my.service',
          SpanKind: 'Server',
          Duration: 1_000_000_000,
          SpanAttributes: { 'my.span.attr': 'some value' },
        },
      ]);
    }
  });
});

/** The OTLP/JSON example of opentelemetry-proto as protobuf objects; undefined where the data folder is absent. */
function readExample(): OtlpTraceRequest | undefined {
  let text: string;
  try {
    text = readFileSync(new URL('../../../../shared/data/otlp/trace.json', import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
  const snake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const convert = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string' && /^(trace|span|parentSpan)Id$/.test(key)) return Buffer.from(value, 'hex');
    if (Array.isArray(value)) return value.map((item) => convert(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [snake(name), convert(item, name)]));
  };
  return convert(JSON.parse(text)) as OtlpTraceRequest;
}
