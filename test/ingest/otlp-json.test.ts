/** OTLP/JSON to protobuf: the same message as an encoder of protobuf would write, or a refusal that names the place. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protobufOf } from '../../ingest/otlp-json.ts';
import { checkRequest, type OtlpSignal } from '../../ingest/wire-check.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { otlpMetrics } from '../support/metrics.ts';
import { asOtlpJson, otlpJsonBytes } from '../support/otlp-json.ts';
import {
  decodeLogsRequest,
  decodeMetricsRequest,
  encodeLogsRequest,
  encodeMetricsRequest,
} from '../support/otlp-metrics-proto.ts';
import { fullMetrics } from '../support/otlp-metrics-samples.ts';
import { decodeTraceRequest, encodeTraceRequest, spansOf } from '../support/otlp-proto.ts';
import { logsRequests, metricsRequests, traceRequests } from '../support/otlp-random.ts';
import { fullSpan, sampleRequest } from '../support/otlp-samples.ts';

const MAX_BYTES = 1024 * 1024;

const convert = (json: unknown, signal: OtlpSignal = 'traces') =>
  protobufOf(signal, Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)), MAX_BYTES);

/** What becomes of one span that is given as JSON text. */
const spanOf = (text: string) =>
  spansOf(decodeTraceRequest(convert(`{"resourceSpans":[{"scopeSpans":[{"spans":[${text}]}]}]}`)))[0];
const attributeOf = (value: string) => spanOf(`{"attributes":[{"key":"k","value":${value}}]}`)?.attributes?.[0]?.value;

function refusal(run: () => unknown): TenantryError {
  try {
    run();
  } catch (error) {
    if (error instanceof TenantryError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('the same request in JSON and in protobuf', () => {
  it.each([
    [
      'a span with every field',
      'traces',
      sampleRequest([fullSpan(), fullSpan()]),
      encodeTraceRequest,
      decodeTraceRequest,
    ],
    [
      'a metric of every kind',
      'metrics',
      otlpMetrics(fullMetrics(1_700_000_000_000)),
      encodeMetricsRequest,
      decodeMetricsRequest,
    ],
  ] as const)('is the same message: %s', (_what, signal, request, encode, decode) => {
    const converted = protobufOf(signal, otlpJsonBytes(request), MAX_BYTES);
    expect(decode(converted)).toEqual(decode(encode(request as never)));
    expect(checkRequest(signal, converted)).toBe(checkRequest(signal, encode(request as never)));
  });

  it.each([
    ['traces', traceRequests, encodeTraceRequest, decodeTraceRequest],
    ['metrics', metricsRequests, encodeMetricsRequest, decodeMetricsRequest],
    ['logs', logsRequests, encodeLogsRequest, decodeLogsRequest],
  ] as const)('is the same message whatever it holds: %s', (signal, requests, encode, decode) => {
    fc.assert(
      fc.property(requests, fc.constantFrom(undefined, 2), (request, indent) => {
        const expected = encode(request as never);
        const json = Buffer.from(JSON.stringify(asOtlpJson(request), null, indent));
        const converted = protobufOf(signal, json, MAX_BYTES);
        expect(decode(converted)).toEqual(decode(expected));
        expect(checkRequest(signal, converted)).toBe(checkRequest(signal, expected));
      }),
      { numRuns: 300 },
    );
  });

  it('reads any JSON that JSON.parse reads, and refuses what it refuses', () => {
    const texts = fc.oneof(
      fc.json(),
      fc.json().map((text) => text.slice(0, -1)),
      fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[]",:\\ 0-e.tnf\u0001é')).map(([text, at, insert]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + insert + text.slice(place);
      }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const isJson = parses(text);
        const unknown = Buffer.from(`{"unknown":${text}}`);
        if (isJson) expect(protobufOf('traces', unknown, MAX_BYTES)).toHaveLength(0);
        // An insertion may close the object early and leave more behind; then both refuse, too.
        else if (!parses(unknown.toString()))
          expect(refusal(() => protobufOf('traces', unknown, MAX_BYTES)).code).toBe('OTLP_MALFORMED');
      }),
      { numRuns: 3_000 },
    );
  });

  function parses(text: string): boolean {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  }
});

describe('what OTLP/JSON is known for', () => {
  it.each([
    [
      '{"traceId":"0AF7651916cd43dd8448EB211c80319c"}',
      { trace_id: Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex') },
    ],
    ['{"links":[{"spanId":"00F067AA0BA902B7"}]}', { links: [{ span_id: Buffer.from('00f067aa0ba902b7', 'hex') }] }],
    ['{"startTimeUnixNano":"1700000000123456789"}', { start_time_unix_nano: '1700000000123456789' }],
    ['{"startTimeUnixNano":1700000000123456789}', { start_time_unix_nano: '1700000000123456789' }],
    ['{"startTimeUnixNano":1.7e18}', { start_time_unix_nano: '1700000000000000000' }],
    ['{"startTimeUnixNano":"18446744073709551615"}', { start_time_unix_nano: '18446744073709551615' }],
    ['{"kind":3.0,"flags":"257"}', { kind: 3, flags: 257 }],
    ['{"name":null,"attributes":null,"status":null}', {}],
    ['{"start_time_unix_nano":"5","trace_id":"zz","nothing":{"a":[1,{"b":null}]}}', {}],
    ['{"name":"\\ud83d\\ude00 \\u0041\\n\\"\\\\"}', { name: '😀 A\n"\\' }],
    ['{"name":"a\\ud800b"}', { name: 'a\ufffdb' }],
    ['{"n\\u0061me":"x"}', { name: 'x' }],
    [' {\t"name" :\r\n"x" } ', { name: 'x' }],
  ])('%s', (text, span) => {
    expect(spanOf(text)).toEqual(span);
  });

  it.each([
    ['{"intValue":"-9223372036854775808"}', { int_value: '-9223372036854775808' }],
    ['{"intValue":9007199254740993}', { int_value: '9007199254740993' }],
    ['{"intValue":1e+300}', { double_value: 1e300 }],
    ['{"intValue":-9223372036854775809}', { double_value: -(2 ** 63) }],
    ['{"doubleValue":"NaN"}', { double_value: Number.NaN }],
    ['{"doubleValue":"-Infinity"}', { double_value: Number.NEGATIVE_INFINITY }],
    ['{"doubleValue":"1.5"}', { double_value: 1.5 }],
    ['{"doubleValue":-0}', { double_value: -0 }],
    ['{"bytesValue":"-_8="}', { bytes_value: Buffer.from([0xfb, 0xff]) }],
    ['{"bytesValue":"+/8"}', { bytes_value: Buffer.from([0xfb, 0xff]) }],
    ['{"boolValue":false}', { bool_value: false }],
    ['{"stringValue":""}', { string_value: '' }],
    ['{}', {}],
    ['{"stringValue":null,"intValue":1}', { int_value: '1' }],
    [
      '{"kvlistValue":{"values":[{"key":"__proto__","value":{"arrayValue":{"values":[{},{"intValue":1}]}}}]}}',
      {
        kvlist_value: { values: [{ key: '__proto__', value: { array_value: { values: [{}, { int_value: '1' }] } } }] },
      },
    ],
  ])('a value %s', (text, value) => {
    expect(attributeOf(text)).toEqual(value);
  });

  it('takes a key __proto__ for a key like any other', () => {
    expect(spanOf('{"__proto__":{"name":"x"},"constructor":{"prototype":{"a":1}}}')).toEqual({});
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  it('takes a byte order mark, and bytes that are no UTF-8', () => {
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{}')]);
    expect(protobufOf('traces', marked, MAX_BYTES)).toHaveLength(0);
    const text = Buffer.from('{"resourceSpans":[{"schemaUrl":"a?b"}]}');
    text[text.indexOf('?')] = 0xff;
    expect(decodeTraceRequest(protobufOf('traces', text, MAX_BYTES)).resource_spans?.[0]?.schema_url).toBe('a\ufffdb');
  });
});

describe('what is wrong is named, with its place and never with its value', () => {
  const SPAN = 'resourceSpans[0].scopeSpans[0].spans[0]';
  it.each([
    ['{"name":5}', `${SPAN}.name`, 'expected a string, got a number'],
    ['{"traceId":"xyz"}', `${SPAN}.traceId`, 'expected a string in hex'],
    ['{"traceId":"abc"}', `${SPAN}.traceId`, 'expected a string in hex'],
    ['{"kind":"SPAN_KIND_SERVER"}', `${SPAN}.kind`, 'enums by number'],
    ['{"kind":-1}', `${SPAN}.kind`, 'from 0 to'],
    ['{"kind":1.5}', `${SPAN}.kind`, 'expected an integer'],
    ['{"kind":4294967296}', `${SPAN}.kind`, 'from 0 to 2147483647'],
    ['{"flags":4294967296}', `${SPAN}.flags`, 'from 0 to 4294967295'],
    ['{"startTimeUnixNano":-1}', `${SPAN}.startTimeUnixNano`, 'from 0 to'],
    ['{"startTimeUnixNano":"18446744073709551616"}', `${SPAN}.startTimeUnixNano`, 'from 0 to'],
    ['{"startTimeUnixNano":1e9999}', `${SPAN}.startTimeUnixNano`, 'from 0 to'],
    ['{"startTimeUnixNano":""}', `${SPAN}.startTimeUnixNano`, 'expected an integer'],
    ['{"startTimeUnixNano":"0x5"}', `${SPAN}.startTimeUnixNano`, 'expected an integer'],
    ['{"startTimeUnixNano":true}', `${SPAN}.startTimeUnixNano`, 'expected an integer, got a boolean'],
    [`{"startTimeUnixNano":${'1'.repeat(500)}}`, `${SPAN}.startTimeUnixNano`, 'too long'],
    ['{"attributes":{}}', `${SPAN}.attributes`, 'expected an array, got an object'],
    ['{"attributes":[null]}', `${SPAN}.attributes[0]`, 'expected an object, got null'],
    ['{"attributes":[{},{"value":{"intValue":"secret"}}]}', `${SPAN}.attributes[1].value.intValue`, 'an integer'],
    ['{"attributes":[{"value":{"intValue":"1e300"}}]}', `${SPAN}.attributes[0].value.intValue`, 'from -9223'],
    ['{"attributes":[{"value":{"intValue":1e999}}]}', `${SPAN}.attributes[0].value.intValue`, 'from -9223'],
    ['{"attributes":[{"value":{"doubleValue":"secret"}}]}', `${SPAN}.attributes[0].value.doubleValue`, '"NaN"'],
    ['{"attributes":[{"value":{"doubleValue":1e999}}]}', `${SPAN}.attributes[0].value.doubleValue`, '"NaN"'],
    ['{"attributes":[{"value":{"bytesValue":"secret!"}}]}', `${SPAN}.attributes[0].value.bytesValue`, 'base64'],
    ['{"attributes":[{"value":{"boolValue":"true"}}]}', `${SPAN}.attributes[0].value.boolValue`, 'true or false'],
    ['{"attributes":[{"value":{"stringValue":"secret","intValue":1}}]}', `${SPAN}.attributes[0].value`, 'two values'],
    ['{"name":"a","name":"secret"}', `${SPAN}.name`, 'given twice'],
    ['{"status":[]}', `${SPAN}.status`, 'expected an object, got an array'],
    ['{"name":"\\x"}', `${SPAN}.name`, 'an escape'],
    ['{"name":"a\u0001"}', `${SPAN}.name`, 'not valid JSON'],
    ['{"unknown":"\\u00g0"}', SPAN, 'an escape'],
    ['{"kind":01}', `${SPAN}.kind`, 'a number is not valid'],
    ['{"name":"a",}', SPAN, 'not valid JSON'],
    ['{"name":truth}', `${SPAN}.name`, 'got a boolean'],
    ['{"unknown":truth}', SPAN, 'not valid JSON'],
  ])('%s', (text, place, what) => {
    const error = refusal(() => spanOf(text));
    expect(error).toMatchObject({ code: 'OTLP_MALFORMED', message: expect.stringContaining(what) });
    expect(error.message).toContain(`(${place}`);
    expect(error.message).not.toMatch(/secret|truth/);
    expect(error.pointer).toMatch(/^\/resourceSpans\/0\/scopeSpans\/0\/spans\/0/);
  });

  it.each([
    ['', 'cut off'],
    ['   ', 'cut off'],
    ['[]', 'expected an object, got an array'],
    ['null', 'expected an object, got null'],
    ['"{}"', 'expected an object, got a string'],
    ['{} {}', 'something follows'],
    ['{', 'cut off'],
    ['{"resourceSpans":[', 'cut off'],
    ['{"resourceSpans":[{}', 'cut off'],
    ["{'resourceSpans':[]}", 'not valid JSON'],
    ['\u0000{}', 'not valid JSON'],
  ])('also of the whole: %j', (text, what) => {
    expect(refusal(() => convert(text)).message).toContain(what);
  });
});

describe("keys in protobuf's spelling", () => {
  it.each([
    ['{"resource_spans":[{"scope_spans":[]}]}', 'resource_spans', 'resourceSpans'],
    [
      '{"resourceSpans":[{"scope_spans":[{"spans":[{}]}]}]}',
      'resourceSpans[0].scope_spans',
      'resourceSpans[0].scopeSpans',
    ],
  ])('%s is refused with the right one: nothing of it could be kept', (text, wrong, right) => {
    expect(refusal(() => convert(text))).toMatchObject({
      ...{ code: 'OTLP_MALFORMED', message: expect.stringContaining(wrong), hint: expect.stringContaining(right) },
    });
  });

  it('are ignored like any unknown key where there is telemetry', () => {
    expect(spanOf('{"name":"kept","start_time_unix_nano":"5"}')).toEqual({ name: 'kept' });
  });

  it.each(['{}', '{"resourceSpans":[]}', '{"unknown":1}', '{"resourceSpans":null}'])(
    '%s is a request of nothing',
    (text) => {
      expect(convert(text).length).toBeLessThanOrEqual(2);
      expect(checkRequest('traces', convert(text))).toBe(0);
    },
  );
});
