import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { spendRates } from '../../src/app/spend-rates.ts';
import { priceUsage } from '../../src/cost/ai-price.ts';
import { microFromPico } from '../../src/domain/money.ts';
import { highestPriceOfCall, priceOfCall } from '../../src/domain/spend-price.ts';
import { oneCall } from '../support/cost-usage.ts';
import { testBook } from '../support/price-books.ts';

const AT = Date.UTC(2026, 5, 15, 12);
const MODELS = [
  ['openai', 'gpt-4o'],
  ['openai', 'o3'],
  ['anthropic', 'claude-sonnet-4-5'],
  ['anthropic', 'claude-3-5-haiku-20241022'],
  ['gcp.gemini', 'gemini-2.5-pro'],
  ['aws.bedrock', 'anthropic.claude-3-5-sonnet-20241022-v2:0'],
] as const;

const book = testBook();
const books = { current: () => book };

describe('rates as an app has them', () => {
  test.each(MODELS)('price every call of %s %s as the price book does, rounded up', (provider, model) => {
    const rates = spendRates(books)(provider, model, AT);
    if (rates === null) throw new Error('the catalogue has this model no more');
    fc.assert(
      fc.property(
        fc.nat(600_000),
        fc.nat(50_000),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (input, output, share) => {
          const part = Math.floor(input * share);
          const tokens = {
            inputTokens: input,
            outputTokens: output,
            cacheReadTokens: part,
            cacheWriteTokens: part,
            reasoningTokens: Math.floor(output * share),
          };
          const usage = oneCall({ ...tokens, provider, model });
          const price = priceUsage(usage, book.rates({ ...usage, at: AT }));
          if (!('costPico' in price)) throw new Error(price.unpriced);
          const mine = priceOfCall(rates, tokens);
          const exact = Number(microFromPico(price.costPico));
          expect(mine === exact || mine === exact + 1).toBe(true);
          expect(BigInt(mine ?? 0) * 1_000_000n >= price.costPico).toBe(true);
          const most = highestPriceOfCall(rates, { inputTokens: input, maxOutputTokens: output });
          expect(most).toBeGreaterThanOrEqual(mine ?? Number.POSITIVE_INFINITY);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('are unknown, never zero, for a model that the price book does not know', () => {
    expect(spendRates(books)('openai', 'no-such-model', AT)).toBeNull();
    expect(spendRates(books)('ollama', 'llama3', AT)).toBeNull();
  });

  test('do not price counts that do not fit together', () => {
    const rates = spendRates(books)('openai', 'gpt-4o', AT);
    if (rates === null) throw new Error('the catalogue has this model no more');
    expect(priceOfCall(rates, { inputTokens: 1, outputTokens: 1, cacheReadTokens: 2 })).toBeUndefined();
    expect(priceOfCall(rates, { inputTokens: 1.5, outputTokens: 1 })).toBeUndefined();
  });
});
