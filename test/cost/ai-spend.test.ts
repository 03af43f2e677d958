import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { priceUsage, ratesAt } from '../../src/cost/ai-price.ts';
import { MAX_UNPRICED_MODELS, spendOf } from '../../src/cost/ai-spend.ts';
import { microFromPico } from '../../src/domain/money.ts';
import { anyCall, oneCall } from '../support/cost-usage.ts';

const AT = new Date('2026-11-01T12:00:00Z');
const unknown = (model: string, calls = 1) => oneCall({ model, calls });

describe('spendOf', () => {
  it('adds up what has a price and counts what has none', () => {
    expect(spendOf([oneCall(), unknown('nobody-1', 4), oneCall()], AT)).toEqual({
      costMicro: 7_000n,
      unpricedCalls: 4,
      unpricedModels: [{ provider: 'openai', model: 'nobody-1', reason: 'unknown-model', calls: 4 }],
    });
  });

  it('is unknown, not zero, when nothing has a price', () => {
    expect(spendOf([unknown('nobody-1')], AT).costMicro).toBeNull();
  });

  it('is zero when there were no calls, and when all were free', () => {
    expect(spendOf([], AT)).toEqual({ costMicro: 0n, unpricedCalls: 0, unpricedModels: [] });
    const free = oneCall({ provider: 'openrouter', model: 'deepseek/deepseek-r1:free' });
    expect(spendOf([free], AT)).toEqual({ costMicro: 0n, unpricedCalls: 0, unpricedModels: [] });
  });

  it('rounds once: parts below half a micro-unit still add up', () => {
    // One input token of gpt-4o is 2.5 micro-units, one of gpt-4o-mini 0.15.
    const tiny = oneCall({ model: 'gpt-4o-mini', inputTokens: 1, outputTokens: 0 });
    expect(spendOf([tiny], AT).costMicro).toBe(0n);
    expect(spendOf(Array(100).fill(tiny), AT).costMicro).toBe(15n);
  });

  it('names the unpriced models with the most calls, and no more than a bounded number', () => {
    const invented = Array.from({ length: 500 }, (_, index) => unknown(`invented-${index}`, index + 1));
    const { unpricedModels, unpricedCalls } = spendOf(invented, AT);
    expect(unpricedModels).toHaveLength(MAX_UNPRICED_MODELS);
    expect(unpricedModels[0]).toMatchObject({ model: 'invented-499', calls: 500 });
    expect(unpricedCalls).toBe((500 * 501) / 2);
  });

  it('does not depend on the order', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (usages, keys) => {
        const shuffled = usages
          .map((usage) => ({ usage, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ usage }) => usage);
        expect(spendOf(shuffled, AT)).toEqual(spendOf(usages, AT));
      }),
    );
  });

  it('is the rounded sum of its parts, never negative, and accounts for every call', () => {
    const rates = ratesAt(AT);
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 30 }), (usages) => {
        const spend = spendOf(usages, AT, rates);
        const prices = usages.map((usage) => priceUsage(usage, AT, rates));
        const pico = prices.reduce((sum, price) => sum + ('costPico' in price ? price.costPico : 0n), 0n);
        const unpriced = prices.filter((price) => 'unpriced' in price).length;
        expect(spend.unpricedCalls).toBe(unpriced);
        expect(spend.costMicro).toBe(unpriced > 0 && unpriced === prices.length ? null : microFromPico(pico));
        expect(spend.costMicro ?? 0n).toBeGreaterThanOrEqual(0n);
      }),
    );
  });
});
