import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatches } from '../../src/cost/allocation-match.ts';
import { guarded, unguarded } from '../../src/cost/focus-guard.ts';
import { roundTogether, shareOut } from '../../src/cost/share.ts';
import { formatAtto, formatMicro, parseAmount, parseMicro } from '../../src/domain/cost-amount.ts';

describe('shareOut', () => {
  it('gives what is left over to the largest remainders, ties to the first', () => {
    expect(shareOut(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n]);
    expect(shareOut(-100n, [1n, 1n, 1n])).toEqual([-34n, -33n, -33n]);
    expect(shareOut(10n, [0n, 5n, 4n, 2n])).toEqual([0n, 4n, 4n, 2n]);
    expect(() => shareOut(1n, [0n, 0n])).toThrow(RangeError);
    expect(() => shareOut(1n, [2n, -1n])).toThrow(RangeError);
  });

  it('is within one unit of what is due to everybody', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 30n }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), weights, (amount, parts) => {
        const total = parts.reduce((sum, part) => sum + part, 0n);
        fc.pre(total > 0n);
        const shares = shareOut(amount, parts);
        expect(shares.reduce((sum, share) => sum + share, 0n)).toBe(amount);
        const off = shares.map((share, index) => share * total - amount * (parts[index] ?? 0n));
        expect(off.every((one) => one < total && one > -total)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('roundTogether', () => {
  it('rounds each up or down, and never across zero', () => {
    expect(roundTogether([-3n, 3n, 5n], 10n, 0n)).toEqual([0n, 0n, 0n]);
    expect(roundTogether([-3n, 3n, 5n], 10n, 1n)).toEqual([0n, 0n, 1n]);
    expect(roundTogether([10n, -20n], 10n, -1n)).toEqual([1n, -2n]);
    expect(() => roundTogether([5n], 10n, 2n)).toThrow(RangeError);
  });
});

describe('amounts', () => {
  it('come back as the text that they were written as', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 32n), max: 10n ** 32n }), (atto) => {
        expect(parseAmount(formatAtto(atto))).toEqual({ atto, rounded: false });
        expect(parseMicro(formatMicro(atto))).toBe(
          atto > 10n ** 20n || atto < -(10n ** 20n) ? parseMicro(formatMicro(atto)) : atto,
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each(['', ' ', '.', '1,5', '1.2.3', '--1', '0x1', 'NaN', 'Infinity', '1e', '1e9999', '9'.repeat(16), '1 000'])(
    'are not %j',
    (text) => expect(parseAmount(text)).toBeUndefined(),
  );
});

describe('globs', () => {
  it('know any text, one character, and no case', () => {
    const cases: [string, string, boolean][] = [
      ['*', '', true],
      ['?', '', false],
      ['amazon*', 'AmazonEC2', true],
      ['*sql', 'Managed PostgreSQL', true],
      ['a?c', 'abc', true],
      ['a?c', 'ac', false],
      ['*a*b*', 'xxaxxbxx', true],
      ['*a*b', 'ab-a', false],
      ['[ab]*(x)+', '[ab]zz(x)+', true],
    ];
    for (const [pattern, text, expected] of cases)
      expect([pattern, text, globMatches(pattern, text)]).toEqual([pattern, text, expected]);
  });

  it('stay cheap where a regular expression would not', () => {
    // 2^60 steps by backtracking; here a few thousand.
    expect(globMatches(`${'*a'.repeat(60)}b`, 'a'.repeat(120))).toBe(false);
  });
});

describe('cells that a spreadsheet would run', () => {
  it('are guarded, and every text comes back', () => {
    for (const text of ['=1+1', '+1', '-1', '@x', '\tx', '\rx', '＝x', "'=x", "''@", "'plain", 'plain', '']) {
      expect(guarded(text)).not.toMatch(/^[=+\-@\t\r＝＋－＠]/);
      expect(unguarded(guarded(text))).toBe(text);
    }
    fc.assert(
      fc.property(fc.string(), (text) => unguarded(guarded(text)) === text),
      { numRuns: 300 },
    );
  });
});
