/** What nobody sends by accident. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protobufOf } from '../../ingest/otlp-json.ts';
import { checkRequest, type OtlpSignal } from '../../ingest/wire-check.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { otlpJsonBytes } from '../support/otlp-json.ts';
import { decodeTraceRequest, spansOf } from '../support/otlp-proto.ts';
import { fullSpan, sampleRequest } from '../support/otlp-samples.ts';

const MAX_BYTES = 1024 * 1024;

const convert = (json: string, signal: OtlpSignal = 'traces') => protobufOf(signal, Buffer.from(json), MAX_BYTES);
const spanOf = (text: string) =>
  spansOf(decodeTraceRequest(convert(`{"resourceSpans":[{"scopeSpans":[{"spans":[${text}]}]}]}`)))[0];

function refusal(run: () => unknown): TenantryError {
  try {
    run();
  } catch (error) {
    if (error instanceof TenantryError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('hostile JSON', () => {
  const nested = (depth: number) =>
    `${'{"arrayValue":{"values":['.repeat(depth - 1)}{"intValue":1}${']}}'.repeat(depth - 1)}`;
  const inSpan = (value: string) => `{"attributes":[{"key":"k","value":${value}}]}`;

  it('may nest values as deep as protobuf may, and no deeper', () => {
    expect(spanOf(inSpan(nested(16)))).toBeDefined();
    expect(refusal(() => spanOf(inSpan(nested(17)))).message).toContain('deeper than 16 levels');
  });

  it.each([1_000, 100_000, 1_000_000])('is refused at %i levels without using up the stack', (depth) => {
    for (const opener of ['[', '{"a":', '{"arrayValue":{"values":[']) {
      const text = `{"unknown":${opener.repeat(depth)}`;
      expect(refusal(() => convert(text)).message).toContain('nested too deep');
      const known = `{"resourceSpans":[{"resource":{"attributes":[{"value":${opener.repeat(depth)}`;
      expect(refusal(() => protobufOf('traces', Buffer.from(known), MAX_BYTES)).code).toBe('OTLP_MALFORMED');
    }
  });

  it('of millions of empty objects takes no more memory than its own bytes', () => {
    const count = 2_000_000;
    const body = Buffer.from(`{"resourceSpans":[${'{},'.repeat(count)}{}]}`);
    const before = process.memoryUsage().heapUsed;
    const converted = protobufOf('traces', body, 64 * MAX_BYTES);
    // JSON.parse makes 56 bytes of each: more than 100 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1024 * 1024);
    expect(converted).toHaveLength(2 * (count + 1));
    expect(refusal(() => checkRequest('traces', converted)).message).toContain('more than 16384');
  });

  it('that would be larger than a body may be in protobuf is refused as too large', () => {
    const points = `{"bucketCounts":[${'0,'.repeat(200_000)}0]}`;
    const body = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[${points}]}}]}]}]}`;
    expect(refusal(() => convert(body, 'metrics')).code).toBe('BODY_TOO_LARGE');
  });

  it('with any bytes changed is taken or refused, and what is taken passes for the right thing', () => {
    const base = otlpJsonBytes(sampleRequest([fullSpan()]));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const bytes = Buffer.from(base);
          for (const [at, value] of changes) bytes[at] = value;
          let converted: Uint8Array;
          try {
            converted = protobufOf('traces', bytes, MAX_BYTES);
          } catch (error) {
            expect(error).toMatchObject({ code: 'OTLP_MALFORMED' });
            return;
          }
          expect(() => decodeTraceRequest(converted)).not.toThrow();
          checkRequest('traces', converted);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
