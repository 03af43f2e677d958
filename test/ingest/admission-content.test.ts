/** What a span may hold: what is too much is cut and marked, and everything else stays to the byte. */
import { describe, expect, it } from 'vitest';
import type { IngestLimits } from '../../ingest/limits.ts';
import { READ_ATTRIBUTES } from '../../src/domain/read-attributes.ts';
import { AdmissionBench, encoded, spanWith } from '../support/ingest-admission.ts';
import {
  decodeTraceRequest,
  encodeTraceRequest,
  type OtlpAnyValue,
  type OtlpSpan,
  spansOf,
} from '../support/otlp-proto.ts';
import { fullSpan, sampleSpan } from '../support/otlp-samples.ts';

function limited(spans: OtlpSpan[], limits: Partial<IngestLimits>) {
  const bench = new AdmissionBench(limits);
  const sent = encoded(spans);
  const { body, items, rejected } = bench.admit(sent);
  expect([items, rejected]).toEqual([spans.length, 0]);
  return { spans: spansOf(decodeTraceRequest(body)), counts: bench.limited, isSame: body === sent };
}

const valueUnder = (span: OtlpSpan | undefined, key: string) =>
  span?.attributes?.find((attribute) => attribute.key === key)?.value;
const marksOf = (span: OtlpSpan | undefined) => valueUnder(span, 'tenantry.limited')?.string_value;
const keysOf = (span: OtlpSpan | undefined) => span?.attributes?.map(({ key }) => key);
const text = (bytes: number) => 'x'.repeat(bytes);
const DEFAULTS = { attributes: 128, keyBytes: 256, valueBytes: 8_192, valueDepth: 8 };

describe('attributes of a span', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));

  it('may be as many as the limit; the rest is dropped and counted, and what Tenantry reads stays', () => {
    const read = { 'gen_ai.usage.input_tokens': 7, 'http.route': '/a', tenant_id: 'acme' };
    const spans = [spanWith(many(10)), spanWith({ ...many(11), ...read }, { dropped_attributes_count: 4 })];
    const {
      spans: [kept, cut],
      counts,
    } = limited(spans, { attributes: 10 });
    expect(kept).toEqual(spansOf(decodeTraceRequest(encoded(spans)))[0]);
    expect(keysOf(cut)).toEqual([...Object.keys(many(7)), ...Object.keys(read), 'tenantry.limited']);
    expect(cut).toMatchObject({ dropped_attributes_count: 8 });
    expect(marksOf(cut)).toBe('attributes');
    expect(counts).toEqual({ attributes_per_span: 4 });
  });

  it('that are read keep their place even when they alone are too many, but not a thousand copies of one', () => {
    const all = Object.fromEntries([...READ_ATTRIBUTES].map((key) => [key, 1]));
    const {
      spans: [whole],
    } = limited([spanWith({ ...many(5), ...all })], { attributes: 3 });
    expect(keysOf(whole)).toEqual([...READ_ATTRIBUTES, 'tenantry.limited']);
    const copies = { key: 'http.route', value: { string_value: '/a' } };
    const span = { ...spanWith({}), attributes: Array.from({ length: 500 }, () => copies) };
    const {
      spans: [cut],
    } = limited([span], { attributes: 10 });
    expect(keysOf(cut)).toHaveLength(11);
  });

  it('with long keys are dropped, wherever they stand', () => {
    const long = text(257);
    const event = {
      name: 'e',
      attributes: [
        { key: long, value: { int_value: 1 } },
        { key: text(256), value: { int_value: 2 } },
      ],
    };
    const span = spanWith({ [long]: 1, [text(256)]: 2 }, { events: [event] });
    const {
      spans: [cut],
      counts,
    } = limited([span], { keyBytes: 256 });
    expect(keysOf(cut)).toEqual([text(256), 'tenantry.limited']);
    expect(cut?.events?.[0]).toMatchObject({ dropped_attributes_count: 1, attributes: [{ key: text(256) }] });
    expect([marksOf(cut), counts]).toEqual(['keys', { attribute_key_bytes: 2 }]);
  });

  it('that pretend to be two tenants are taken by the first', () => {
    const twice = [
      { key: 'tenant_id', value: { string_value: 'first' } },
      { key: 'tenant_id', value: { string_value: 'second' } },
    ];
    const {
      spans: [cut],
    } = limited([{ ...spanWith({}), attributes: twice }], {});
    expect(valueUnder(cut, 'tenant_id')).toEqual({ string_value: 'first' });
    expect(keysOf(cut)).toEqual(['tenant_id', 'tenantry.limited']);
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'called %s stay as they are',
    (key) => {
      const {
        spans: [cut],
      } = limited([spanWith({ [`${key}`]: 'x' }), spanWith({ x: text(99) })], { valueBytes: 50 });
      expect(cut?.attributes).toEqual([{ key, value: { string_value: 'x' } }]);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      const rewritten = limited([{ ...spanWith({}), attributes: [{ key, value: { string_value: text(60) } }] }], {
        valueBytes: 50,
      });
      expect(rewritten.spans[0]?.attributes?.[0]).toEqual({ key, value: { string_value: text(50) } });
    },
  );
});

describe('values', () => {
  it.each([8_191, 8_192, 8_193, 65_536, 1_000_000])('of %i bytes are cut to the limit', (bytes) => {
    const {
      spans: [cut],
      counts,
    } = limited([spanWith({ v: text(bytes) })], DEFAULTS);
    expect(valueUnder(cut, 'v')?.string_value).toHaveLength(Math.min(bytes, 8_192));
    expect(counts).toEqual(bytes > 8_192 ? { attribute_value_bytes: 1 } : {});
    expect(marksOf(cut)).toBe(bytes > 8_192 ? 'values' : undefined);
  });

  it.each(['é', '€', '𝄞', 'a\u0301'])('are cut between characters: %s', (character) => {
    const whole = character.repeat(100);
    for (let limit = 20; limit < 28; limit++) {
      const {
        spans: [cut],
      } = limited([spanWith({ v: whole })], { valueBytes: limit });
      const kept = valueUnder(cut, 'v')?.string_value ?? '';
      expect(kept).not.toContain('\ufffd');
      expect(whole.startsWith(kept)).toBe(true);
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(limit);
      expect(Buffer.byteLength(kept)).toBeGreaterThan(limit - 4);
    }
  });

  it('of bytes that are no UTF-8 are cut as well', () => {
    const span = { ...spanWith({}), attributes: [{ key: 'v', value: { bytes_value: Buffer.alloc(100, 0x80) } }] };
    const {
      spans: [cut],
    } = limited([span], { valueBytes: 10 });
    expect(valueUnder(cut, 'v')?.bytes_value).toHaveLength(10);
    const bytes = Buffer.from(encoded([spanWith({ v: text(100) })]));
    bytes.fill(0x80, bytes.indexOf(text(100)), bytes.indexOf(text(100)) + 100);
    const admitted = new AdmissionBench({ valueBytes: 10 }).admit(bytes);
    expect(Buffer.from(admitted.body).includes(Buffer.alloc(10, 0x80))).toBe(true);
    expect(Buffer.from(admitted.body).includes(Buffer.alloc(11, 0x80))).toBe(false);
  });

  it('in lists end where the limit is reached', () => {
    const values = Array.from({ length: 100 }, (_, index) => ({ string_value: `value ${index}` }));
    const pairs = values.map((value, index) => ({ key: `key ${index}`, value }));
    const span = {
      ...spanWith({}),
      attributes: [
        { key: 'array', value: { array_value: { values } } },
        { key: 'list', value: { kvlist_value: { values: pairs } } },
      ],
    };
    const {
      spans: [cut],
    } = limited([span], { valueBytes: 200 });
    const kept = valueUnder(cut, 'array')?.array_value?.values ?? [];
    expect(kept.length).toBeGreaterThan(10);
    expect(kept).toEqual(values.slice(0, kept.length));
    const keptPairs = valueUnder(cut, 'list')?.kvlist_value?.values ?? [];
    expect(keptPairs.length).toBeGreaterThan(5);
    expect(keptPairs).toEqual(pairs.slice(0, keptPairs.length));
  });

  function nested(depth: number, kind: 'array' | 'kvlist'): OtlpAnyValue {
    let value: OtlpAnyValue = { string_value: 'innermost' };
    for (let level = 1; level < depth; level++) {
      value =
        kind === 'array' ? { array_value: { values: [value] } } : { kvlist_value: { values: [{ key: 'k', value }] } };
    }
    return value;
  }

  it.each(['array', 'kvlist'] as const)(
    'nested too deep as %s are cut at the limit, and the request is taken',
    (kind) => {
      for (const depth of [7, 8, 9, 16]) {
        const span = { ...spanWith({}), attributes: [{ key: 'deep', value: nested(depth, kind) }] };
        const {
          spans: [cut, other],
          counts,
        } = limited([span, spanWith({ other: 1 })], DEFAULTS);
        const json = JSON.stringify(valueUnder(cut, 'deep'));
        expect(json.includes('innermost')).toBe(depth <= 8);
        expect(json.includes('(nested too deep)')).toBe(depth > 8);
        expect(json.split('_value').length - 1).toBe(Math.min(depth, 8));
        expect([marksOf(cut), counts]).toEqual(depth > 8 ? ['depth', { value_depth: 1 }] : [undefined, {}]);
        expect(other).toEqual(spansOf(decodeTraceRequest(encoded([spanWith({ other: 1 })])))[0]);
      }
    },
  );

  it('of resources, scopes, events and links are cut and marked where they stand', () => {
    const long = [{ key: 'long', value: { string_value: text(100) } }];
    const request = {
      resource_spans: [
        {
          resource: { attributes: long },
          scope_spans: [
            {
              scope: { name: 's', attributes: long },
              spans: [
                spanWith({}, { links: [{ attributes: long }] }),
                spanWith({}, { events: [{ attributes: long }] }),
                spanWith({}),
              ],
            },
          ],
        },
      ],
    };
    const bench = new AdmissionBench({ valueBytes: 10 });
    const [all] = decodeTraceRequest(bench.admit(encodeTraceRequest(request)).body).resource_spans ?? [];
    const cut = [{ key: 'long', value: { string_value: text(10) } }];
    const mark = { key: 'tenantry.limited', value: { string_value: 'values' } };
    const [scope] = all?.scope_spans ?? [];
    expect(all?.resource?.attributes).toEqual([...cut, mark]);
    expect(scope?.scope?.attributes).toEqual([...cut, mark]);
    expect(scope?.spans?.map(({ attributes }) => attributes)).toEqual([[mark], [mark], undefined]);
    expect([scope?.spans?.[0]?.links?.[0]?.attributes, scope?.spans?.[1]?.events?.[0]?.attributes]).toEqual([cut, cut]);
    expect(bench.limited).toEqual({ attribute_value_bytes: 4 });
  });
});

it('leaves a request that touches no limit as the very bytes that came', () => {
  const spans = [fullSpan(), sampleSpan(), spanWith({ v: text(8_192), [text(256)]: text(300) })];
  expect(limited(spans, { ...DEFAULTS, routesPerTenant: 1_000, attributeKeysPerTenant: 1_000 })).toMatchObject({
    isSame: true,
    counts: {},
  });
});

it('takes numbers as they come: what they are worth is for the views to say', () => {
  const numbers = [Number.NaN, Number.POSITIVE_INFINITY, -0, 1e308, -1].map((double_value) => ({
    key: 'gen_ai.usage.input_tokens',
    value: { double_value },
  }));
  const span = {
    ...spanWith({ v: text(100) }),
    attributes: [...numbers, { key: 'v', value: { string_value: text(100) } }],
  };
  const {
    spans: [cut],
  } = limited([span], { valueBytes: 50 });
  expect(cut?.attributes?.slice(0, 5)).toEqual(numbers);
});
