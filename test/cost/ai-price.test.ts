import type { ModelPrice, Provider } from '@pydantic/genai-prices';
import { calcPrice, waitForUpdate } from '@pydantic/genai-prices';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { priceUsage } from '../../src/cost/ai-price.ts';
import type { AiUsage } from '../../src/domain/ai-usage.ts';
import { AI_INPUT_TIER_STARTS, aiInputTierOf } from '../../src/domain/ai-usage.ts';
import { callSizes, oneCall, rolledUp, summed } from '../support/cost-usage.ts';
import { seedPrice, testBook } from '../support/price-books.ts';

const AT = new Date('2026-11-01T12:00:00Z');
/** 10 ^ 12: pico-units in a dollar. */
const PICO = 1e12;

function costOf(parts: Partial<AiUsage>, at = AT): bigint {
  const price = seedPrice(oneCall(parts), at);
  if (!('costPico' in price)) throw new Error(`no price: ${price.unpriced}`);
  return price.costPico;
}

let catalogue: Provider[] = [];
beforeAll(async () => {
  catalogue = (await waitForUpdate()) ?? [];
});

function pricesOf(provider: Provider): ModelPrice[] {
  return provider.models.flatMap(({ prices }) => (Array.isArray(prices) ? prices.map((one) => one.prices) : [prices]));
}

describe('prices by hand', () => {
  // gpt-4o: 2.50 USD a million in, 1.25 cached, 10 out. 1 USD per million tokens = 1,000,000 pico a token.
  it('charges input and output', () => {
    expect(costOf({})).toBe(1_000n * 2_500_000n + 100n * 10_000_000n);
  });

  it('charges cached tokens, which are part of the input, at their own rate only', () => {
    expect(costOf({ cacheReadTokens: 400 })).toBe(600n * 2_500_000n + 400n * 1_250_000n + 100n * 10_000_000n);
  });

  it('charges cache writes at the input rate where the list has none for them', () => {
    expect(costOf({ cacheWriteTokens: 400 })).toBe(costOf({}));
  });

  it('charges cache writes at their own rate where the list has one', () => {
    const claude = { provider: 'anthropic', model: 'claude-sonnet-4-20250514', cacheWriteTokens: 400 };
    expect(costOf(claude)).toBe(600n * 3_000_000n + 400n * 3_750_000n + 100n * 15_000_000n);
  });

  it('charges reasoning, which is part of the output, as output', () => {
    expect(costOf({ reasoningTokens: 90 })).toBe(costOf({ reasoningTokens: 0 }));
  });

  it('charges reasoning at its own rate where the list has one', () => {
    const research = { provider: 'perplexity', model: 'sonar-deep-research', reasoningTokens: 60 };
    expect(costOf(research)).toBe(1_000n * 2_000_000n + 40n * 8_000_000n + 60n * 3_000_000n);
  });

  it('charges each call where the list has a price per request', () => {
    // sonar-pro: 14 USD a thousand requests, 3 USD in, 15 out.
    const calls = { provider: 'perplexity', model: 'sonar-pro', calls: 3 };
    expect(costOf(calls)).toBe(3n * 14_000_000_000n + 1_000n * 3_000_000n + 100n * 15_000_000n);
  });

  it('charges only the input of embeddings, whatever is reported as output', () => {
    const embeddings = { model: 'text-embedding-3-small', operation: 'embeddings' };
    expect(costOf({ ...embeddings, outputTokens: 1_000 })).toBe(1_000n * 20_000n);
  });

  it('uses the price of the time of the usage', () => {
    // o3 cost 10 USD a million until 2025-06-10, 2 USD from then on.
    const o3 = { model: 'o3', outputTokens: 0 };
    expect(costOf(o3, new Date('2025-06-09T23:59:59Z'))).toBe(1_000n * 10_000_000n);
    expect(costOf(o3, new Date('2025-06-10T00:00:00Z'))).toBe(1_000n * 2_000_000n);
  });
});

describe('what has no price', () => {
  const reasonOf = (parts: Partial<AiUsage>) => {
    const price = seedPrice(oneCall(parts), AT);
    return 'unpriced' in price ? price.unpriced : `priced at ${price.costPico}`;
  };

  it.each([
    ['a model nobody has heard of', { model: 'gpt-from-nowhere' }, 'unknown-model'],
    ['no model', { model: ' ' }, 'no-model'],
    ['a name longer than any model has', { model: `gpt-4o${'x'.repeat(300)}` }, 'unknown-model'],
    ['a seller whose prices nobody published', { provider: 'ibm.watsonx.ai' }, 'unknown-model'],
    ['a model that the operator runs', { provider: 'ollama', model: 'mistral-small-latest' }, 'unknown-model'],
    ['a model charged by the hour', { model: 'whisper-1', inputTokens: 0, outputTokens: 0 }, 'no-token-price'],
    ['an entry without prices', { provider: 'github-copilot' }, 'unknown-model'],
    ['output of a model that has none in its list', { model: 'text-embedding-3-small' }, 'no-token-price'],
    ['more cached tokens than input', { cacheReadTokens: 600, cacheWriteTokens: 401 }, 'inconsistent-usage'],
    ['more reasoning than output', { reasoningTokens: 101 }, 'inconsistent-usage'],
  ])('%s', (_what, parts, reason) => {
    expect(reasonOf(parts)).toBe(reason);
  });

  it('is told apart from what is free', () => {
    expect(costOf({ provider: 'openrouter', model: 'deepseek/deepseek-r1:free' })).toBe(0n);
    expect(costOf({ provider: 'gcp.gemini', model: 'gemma-4-31b-it' })).toBe(0n);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses %s as a count', (inputTokens) => {
    expect(() => seedPrice(oneCall({ inputTokens }), AT)).toThrow(RangeError);
  });
});

describe('providers', () => {
  const book = testBook();
  /** Input and output in pico a token, or why there is none. */
  const sellerOf = (provider: string, model: string) => {
    const found = book.rates({ provider, model, serviceTier: '', at: AT.getTime() });
    return 'unpriced' in found
      ? found.unpriced
      : [found.rates.input?.base, found.rates.output?.base].map((pico) =>
          pico === undefined ? undefined : Number(pico),
        );
  };
  const listOf = (providerId: string, model: string) => {
    const price = calcPrice({}, model, { providerId, timestamp: AT })?.model_price;
    return [price?.['input_mtok'], price?.['output_mtok']].map((rate) =>
      rate === undefined ? undefined : Math.round((typeof rate === 'number' ? rate : rate.base) * 1e6),
    );
  };

  it.each([
    ['openai', 'openai', 'gpt-4o'],
    ['anthropic', 'anthropic', 'claude-sonnet-4-20250514'],
    ['aws.bedrock', 'aws', 'anthropic.claude-3-5-sonnet-20241022-v2:0'],
    ['azure.ai.openai', 'azure', 'gpt-4'],
    ['azure.ai.inference', 'azure', 'gpt-4'],
    ['gcp.vertex_ai', 'google', 'gemini-2.5-pro'],
    ['gcp.gemini', 'google', 'gemini-2.5-pro'],
    ['gcp.gen_ai', 'google', 'gemini-2.5-pro'],
    ['cohere', 'cohere', 'command-r'],
    ['mistral_ai', 'mistral', 'mistral-small-latest'],
    ['groq', 'groq', 'llama-3.1-8b-instant'],
    ['deepseek', 'deepseek', 'deepseek-chat'],
    ['perplexity', 'perplexity', 'sonar'],
    ['x_ai', 'x-ai', 'grok-4'],
    ['moonshot_ai', 'moonshotai', 'kimi-k2-0711-preview'],
  ])('%s sells at the list of %s', (reported, catalogueId, model) => {
    expect(listOf(catalogueId, model)[0]).toBeGreaterThan(0);
    expect(sellerOf(reported, model)).toEqual(listOf(catalogueId, model));
  });

  it('does not price Azure by the list of OpenAI, whose name its own contains', () => {
    const differs = catalogue
      .find((provider) => provider.id === 'azure')
      ?.models.map(({ id }) => id)
      .filter((id) => JSON.stringify(listOf('azure', id)) !== JSON.stringify(listOf('openai', id)));
    expect(differs?.length).toBeGreaterThan(0);
    for (const id of differs ?? []) {
      if (listOf('azure', id)[0] !== undefined) expect(sellerOf('azure.ai.openai', id)).toEqual(listOf('azure', id));
    }
  });

  it.each(['', 'my-gateway', 'litellm'])('takes the maker of the model for the seller behind "%s"', (gateway) => {
    expect(sellerOf(gateway, 'gpt-4o')).toEqual(listOf('openai', 'gpt-4o'));
    expect(sellerOf(gateway, 'anthropic/claude-sonnet-4-20250514')).toEqual(
      listOf('anthropic', 'claude-sonnet-4-20250514'),
    );
    expect(sellerOf(gateway, 'no-such-model')).toBe('unknown-model');
  });
});

describe('input size tiers', () => {
  it('are those of the price data, all and only', () => {
    const starts = catalogue
      .flatMap(pricesOf)
      .flatMap((price) => Object.values(price))
      .flatMap((rate) => (typeof rate === 'object' ? rate.tiers.map((tier) => tier.start) : []));
    expect([...new Set(starts)].sort((a, b) => a - b)).toEqual([...AI_INPUT_TIER_STARTS]);
  });

  it('begin above their start', () => {
    expect([0, 128_000, 128_001, 200_000, 200_001, 9_000_000].map(aiInputTierOf)).toEqual([
      0, 0, 128_000, 199_999, 200_000, 512_000,
    ]);
  });

  it('are those of the calls, not of their sum', () => {
    const small = oneCall({ provider: 'gcp.gemini', model: 'gemini-2.5-pro', inputTokens: 150_000 });
    const two = seedPrice(summed(small, small), AT);
    expect(two).toEqual({ costPico: 2n * (150_000n * 1_250_000n + 100n * 10_000_000n) });
  });
});

describe('properties', () => {
  it('a row costs what its calls cost one by one, before rounding', () => {
    const models = fc.constantFrom({ provider: 'gcp.gemini', model: 'gemini-2.5-pro' }, { model: 'gpt-5.4' });
    fc.assert(
      fc.property(models, fc.array(callSizes, { minLength: 1, maxLength: 20 }), (model, sizes) => {
        const calls = sizes.map((size) => oneCall({ ...model, ...size }));
        const total = (usages: readonly AiUsage[]) => usages.reduce((sum, usage) => sum + costOf(usage), 0n);
        expect(total(rolledUp(calls))).toBe(total(calls));
      }),
    );
  });

  it('equals the catalogue’s own arithmetic for single calls of every model, within the error of its floats', () => {
    const times = ['2024-06-01T03:00:00Z', '2025-06-11T20:00:00Z', '2026-11-01T07:30:00Z'].map(
      (time) => new Date(time),
    );
    const sizes = fc.sample(callSizes, { numRuns: 3, seed: 7 });
    const atTierStarts = AI_INPUT_TIER_STARTS.flatMap((start) => [start, start + 1]).map((inputTokens) => ({
      inputTokens,
      outputTokens: 500,
      cacheReadTokens: 100,
      cacheWriteTokens: 50,
      reasoningTokens: 20,
    }));
    const book = testBook();
    let compared = 0;
    for (const at of times) {
      for (const provider of catalogue) {
        for (const model of provider.models) {
          const tiered = JSON.stringify(model.prices).includes('"tiers"');
          for (const size of tiered ? [...sizes, ...atTierStarts] : sizes) {
            const usage = oneCall({ provider: provider.id, model: model.id, ...size });
            const ours = priceUsage(usage, book.rates({ ...usage, at: at.getTime() }));
            const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens } = usage;
            const theirs = calcPrice(
              {
                input_tokens: inputTokens,
                output_tokens: outputTokens,
                cache_read_tokens: cacheReadTokens,
                cache_write_tokens: cacheWriteTokens,
                output_reasoning_tokens: reasoningTokens,
              },
              model.id,
              { providerId: provider.id, timestamp: at },
            );
            if ('unpriced' in ours) {
              // What we refuse is unknown to the catalogue too, or has no rate for one direction, which it counts as 0.
              const { input_mtok, output_mtok } = theirs?.model_price ?? {};
              expect(input_mtok === undefined || output_mtok === undefined, `${provider.id} ${model.id}`).toBe(true);
              continue;
            }
            expect(ours.costPico).toBeGreaterThanOrEqual(0n);
            const theirPico = (theirs?.total_price ?? Number.NaN) * PICO;
            // Seven prices in the data are thirds or carry float noise beyond six decimals: half a pico a token.
            const allowed = 0.5 * (inputTokens + outputTokens) + theirPico * 1e-12;
            const error = Math.abs(Number(ours.costPico) - theirPico);
            if (!(error <= allowed))
              expect.fail(`${provider.id} ${model.id} ${at.toISOString()}: ${ours.costPico} is not ${theirPico}`);
            compared += 1;
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(0.8 * times.length * sizes.length * catalogue.flatMap((one) => one.models).length);
  });
});
