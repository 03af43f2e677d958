import { describe, expect, it } from 'vitest';
import { priceUsage } from '../../src/cost/ai-price.ts';
import { type ParsedPrices, planUndated } from '../../src/cost/price-import.ts';
import { parseLiteLlm } from '../../src/cost/price-litellm.ts';
import type { AiUsage } from '../../src/domain/ai-usage.ts';
import type { PriceTerms } from '../../src/domain/price.ts';
import { oneCall } from '../support/cost-usage.ts';
import { priceEntry, testBook } from '../support/price-books.ts';
import { LITELLM_SAMPLE } from '../support/price-litellm.ts';

const AT = Date.UTC(2026, 10, 1);
const litellm = (models: object = LITELLM_SAMPLE) => parseLiteLlm(JSON.stringify(models), 'models.json');
const inBook = (terms: readonly PriceTerms[]) => terms.map((one) => priceEntry({ ...one, layer: 'book' }));
const problems = ({ errors }: ParsedPrices) => errors.map(({ where, reason }) => `${where}: ${reason}`);

describe('LiteLLM’s file', () => {
  const parsed = litellm();
  const book = testBook({ entries: inBook(parsed.terms) });
  const costOf = (parts: Partial<AiUsage>) => {
    const usage = oneCall(parts);
    const price = priceUsage(usage, book.rates({ ...usage, at: AT }));
    return 'costPico' in price ? price.costPico : price.unpriced;
  };

  it('has no error, and every model of the sample', () => {
    expect(parsed.errors).toEqual([]);
    const models = new Set(parsed.terms.map(({ provider, model }) => `${provider} ${model}`));
    const unpriced = ['whisper-1', 'dall-e-3', 'tts-1'];
    // The explanation is no model, one is named twice, three are charged by what spans do not tell.
    expect(models.size).toBe(Object.keys(LITELLM_SAMPLE).length - 2 - unpriced.length);
  });

  it.each<[string, Partial<AiUsage>, bigint | string]>([
    ['plain tokens', { model: 'gpt-4o' }, 1_000n * 2_500_000n + 100n * 10_000_000n],
    [
      'tokens of a cache',
      { model: 'gpt-4o', cacheReadTokens: 400 },
      600n * 2_500_000n + 400n * 1_250_000n + 100n * 10_000_000n,
    ],
    ['batches', { model: 'gpt-4o', serviceTier: 'batch' }, 1_000n * 1_250_000n + 100n * 5_000_000n],
    [
      'flex, with its own cache',
      { model: 'o3', serviceTier: 'flex', cacheReadTokens: 100 },
      900n * 1_000_000n + 100n * 250_000n + 100n * 4_000_000n,
    ],
    ['priority', { model: 'o3', serviceTier: 'priority' }, 1_000n * 3_500_000n + 100n * 14_000_000n],
    ['a tier that the model has no price for', { model: 'gpt-4o-mini', serviceTier: 'priority' }, 'no-price-for-tier'],
    ['large inputs', { model: 'gpt-long', inputTokens: 272_001 }, 272_001n * 5_000_000n + 100n * 22_500_000n],
    [
      'inputs that just are not large',
      { model: 'gpt-long', inputTokens: 272_000 },
      272_000n * 2_500_000n + 100n * 15_000_000n,
    ],
    [
      'large inputs at a tier',
      { model: 'gpt-long', serviceTier: 'priority', inputTokens: 300_000, outputTokens: 0 },
      300_000n * 10_000_000n,
    ],
    [
      'cache writes of large inputs',
      {
        provider: 'anthropic',
        model: 'claude-sonnet-4-5',
        inputTokens: 200_001,
        cacheWriteTokens: 200_001,
        outputTokens: 0,
      },
      200_001n * 7_500_000n,
    ],
    [
      'reasoning',
      { provider: 'perplexity', model: 'sonar-deep-research', reasoningTokens: 60 },
      1_000n * 2_000_000n + 40n * 8_000_000n + 60n * 3_000_000n,
    ],
    [
      'search units, whatever tokens are told',
      { provider: 'cohere', model: 'rerank-v3.5', operation: 'rerank', calls: 2, searchUnits: 3 },
      3n * 2_000_000_000n,
    ],
    [
      'search units that were not told',
      { provider: 'cohere', model: 'rerank-v3.5', operation: 'rerank', calls: 2, searchUnits: 1 },
      'no-amount',
    ],
    [
      'reranking by tokens',
      { provider: 'jina_ai', model: 'jina-reranker-v2', operation: 'rerank', outputTokens: 0 },
      1_000n * 18_000n,
    ],
    [
      'requests',
      { provider: 'moonshot_ai', model: 'kimi-k2', calls: 2 },
      2n * 100_000_000n + 1_000n * 600_000n + 100n * 2_500_000n,
    ],
    ['embeddings', { model: 'text-embedding-3-small', operation: 'embeddings' }, 1_000n * 20_000n],
    [
      'a seller’s own price',
      { provider: 'azure.ai.openai', model: 'gpt-4o' },
      1_000n * 2_750_000n + 100n * 11_000_000n,
    ],
    ['a model that the operator runs, at what the file says', { provider: 'ollama', model: 'llama3' }, 0n],
    [
      'a name behind a router',
      { provider: 'openrouter', model: 'anthropic/claude-3.5-sonnet' },
      1_000n * 3_000_000n + 100n * 15_000_000n,
    ],
  ])('prices %s', (_what, parts, expected) => {
    expect(costOf(parts)).toBe(expected);
  });

  it('lists what spans do not carry, by model and field', () => {
    expect(parsed.skipped.map(({ where }) => where)).toEqual([
      'whisper-1 input_cost_per_second',
      'whisper-1 output_cost_per_second',
      'dall-e-3 input_cost_per_pixel',
      'dall-e-3 output_cost_per_pixel',
      'tts-1 input_cost_per_character',
      'claude-sonnet-4-5 search_context_cost_per_query',
      'gemini-huge input_cost_per_token_above_256k_tokens',
    ]);
  });

  it.each([
    ['no JSON', '{"gpt-4o": ', 'file: the file is no JSON'],
    ['a list', '[]', 'file: the file is no JSON object of models'],
    ['an entry that is none', '{"m": 3}', 'm: the entry is no object'],
    [
      'no provider',
      '{"m": {"input_cost_per_token": 1e-6}}',
      'm: the entry names no litellm_provider, or its name is too long',
    ],
    [
      'a price in text',
      '{"m": {"litellm_provider": "openai", "input_cost_per_token": "1e-6"}}',
      'm input_cost_per_token: the price is no number',
    ],
    [
      'a negative price',
      '{"m": {"litellm_provider": "openai", "input_cost_per_token": -1}}',
      'm input_cost_per_token: a price is a finite number of at least 0',
    ],
    [
      'an absurd price',
      '{"m": {"litellm_provider": "openai", "input_cost_per_token": 1e9}}',
      'm input_cost_per_token: the price is above a million US dollars for one unit',
    ],
  ])('is refused for %s, and says where', (_what, text, problem) => {
    expect(problems(parseLiteLlm(text, ''))).toEqual([problem]);
  });

  it('may begin with a byte-order mark', () => {
    expect(parseLiteLlm(`\uFEFF${JSON.stringify(LITELLM_SAMPLE)}`, '').terms.length).toBe(parsed.terms.length);
  });

  it('tells a model twice at two prices, and takes the first', () => {
    const cheap = { litellm_provider: 'openai', input_cost_per_token: 1e-6 };
    const twice = litellm({ 'm-1': cheap, 'openai/m-1': { ...cheap, input_cost_per_token: 2e-6 } });
    expect(twice.terms.map(({ rate }) => rate.base)).toEqual([1_000_000n]);
    expect(twice.skipped).toHaveLength(1);
  });
});

describe('the plan of an import without dates', () => {
  const known = inBook(litellm().terms);
  const later = Date.UTC(2026, 11, 1);

  it('adds everything to an empty book, since ever; and nothing a second time', () => {
    const first = planUndated([], litellm().terms, { at: AT, removes: true });
    expect(first.edit.added).toHaveLength(known.length);
    expect(
      first.edit.added.every(({ effectiveFrom, effectiveTo }) => effectiveFrom === null && effectiveTo === null),
    ).toBe(true);
    const second = planUndated(known, litellm().terms, { at: AT, removes: true });
    expect(second).toMatchObject({
      added: [],
      changed: [],
      removed: [],
      unchanged: known.length,
      edit: { ended: [], added: [] },
    });
  });

  it('changes a price from the moment on, and keeps what it was before', () => {
    const changed = litellm({ 'gpt-4o-mini': { litellm_provider: 'openai', input_cost_per_token: 3e-7 } });
    const plan = planUndated(known, changed.terms, { at: later, removes: false });
    expect(plan.changed).toHaveLength(1);
    expect(
      plan.edit.added.map(({ rate, effectiveFrom, effectiveTo }) => [rate.base, effectiveFrom, effectiveTo]),
    ).toEqual([
      [150_000n, null, later],
      [300_000n, later, null],
    ]);
  });

  it('ends what the file has no more, if asked, of its own source alone', () => {
    const own = priceEntry({ model: 'typed-by-hand' });
    const fewer = litellm({ 'gpt-4o': LITELLM_SAMPLE['gpt-4o'] });
    const plan = planUndated([...known, own], fewer.terms, { at: later, removes: true });
    expect(plan.removed.length).toBe(known.length - fewer.terms.length);
    expect(plan.edit.ended).not.toContain(own.id);
    expect(plan.edit.added.every(({ effectiveTo }) => effectiveTo === later)).toBe(true);
    expect(planUndated([...known, own], fewer.terms, { at: later, removes: false }).removed).toEqual([]);
  });
});
