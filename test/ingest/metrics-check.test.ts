import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRequest, type OtlpSignal, WIRE_LIMITS } from '../../ingest/wire-check.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { TRAILER } from '../../src/domain/spool-format.ts';
import { otlpMetrics } from '../support/metrics.ts';
import { varint, wrap } from '../support/otlp-bombs.ts';
import {
  decodeMetricsRequest,
  encodeLogsRequest,
  encodeMetricsRequest,
  type OtlpMetric,
  pointsIn,
} from '../support/otlp-metrics-proto.ts';
import { fullMetrics } from '../support/otlp-metrics-samples.ts';
import { otlpAttributes } from '../support/spans.ts';

const LEN = 2;

function field(number: number, wireType: number, ...payload: number[]): number[] {
  return [...varint(number * 8 + wireType), ...payload];
}

function message(number: number, payload: readonly number[]): number[] {
  return [...field(number, LEN), ...varint(payload.length), ...payload];
}

/** A request with one metric that holds the given bytes. */
function metricOf(...metric: number[]): Uint8Array {
  return Uint8Array.from(message(1, message(2, message(2, metric))));
}

function refusalOf(bytes: Uint8Array, signal: OtlpSignal = 'metrics'): string {
  try {
    checkRequest(signal, bytes);
  } catch (error) {
    if (error instanceof TenantryError && error.code === 'OTLP_MALFORMED') return error.message;
    throw error;
  }
  return 'taken';
}

const full = () => encodeMetricsRequest(otlpMetrics(fullMetrics(Date.now())));

describe('checkRequest of metrics', () => {
  it('counts the points of all kinds as protobufjs encodes them, with every field', () => {
    expect(checkRequest('metrics', full())).toBe(6);
  });

  it('takes an empty request and empty messages, which are points only where a point stands', () => {
    expect(checkRequest('metrics', new Uint8Array(0))).toBe(0);
    const empty: OtlpMetric[] = [{}, { gauge: {} }, { sum: { data_points: [] } }, { summary: { data_points: [{}] } }];
    expect(checkRequest('metrics', encodeMetricsRequest(otlpMetrics(empty)))).toBe(1);
  });

  it('counts like the decoder for random requests', () => {
    const attributes = fc.array(fc.record({ key: fc.string(), value: fc.record({ string_value: fc.string() }) }), {
      maxLength: 3,
    });
    const number = fc.record({ attributes, as_double: fc.double(), time_unix_nano: fc.nat() });
    const distribution = fc.record({ attributes, count: fc.nat(), sum: fc.double(), flags: fc.nat() });
    const buckets = fc.array(fc.nat(), { maxLength: 20 });
    const metric: fc.Arbitrary<OtlpMetric> = fc.oneof(
      fc.record({ name: fc.string(), gauge: fc.record({ data_points: fc.array(number, { maxLength: 4 }) }) }),
      fc.record({ sum: fc.record({ data_points: fc.array(number, { maxLength: 4 }), is_monotonic: fc.boolean() }) }),
      fc.record({
        histogram: fc.record({
          data_points: fc.array(
            fc.tuple(distribution, buckets).map(([point, bucket_counts]) => ({ ...point, bucket_counts })),
            { maxLength: 3 },
          ),
        }),
      }),
      fc.record({ exponential_histogram: fc.record({ data_points: fc.array(distribution, { maxLength: 3 }) }) }),
      fc.record({ summary: fc.record({ data_points: fc.array(distribution, { maxLength: 3 }) }) }),
      fc.record({ name: fc.string() }),
    );
    fc.assert(
      fc.property(fc.array(metric, { maxLength: 6 }), (metrics) => {
        const bytes = encodeMetricsRequest(otlpMetrics(metrics));
        expect(checkRequest('metrics', bytes)).toBe(pointsIn(decodeMetricsRequest(bytes)));
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a request cut off at any byte', () => {
    const bytes = full();
    for (let length = 1; length < bytes.length; length++) {
      expect(refusalOf(bytes.subarray(0, length)), `${length} of ${bytes.length} bytes`).not.toBe('taken');
    }
  });

  it('answers every mutation with a count or a refusal, and never takes what the decoder cannot read', () => {
    const original = full();
    const mutation = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    let taken = 0;
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = Uint8Array.from(original);
        for (const [at, value] of changes) bytes[at] = value;
        if (refusalOf(bytes) !== 'taken') return;
        taken++;
        try {
          decodeMetricsRequest(bytes);
        } catch (error) {
          // Strings are let through as they are; protobufjs refuses those that are no UTF-8.
          expect(String(error)).toMatch(/encoded data|utf-8/i);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  const histogramWith = (...point: number[]) => metricOf(...message(9, message(1, point)));
  const bucketsWith = (...buckets: number[]) => metricOf(...message(10, message(1, message(8, buckets))));
  const EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];

  it.each([
    ['packed numbers', histogramWith(...message(6, [...EIGHT, ...EIGHT]))],
    ['the same one by one', histogramWith(...field(6, 1, ...EIGHT), ...field(6, 1, ...EIGHT))],
    ['packed varints', bucketsWith(...message(2, [0x01, 0xff, 0x01]))],
    ['those one by one', bucketsWith(...field(2, 0, 0x01), ...field(2, 0, 0xff, 0x01))],
    ['no numbers', histogramWith(...message(6, []))],
    ['unknown fields', metricOf(...field(99, 0, 1), ...message(7, [...message(1, field(31, 5, 1, 2, 3, 4))]))],
  ])('takes %s', (_what, bytes) => {
    expect(checkRequest('metrics', bytes)).toBe(1);
  });

  it.each([
    [
      'packed numbers that end in the middle of one',
      histogramWith(...message(6, EIGHT.slice(1))),
      'bucket_counts ends',
    ],
    ['a packed varint that does not end', bucketsWith(...message(2, [0x01, 0x80])), 'ends in the middle of a field'],
    ['packed numbers of the wrong kind', histogramWith(...field(6, 0, 1)), 'bucket_counts has wire type 0'],
    ['two kinds of data in one metric', metricOf(...message(5, []), ...message(7, [])), 'Metric holds two values'],
    [
      'two values in one point',
      metricOf(...message(5, message(1, [...field(4, 1, ...EIGHT), ...field(6, 1, ...EIGHT)]))),
      'NumberDataPoint holds two values',
    ],
    ['a truth above 1', metricOf(...message(7, field(3, 0, 2))), 'Sum.is_monotonic is 2, above 1'],
    [
      'a temporality above 31 bits',
      metricOf(...message(7, field(2, 0, 0xff, 0xff, 0xff, 0xff, 0x0f))),
      'Sum.aggregation',
    ],
    ['flags above 32 bits', metricOf(...message(5, message(1, field(8, 0, 0xff, 0xff, 0xff, 0xff, 0x1f)))), '32 bits'],
    ['a count as varint', histogramWith(...field(4, 0, 1)), 'HistogramDataPoint.count has wire type 0 instead of 1'],
    ['a forged trailer', Uint8Array.from(message(TRAILER.KEY_TENANT, [0x61])), 'field number 50003 is reserved'],
    ['text', Buffer.from('{"resourceMetrics":[]}'), 'not an ExportMetricsServiceRequest'],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(refusalOf(bytes)).toContain(reason);
  });

  it('names the message that it expects, and how to send it', () => {
    expect(() => checkRequest('metrics', Buffer.from('<html>'))).toThrowError(
      expect.objectContaining({
        hint: expect.stringContaining('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest'),
      }),
    );
  });

  it.each([
    ['ResourceMetrics', [], [0x0a, 0x00]],
    ['ScopeMetrics', [1], [0x12, 0x00]],
    ['metrics', [1, 2], [0x12, 0x00]],
    ['points', [1, 2, 2, 5], [0x0a, 0x00]],
    ['points of histograms', [1, 2, 2, 9], [0x0a, 0x00]],
    ['attributes', [1, 2, 2, 5, 1], [0x3a, 0x00]],
    ['exemplars', [1, 2, 2, 5, 1], [0x2a, 0x00]],
    ['quantiles', [1, 2, 2, 11, 1], [0x32, 0x00]],
  ] as const)('refuses 2 million empty %s', (_kind, path, unit) => {
    const bytes = path.reduceRight<Buffer>(
      (body, number) => wrap(body, number),
      Buffer.alloc(4 * 1024 * 1024, Buffer.from(unit)),
    );
    expect(refusalOf(bytes)).toContain('more than');
  });

  it('takes what large but honest batches hold', () => {
    const one = full();
    const many = Buffer.concat(Array.from({ length: Math.floor(WIRE_LIMITS.items / 6) }, () => one));
    expect(checkRequest('metrics', many)).toBe(Math.floor(WIRE_LIMITS.items / 6) * 6);
  });
});

describe('checkRequest of logs', () => {
  const request = encodeLogsRequest({
    resource_logs: [
      {
        resource: { attributes: otlpAttributes({ 'service.name': 'shop' }) },
        scope_logs: [{ log_records: [{ body: { string_value: 'one' } }, { attributes: otlpAttributes({ n: 1 }) }] }],
      },
    ],
  });

  it('counts records, and refuses what is cut off or something else', () => {
    expect(checkRequest('logs', request)).toBe(2);
    for (let length = 1; length < request.length; length++) {
      expect(refusalOf(request.subarray(0, length), 'logs')).toContain('not an ExportLogsServiceRequest');
    }
    expect(refusalOf(Buffer.from('plain text'), 'logs')).toContain('not an ExportLogsServiceRequest');
  });
});
