import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRequest, WIRE_LIMITS } from '../../ingest/wire-check.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { TRAILER } from '../../src/domain/spool-format.ts';
import { tinyMessageBombs, varint, wrap } from '../support/otlp-bombs.ts';
import { decodeTraceRequest, encodeTraceRequest, type OtlpAnyValue, spansOf } from '../support/otlp-proto.ts';
import { fullSpan, sampleRequest, sampleSpan } from '../support/otlp-samples.ts';

const LEN = 2;

function field(number: number, wireType: number, ...payload: number[]): number[] {
  return [...varint(number * 8 + wireType), ...payload];
}

function message(number: number, payload: readonly number[] | Uint8Array): number[] {
  return [...field(number, LEN), ...varint(payload.length), ...payload];
}

/** A request with one span that holds the given bytes. */
function spanOf(...span: number[]): Uint8Array {
  return Uint8Array.from(message(1, message(2, message(2, span))));
}

function refusalOf(bytes: Uint8Array): string {
  try {
    checkRequest('traces', bytes);
  } catch (error) {
    if (error instanceof TenantryError && error.code === 'OTLP_MALFORMED') return error.message;
    throw error;
  }
  return 'taken';
}

describe('checkRequest of traces', () => {
  it('counts the spans of what protobufjs encodes, with every field and kind of value', () => {
    const request = {
      resource_spans: [
        ...(sampleRequest(3).resource_spans ?? []),
        ...(sampleRequest([fullSpan()]).resource_spans ?? []),
      ],
    };
    expect(checkRequest('traces', encodeTraceRequest(request))).toBe(4);
  });

  it('takes an empty request and empty messages', () => {
    expect(checkRequest('traces', new Uint8Array(0))).toBe(0);
    expect(
      checkRequest('traces', encodeTraceRequest({ resource_spans: [{}, { scope_spans: [{ spans: [{}] }] }] })),
    ).toBe(1);
  });

  it('counts like the decoder for random requests', () => {
    const anyValue = fc.letrec<{ value: OtlpAnyValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.record({ string_value: fc.string() }),
        fc.record({ int_value: fc.integer() }),
        fc.record({ double_value: fc.double() }),
        fc.record({ bytes_value: fc.uint8Array() }),
        fc.record({ array_value: fc.record({ values: fc.array(tie('value'), { maxLength: 3 }) }) }),
        fc.record({
          kvlist_value: fc.record({
            values: fc.array(fc.record({ key: fc.string(), value: tie('value') }), { maxLength: 3 }),
          }),
        }),
      ),
    })).value;
    const span = fc.record({
      name: fc.string(),
      attributes: fc.array(fc.record({ key: fc.string(), value: anyValue }), { maxLength: 5 }),
    });
    const spans = fc.array(span, { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(spans, { maxLength: 3 }), (scopes) => {
        const bytes = encodeTraceRequest({
          resource_spans: [{ scope_spans: scopes.map((list) => ({ spans: list })) }],
        });
        expect(checkRequest('traces', bytes)).toBe(spansOf(decodeTraceRequest(bytes)).length);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a request cut off at any byte, except where whole resources remain', () => {
    const bytes = encodeTraceRequest(sampleRequest([fullSpan(), sampleSpan()]));
    expect(checkRequest('traces', bytes)).toBe(2);
    for (let length = 1; length < bytes.length; length++) {
      expect(refusalOf(bytes.subarray(0, length)), `${length} of ${bytes.length} bytes`).not.toBe('taken');
    }
  });

  it('answers every mutation with a count or a refusal, and never takes what the decoder cannot read', () => {
    const original = encodeTraceRequest(sampleRequest([fullSpan(), sampleSpan()]));
    const mutation = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    let taken = 0;
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = Uint8Array.from(original);
        for (const [at, value] of changes) bytes[at] = value;
        if (refusalOf(bytes) !== 'taken') return;
        taken++;
        try {
          decodeTraceRequest(bytes);
        } catch (error) {
          // Strings are let through as they are; protobufjs refuses those that are no UTF-8.
          expect(String(error)).toMatch(/encoded data|utf-8/i);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('ends on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refusalOf(bytes);
      }),
      { numRuns: 5_000 },
    );
  });

  it('skips unknown fields of every wire type at every level', () => {
    const unknown = [
      ...field(99, 0, 0x96, 0x01),
      ...field(100, 1, 1, 2, 3, 4, 5, 6, 7, 8),
      ...message(1_000, [1, 2, 3]),
      ...field(31, 5, 1, 2, 3, 4),
    ];
    const value = [...message(1, [0x61]), ...unknown];
    const attribute = [...message(1, [0x61]), ...message(2, value), ...unknown];
    const span = [...message(9, attribute), ...unknown];
    const scope = [...message(2, span), ...unknown];
    const resource = [...message(2, scope), ...unknown];
    const bytes = Uint8Array.from([...message(1, resource), ...unknown]);
    expect(checkRequest('traces', bytes)).toBe(1);
  });

  it.each([
    ['a known field of the wrong wire type', spanOf(...field(5, 0, 1)), 'Span.name has wire type 0 instead of 2'],
    [
      'a message sent as a number',
      Uint8Array.from(field(1, 0, 1)),
      'ExportTraceServiceRequest.resource_spans has wire type 0',
    ],
    ['field number 0', spanOf(0x02, 0x00), 'field number 0 in Span'],
    ['a group', spanOf(...field(99, 3), ...field(99, 4)), 'Span field 99 is a group'],
    ['a wire type that does not exist', spanOf(...field(99, 6)), 'wire type 6 in Span does not exist'],
    ['a length beyond the message', spanOf(...field(5, LEN, 5, 0x61)), 'Span.name claims 5 bytes where 1 are left'],
    ['a length of more than 32 bits', spanOf(...field(5, LEN), 0xff, 0xff, 0xff, 0xff, 0x7f), 'exceeds 32 bits'],
    ['a number of eleven bytes', spanOf(...field(6, 0), ...Array(10).fill(0x80), 0x01), 'Span.kind exceeds 64 bits'],
    [
      'a number of more than 64 bits',
      spanOf(...field(6, 0), ...Array(9).fill(0x80), 0x02),
      'Span.kind exceeds 64 bits',
    ],
    ['a fixed64 that is cut off', spanOf(...field(7, 1), 1, 2, 3), 'Span ends in the middle of a field'],
    ['a forged trailer', Uint8Array.from(message(TRAILER.KEY_TENANT, [0x61])), 'field number 50003 is reserved'],
    ['a kind above 31 bits', spanOf(...field(6, 0), 0xff, 0xff, 0xff, 0xff, 0x0f), 'Span.kind is 4294967295'],
    ['a negative kind', spanOf(...field(6, 0), ...Array(9).fill(0xff), 0x01), 'exceeds 32 bits'],
    ['a bool above 1', spanOf(...message(9, message(2, field(2, 0, 2)))), 'AnyValue.bool_value is 2, above 1'],
    [
      'two kinds of one value',
      spanOf(...message(9, message(2, [...message(1, [0x61]), ...field(3, 0, 1)]))),
      'AnyValue holds two values',
    ],
    [
      'two values of one attribute',
      spanOf(...message(9, [...message(2, message(1, [0x61])), ...message(2, [])])),
      'KeyValue holds two values',
    ],
    ['text', Buffer.from('{"resourceSpans":[]}'), 'not an ExportTraceServiceRequest'],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(refusalOf(bytes)).toContain(reason);
  });

  it('takes numbers of ten bytes: a negative int64 is one', () => {
    expect(checkRequest('traces', spanOf(...message(9, message(2, field(3, 0, ...Array(9).fill(0xff), 0x01)))))).toBe(
      1,
    );
  });

  it('leaves trailer field numbers below the top level alone', () => {
    expect(checkRequest('traces', spanOf(...message(TRAILER.KEY_ID, [0x61])))).toBe(1);
  });

  function nested(depth: number, kind: 'array' | 'kvlist'): Uint8Array {
    let value: OtlpAnyValue = { string_value: 'x' };
    for (let i = 1; i < depth; i++) {
      value =
        kind === 'array' ? { array_value: { values: [value] } } : { kvlist_value: { values: [{ key: 'k', value }] } };
    }
    return encodeTraceRequest(sampleRequest([sampleSpan('deep', { attributes: [{ key: 'deep', value }] })]));
  }

  it.each(['array', 'kvlist'] as const)('takes %s values of depth 16 and refuses 17', (kind) => {
    expect(checkRequest('traces', nested(WIRE_LIMITS.valueDepth, kind))).toBe(1);
    expect(refusalOf(nested(WIRE_LIMITS.valueDepth + 1, kind))).toContain('nested deeper than 16 levels');
  });

  it('refuses a million levels without using up the stack', () => {
    // Lengths do not matter: the depth limit strikes before the innermost bytes are reached.
    const levels = 1_000_000;
    const sizes: number[] = [];
    let inner = 0;
    for (let i = 0; i < levels; i++) {
      sizes.push(inner);
      inner += 1 + varint(inner).length;
    }
    const nest = Buffer.alloc(inner);
    let at = 0;
    for (let i = levels - 1; i >= 0; i--) {
      nest[at++] = i % 2 === 1 ? 0x2a : 0x0a;
      for (const byte of varint(sizes[i] ?? 0)) nest[at++] = byte;
    }
    const attribute = Buffer.concat([Buffer.from(message(1, [0x61])), wrap(nest, 2)]);
    const bytes = [1, 2, 2, 9].reduceRight(wrap, attribute);
    expect(refusalOf(bytes)).toContain('nested deeper');
  });

  it.each(tinyMessageBombs())('refuses 2 million empty %s', (_kind, bytes) => {
    expect(refusalOf(bytes)).toContain('more than');
  });

  it('refuses each of these bombs in less than 50 ms', () => {
    const program = new URL('../../dist/test/support/children/time-wire-check.js', import.meta.url).pathname;
    const times: Record<string, number> = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' }));
    expect(Object.keys(times)).toHaveLength(tinyMessageBombs().length);
    for (const [kind, milliseconds] of Object.entries(times)) expect(milliseconds, kind).toBeLessThan(50);
  });

  it('takes what large but honest batches hold', () => {
    const span = encodeTraceRequest(sampleRequest(1));
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => span));
    expect(checkRequest('traces', many)).toBe(10_000);
  });
});
