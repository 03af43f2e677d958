import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalHash, type ToolCallRecord, toolCall, UnhashableError } from '../../src/middleware/ai.ts';
import { createTenantry, runAsTenant } from '../../src/middleware/index.ts';
import { setUserMarking } from '../../src/middleware/user-mark.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const stats = () => createTenantry({ serviceName: 'test' }).stats();
const sha = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** The same value with the keys of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, inner]) => [key, reordered(inner)]));
}

describe('canonicalHash', () => {
  it('is the SHA-256 of the canonical JSON of RFC 8785', () => {
    // The RFC's own example of its section 3.2.2 and .3, with its expected text.
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '€$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    const text =
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}';
    expect(canonicalHash(value)).toBe(sha(text));
    expect(canonicalHash({ '\u20ac': 1, '\r': 2, '\ud83d\ude00': 3, 1: 4, '\ufb33': 5 })).toBe(
      sha('{"\\r":2,"1":4,"\u20ac":1,"\ud83d\ude00":3,"\ufb33":5}'),
    );
  });

  it('depends on the value and not on the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalHash(reordered(value))).toBe(canonicalHash(value));
        expect(canonicalHash(JSON.parse(JSON.stringify(value)))).toBe(canonicalHash(value));
      }),
    );
  });

  it('differs where JSON differs', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const isSame = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
        expect(canonicalHash(one) === canonicalHash(other)).toBe(isSame);
      }),
    );
  });

  it.each([
    [['1', 1]],
    [[null, 'null']],
    [[[], {}]],
    [[['a', 'b'], ['ab']]],
    [[{ a: 1 }, { a: '1' }]],
    [['\ud800', '\ud801', '\ufffd']],
  ])('keeps %j apart', (values) => {
    expect(new Set(values.map((value) => canonicalHash(value))).size).toBe(values.length);
  });

  it('takes values as JSON.stringify does', () => {
    expect(canonicalHash({ a: undefined, b: () => 1, c: Symbol('x') })).toBe(canonicalHash({}));
    expect(canonicalHash([undefined])).toBe(canonicalHash([null]));
    expect(canonicalHash(new Date(0))).toBe(canonicalHash('1970-01-01T00:00:00.000Z'));
    expect(canonicalHash(-0)).toBe(canonicalHash(0));
  });

  it('is another with a key, and another with another key', () => {
    expect(canonicalHash(1, 'a')).toMatch(/^hmac-sha256:[0-9a-f]{64}$/);
    expect(new Set([canonicalHash(1), canonicalHash(1, 'a'), canonicalHash(1, Buffer.from('b'))]).size).toBe(3);
  });

  it('refuses what has no JSON, and what would take too long', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [1n, new Map([[1, 2]]), new Set([1]), cycle, 'x'.repeat(250_001), new Uint8Array(250_000)]) {
      expect(() => canonicalHash(value)).toThrow(UnhashableError);
    }
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value).sort();
  return keys.map((key) => [key, sorted((value as Record<string, unknown>)[key])]).concat([['{}']]);
}

describe('toolCall', () => {
  let tracing: TestTracing;
  beforeAll(() => {
    tracing = startTestTracing({ http: false });
  });
  afterAll(async () => tracing.stop());

  const call = { tool: 'refund', args: { order: 7, note: 'SECRET' }, userId: 'u-1', callId: 'call-9' };
  const recorded = () => {
    const records: ToolCallRecord[] = [];
    return { records, sink: { info: (record: ToolCallRecord) => void records.push(record) } };
  };
  const spans = async () => {
    const ended = await tracing.flush();
    tracing.exporter.reset();
    return ended;
  };

  it('has an execute_tool span and a log record, neither with the arguments', async () => {
    await spans();
    const { records, sink } = recorded();
    const result = await runAsTenant('acme', () => toolCall(call, async () => 'SECRET-RESULT', { sink }));
    expect(result).toBe('SECRET-RESULT');
    const [span, ...more] = await spans();
    expect(more).toEqual([]);
    expect([span?.name, span?.kind]).toEqual(['execute_tool refund', 0]);
    const hash = canonicalHash(call.args);
    expect(span?.attributes).toEqual({
      tenant_id: 'acme',
      'tenant_id.source': 'explicit',
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'refund',
      'gen_ai.tool.call.id': 'call-9',
      'tenantry.tool.args_hash': hash,
      'user.id': 'u-1',
    });
    expect(records).toEqual([
      {
        tenant_id: 'acme',
        user_id: 'u-1',
        tool: 'refund',
        args_hash: hash,
        outcome: 'ok',
        duration_ms: expect.any(Number),
        error_type: null,
        trace_id: span?.spanContext().traceId,
        span_id: span?.spanContext().spanId,
      },
    ]);
    expect(JSON.stringify([span?.attributes, span?.events, records])).not.toContain('SECRET');
  });

  it('says how it failed, by class, and throws on', async () => {
    await spans();
    const { records, sink } = recorded();
    const error = new RangeError('SECRET');
    expect(() =>
      toolCall(
        call,
        () => {
          throw error;
        },
        { sink },
      ),
    ).toThrow(error);
    await expect(toolCall(call, () => Promise.reject(error), { sink })).rejects.toBe(error);
    expect(records.map(({ outcome, error_type }) => [outcome, error_type])).toEqual([
      ['error', 'RangeError'],
      ['error', 'RangeError'],
    ]);
    expect((await spans()).map(({ status }) => status)).toEqual([{ code: 2 }, { code: 2 }]);
  });

  it("logs the tenant's user unless it is given another", async () => {
    await spans();
    const { records, sink } = recorded();
    const { userId: _, ...anonymous } = call;
    runAsTenant({ tenantId: 'acme', userId: 'u-7' }, () => [
      toolCall(anonymous, () => 1, { sink }),
      toolCall(call, () => 1, { sink }),
    ]);
    toolCall(anonymous, () => 1, { sink });
    expect(records.map(({ tenant_id, user_id }) => [tenant_id, user_id])).toEqual([
      ['acme', 'u-7'],
      ['acme', 'u-1'],
      [null, null],
    ]);
    expect((await spans()).map(({ attributes }) => attributes['user.id'])).toEqual(['u-7', 'u-1', undefined]);
  });

  it('hashes users where the app marks them by hash', () => {
    const { records, sink } = recorded();
    setUserMarking({ hmacSecret: 'a secret of this test' });
    try {
      toolCall(call, () => 1, { sink });
    } finally {
      setUserMarking('plain');
    }
    expect(records[0]?.user_id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('hashes with the key that it is given', () => {
    const { records, sink } = recorded();
    toolCall(call, () => 1, { sink, hashKey: 'pepper' });
    expect(records[0]?.args_hash).toBe(canonicalHash(call.args, 'pepper'));
  });

  it('runs the tool also when the arguments have no hash and the sink is broken', () => {
    const before = stats();
    const sink = {
      info: () => {
        throw new Error('disk full');
      },
    };
    expect(toolCall({ tool: 'refund', args: 1n }, () => 'done', { sink })).toBe('done');
    expect(stats().tool_args_unhashed).toBe(before.tool_args_unhashed + 1);
    expect(stats().tool_log_failed).toBe(before.tool_log_failed + 1);
  });
});
