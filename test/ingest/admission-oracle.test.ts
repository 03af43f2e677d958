/** The limits on content against an oracle that works on decoded objects, and against what the views read. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { READ_ATTRIBUTES } from '../../src/domain/read-attributes.ts';
import { AdmissionBench, encoded } from '../support/ingest-admission.ts';
import { decodeTraceRequest, type OtlpSpan, spansOf } from '../support/otlp-proto.ts';
import { declaredViewNames } from '../support/read-attributes.ts';

/** The oracle: the limits on content, on decoded objects. */
function expectedSpan(span: OtlpSpan, limits: { attributes: number; keyBytes: number; valueBytes: number }): OtlpSpan {
  const isShort = ({ key = '' }) => Buffer.byteLength(key) <= limits.keyBytes;
  const short = (span.attributes ?? []).filter(isShort);
  const seen = new Set<string>();
  const isRead = short.map(({ key = '' }) => READ_ATTRIBUTES.has(key) && !seen.has(key) && seen.add(key) !== undefined);
  let room = Math.max(0, limits.attributes - isRead.filter(Boolean).length);
  const kept =
    short.length <= limits.attributes ? short : short.filter((_, index) => isRead[index] === true || room-- > 0);
  const dropped = (span.attributes ?? []).length - kept.length;
  const attributes = kept.map(({ key, value }) => {
    const sent = value?.string_value;
    return sent === undefined || sent.length <= limits.valueBytes
      ? { key, value }
      : { key, value: { string_value: sent.slice(0, limits.valueBytes) } };
  });
  const marks = [
    ...(short.length > kept.length ? ['attributes'] : []),
    ...((span.attributes ?? []).every(isShort) ? [] : ['keys']),
    ...(kept.some(({ value }) => (value?.string_value ?? '').length > limits.valueBytes) ? ['values'] : []),
  ];
  if (marks.length === 0) return span;
  return {
    ...span,
    attributes: [...attributes, { key: 'tenantry.limited', value: { string_value: marks.join(',') } }],
    ...(dropped === 0 ? {} : { dropped_attributes_count: (span.dropped_attributes_count ?? 0) + dropped }),
  } as OtlpSpan;
}

it('writes random spans anew as an oracle on decoded objects says', () => {
  const limits = { attributes: 5, keyBytes: 30, valueBytes: 20 };
  const key = fc.oneof(
    fc.constantFrom(...[...READ_ATTRIBUTES].filter((name) => name.length <= 30 && name !== 'tenant_id')),
    fc.stringMatching(/^[a-z]{1,40}$/),
  );
  const value = fc.oneof(
    fc.stringMatching(/^[a-z]{1,40}$/).map((string_value) => ({ string_value })),
    fc.integer().map((number) => ({ int_value: String(number) })),
    fc.boolean().map((bool_value) => ({ bool_value })),
  );
  const span = fc.record({
    name: fc.stringMatching(/^[a-z]{1,9}$/),
    attributes: fc.array(fc.record({ key, value }), { minLength: 1, maxLength: 9 }),
    dropped_attributes_count: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 5 }), (spans) => {
      const { body } = new AdmissionBench(limits).admit(encoded(spans));
      expect(spansOf(decodeTraceRequest(body))).toEqual(spans.map((one) => expectedSpan(one, limits)));
    }),
    { numRuns: 100 },
  );
});

it('keeps every attribute that the views read', () => {
  const names = declaredViewNames();
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !READ_ATTRIBUTES.has(name))).toEqual([]);
});
