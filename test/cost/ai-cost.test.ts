import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AiCostTally, microOfPico } from '../../src/cost/ai-cost.ts';
import type { AiUsage } from '../../src/domain/ai-usage.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { anyCall, oneCall } from '../support/cost-usage.ts';
import { seedPrice } from '../support/price-books.ts';

const AT = new Date('2026-11-01T12:00:00Z');
const TENANT = 'acme' as TenantId;
const unknown = (model: string, calls = 1) => oneCall({ model, calls });

function costOf(usages: readonly AiUsage[]) {
  const tally = new AiCostTally();
  for (const usage of usages) tally.ofModel(usage).add(TENANT, usage.calls, seedPrice(usage, AT));
  return tally.costs().get(TENANT);
}

describe('the cost of a tenant', () => {
  it('adds up what has a price and counts what has none', () => {
    expect(costOf([oneCall(), unknown('nobody-1', 4), oneCall()])).toEqual({
      costMicro: 7_000n,
      costPico: 7_000_000_000n,
      calls: 6,
      unpricedCalls: 4,
      byModel: [
        {
          ...{ provider: 'openai', model: 'gpt-4o', calls: 2, unpricedCalls: 0 },
          ...{ costPico: 7_000_000_000n, costMicro: 7_000n, unpriced: null },
        },
        {
          ...{ provider: 'openai', model: 'nobody-1', calls: 4, unpricedCalls: 4 },
          ...{ costPico: 0n, costMicro: null, unpriced: 'unknown-model' },
        },
      ],
    });
  });

  it('is unknown, not zero, when nothing has a price', () => {
    expect(costOf([unknown('nobody-1')])).toMatchObject({ costMicro: null, unpricedCalls: 1 });
  });

  it('is a known zero when all were free', () => {
    const free = oneCall({ provider: 'openrouter', model: 'deepseek/deepseek-r1:free' });
    expect(costOf([free])).toMatchObject({ costMicro: 0n, unpricedCalls: 0 });
  });

  it('rounds once: parts below half a micro-unit still add up', () => {
    // One input token of gpt-4o is 2.5 micro-units, one of gpt-4o-mini 0.15.
    const tiny = oneCall({ model: 'gpt-4o-mini', inputTokens: 1, outputTokens: 0 });
    expect(costOf([tiny])?.costMicro).toBe(0n);
    expect(costOf(Array(100).fill(tiny))?.costMicro).toBe(15n);
  });

  it('does not depend on the order', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (usages, keys) => {
        const shuffled = usages
          .map((usage) => ({ usage, key: keys.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ usage }) => usage);
        expect(costOf(shuffled)).toEqual(costOf(usages));
      }),
    );
  });

  it('is the rounded sum of its parts, accounts for every call, and is split among models without a rest', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { minLength: 1, maxLength: 30 }), (usages) => {
        const cost = costOf(usages);
        const prices = usages.map((usage) => seedPrice(usage, AT));
        const pico = prices.reduce((sum, price) => sum + ('costPico' in price ? price.costPico : 0n), 0n);
        const unpriced = prices.filter((price) => 'unpriced' in price).length;
        expect(cost?.unpricedCalls).toBe(unpriced);
        expect(cost?.calls).toBe(usages.length);
        expect(cost?.costMicro).toBe(unpriced === prices.length ? null : microOfPico(pico));
        const models = cost?.byModel.reduce((sum, { costMicro }) => sum + (costMicro ?? 0n), 0n);
        expect(models).toBe(cost?.costMicro ?? 0n);
      }),
    );
  });
});
