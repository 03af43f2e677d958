import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endPrice, type OwnedPrice, ownedKey, placePrices } from '../../src/cost/price-edit.ts';
import { globMatches } from '../../src/cost/price-glob.ts';
import { monthFigures } from '../../src/cost/price-repricing.ts';
import { holdsAt, type PriceEntry, periodsOverlap } from '../../src/domain/price.ts';
import { HOUR_MS } from '../../src/domain/window.ts';
import { priceEntry } from '../support/price-books.ts';

describe('patterns', () => {
  it('match as a regular expression would', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        expect(globMatches(glob, name)).toBe(new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(name));
      }),
      { numRuns: 2_000 },
    );
  });

  it('do not run for ever', () => {
    expect(globMatches(`${'a*'.repeat(100)}b`, 'a'.repeat(100_000))).toBe(false);
  });
});

describe('writing prices', () => {
  const period = fc
    .record({
      from: fc.option(fc.nat(20), { nil: null }),
      length: fc.option(fc.integer({ min: 1, max: 10 }), { nil: null }),
    })
    .map(({ from, length }) => ({
      effectiveFrom: from === null ? null : from * HOUR_MS,
      effectiveTo: length === null ? null : ((from ?? 0) + length) * HOUR_MS,
    }));
  const owned = (parts: object, pico: bigint): OwnedPrice => {
    const { id: _id, version: _version, ...price } = priceEntry({ ...parts, rate: { base: pico, steps: [] } });
    return price;
  };

  it('leaves one price for every moment: the last that was written for it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ period, model: fc.constantFrom('m', 'n') }), { minLength: 1, maxLength: 8 }),
        (writes) => {
          let entries: PriceEntry[] = [];
          writes.forEach(({ period: when, model }, index) => {
            const { ended, added } = placePrices(entries, [owned({ ...when, model }, BigInt(index))]);
            entries = [...entries.filter(({ id }) => !ended.includes(id)), ...added.map((one) => priceEntry(one))];
          });
          for (const model of ['m', 'n']) {
            for (let hour = -1; hour <= 32; hour += 1) {
              const at = hour * HOUR_MS;
              const holding = entries.filter((entry) => entry.model === model && holdsAt(entry, at));
              const last = writes.findLastIndex((write) => write.model === model && holdsAt(write.period, at));
              expect(holding.map(({ rate }) => rate.base)).toEqual(last < 0 ? [] : [BigInt(last)]);
            }
          }
          const keys = entries.map(ownedKey);
          entries.forEach((entry, index) => {
            entries.slice(index + 1).forEach((other, offset) => {
              if (keys[index] === keys[index + 1 + offset]) expect(periodsOverlap(entry, other)).toBe(false);
            });
          });
        },
      ),
    );
  });

  it('ends a price at a moment, or as if it had never been', () => {
    const entry = priceEntry({ effectiveFrom: 10 * HOUR_MS, effectiveTo: 20 * HOUR_MS });
    const at = (hour: number | null) => {
      const { ended, added } = endPrice(entry, hour === null ? null : hour * HOUR_MS);
      return [ended.length, added.map(({ effectiveFrom, effectiveTo }) => [effectiveFrom, effectiveTo])];
    };
    expect(at(null)).toEqual([1, []]);
    expect(at(10)).toEqual([1, []]);
    expect(at(15)).toEqual([1, [[10 * HOUR_MS, 15 * HOUR_MS]]]);
    expect(at(20)).toEqual([0, []]);
  });
});

describe('a closed month', () => {
  it('adds up: its figure and its corrections are the last total, rounded once', () => {
    const line = fc.record({
      tenantId: fc.constantFrom('a', 'b'),
      repricing: fc.constantFrom('r-1', 'r-2', 'r-3'),
      costPico: fc.bigInt({ min: -9_999_999n, max: 9_999_999n }),
    });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.array(line, { maxLength: 20 }), (closed, corrections) => {
        const ordered = corrections.toSorted((a, b) => (a.repricing < b.repricing ? -1 : 1));
        const entries = ['a', 'b'].flatMap((tenantId) => [
          { tenantId, repricing: null, costPico: closed + 10n ** 9n, unpricedCalls: 0 },
          ...ordered.filter((one) => one.tenantId === tenantId).map((one) => ({ ...one, unpricedCalls: 0 })),
        ]);
        for (const figure of monthFigures(entries)) {
          const pico = entries
            .filter(({ tenantId }) => tenantId === figure.tenantId)
            .reduce((sum, one) => sum + one.costPico, 0n);
          const micro = figure.corrections.reduce((sum, one) => sum + one.micro, figure.closedMicro);
          expect(micro).toBe((pico + 500_000n) / 1_000_000n);
        }
      }),
    );
  });
});
