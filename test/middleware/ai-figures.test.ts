import { describe, expect, it } from 'vitest';
import { allFiguresOf, figuresOf } from '../../src/middleware/ai-figures.ts';
import { providerOfAiSdk, providerOfUrl } from '../../src/middleware/ai-providers.ts';
import { StreamFigures } from '../../src/middleware/ai-stream-figures.ts';

describe('figures of answers', () => {
  it.each([
    [
      'AI SDK 5 with OpenAI: cached tokens are among the input',
      {
        usage: { inputTokens: 100, outputTokens: 20, totalTokens: 120, reasoningTokens: 5, cachedInputTokens: 60 },
        providerMetadata: { openai: {} },
      },
      { inputTokens: 100, outputTokens: 20, cacheReadTokens: 60, reasoningTokens: 5 },
    ],
    [
      'AI SDK 5 with Anthropic: cached tokens stand beside the input',
      {
        usage: { inputTokens: 100, outputTokens: 20, totalTokens: 120, cachedInputTokens: 60 },
        providerMetadata: { anthropic: { cacheCreationInputTokens: 7 } },
      },
      { inputTokens: 167, outputTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 7 },
    ],
    [
      'AI SDK 6 with Anthropic: they are among it again',
      {
        usage: {
          inputTokens: 167,
          inputTokenDetails: { noCacheTokens: 100, cacheReadTokens: 60, cacheWriteTokens: 7 },
          outputTokens: 20,
          outputTokenDetails: { textTokens: 15, reasoningTokens: 5 },
        },
        providerMetadata: { anthropic: { cacheCreationInputTokens: 7 } },
      },
      { inputTokens: 167, outputTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 7, reasoningTokens: 5 },
    ],
    [
      'totalUsage before the last step’s usage',
      { usage: { inputTokens: 1 }, totalUsage: { inputTokens: 9 } },
      { inputTokens: 9 },
    ],
    ['AI SDK embeddings', { embedding: [1], usage: { tokens: 8 } }, { inputTokens: 8, operation: 'embeddings' }],
    [
      'DeepSeek',
      { object: 'chat.completion', usage: { prompt_tokens: 10, completion_tokens: 2, prompt_cache_hit_tokens: 4 } },
      { inputTokens: 10, outputTokens: 2, cacheReadTokens: 4 },
    ],
    [
      'embeddings that tell a total alone',
      { object: 'list', usage: { total_tokens: 6 } },
      { inputTokens: 6, operation: 'embeddings' },
    ],
    [
      'legacy completions',
      { object: 'text_completion', usage: { prompt_tokens: 3, completion_tokens: 1 } },
      { inputTokens: 3, operation: 'text_completion' },
    ],
    [
      'Cohere v1 chat',
      { text: 'hello', meta: { billedUnits: { inputTokens: 5, outputTokens: 2 }, tokens: { inputTokens: 70 } } },
      { inputTokens: 5, outputTokens: 2, provider: 'cohere', operation: 'chat' },
    ],
    [
      'Cohere, more cached than billed',
      { usage: { billedUnits: { inputTokens: 5, outputTokens: 2 }, cachedTokens: 64 } },
      { inputTokens: 5, cacheReadTokens: 5 },
    ],
    [
      'a chat that also searched',
      { meta: { billed_units: { search_units: 1, output_tokens: 4 } } },
      { searchUnits: 1, operation: 'chat' },
    ],
    [
      'Anthropic without a cache',
      { type: 'message', usage: { input_tokens: 4, output_tokens: 3 } },
      { inputTokens: 4, outputTokens: 3 },
    ],
    [
      'Anthropic with nulls',
      {
        usage: { input_tokens: 4, output_tokens: 3, cache_read_input_tokens: null, cache_creation_input_tokens: null },
      },
      { inputTokens: 4, outputTokens: 3 },
    ],
  ])('%s', (_, answer, expected) => {
    expect(figuresOf(answer)).toMatchObject(expected);
  });

  it.each([
    undefined,
    null,
    'text',
    7,
    {},
    [],
    { usage: null },
    { usage: {} },
    { usage: 'many' },
    { usage: Promise.resolve({}) },
  ])('are none in %o', (answer) => {
    expect(figuresOf(answer)).toBeUndefined();
    expect(allFiguresOf(answer)).toEqual([]);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '10', null])(
    'do not take %o for a count',
    (value) => {
      expect(figuresOf({ usage: { prompt_tokens: value, completion_tokens: 1 } })?.inputTokens).toBeUndefined();
    },
  );

  it('hold no word of prompts, completions or tools', () => {
    const answer = {
      id: 'x',
      model: 'm',
      choices: [{ message: { content: 'SECRET' } }],
      usage: { prompt_tokens: 1, completion_tokens: 1, note: 'SECRET' },
    };
    expect(JSON.stringify(figuresOf(answer))).not.toContain('SECRET');
  });
});

describe('figures of streams', () => {
  it('keep what message_start said where message_delta says null', () => {
    const stream = new StreamFigures();
    const usage = { input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 0, output_tokens: 1 };
    stream.add({ type: 'message_start', message: { id: 'm', model: 'claude', usage } });
    stream.add({ type: 'message_delta', usage: { input_tokens: null, output_tokens: 40, cache_read_input_tokens: 6 } });
    expect(stream.figures).toMatchObject({ inputTokens: 16, cacheReadTokens: 6, outputTokens: 40, model: 'claude' });
  });

  it('survive chunks that are no objects', () => {
    const stream = new StreamFigures();
    for (const chunk of [undefined, null, 'x', 3, {}, { type: 'message_start' }, { type: 'finish' }]) stream.add(chunk);
    expect(stream.figures).toBeUndefined();
    expect(stream.named).toEqual({});
  });

  it('of Cohere v1 come with its last event', () => {
    const stream = new StreamFigures();
    stream.add({ eventType: 'text-generation', text: 'x' });
    stream.add({ eventType: 'stream-end', response: { meta: { billedUnits: { inputTokens: 9, outputTokens: 3 } } } });
    expect(stream.figures).toMatchObject({ inputTokens: 9, outputTokens: 3, provider: 'cohere' });
  });
});

describe('providers', () => {
  it.each([
    ['https://api.openai.com/v1', undefined],
    ['https://shop.openai.azure.com/openai', 'azure.ai.openai'],
    ['https://api.groq.com/openai/v1', 'groq'],
    ['https://bedrock-runtime.us-east-1.amazonaws.com', 'aws.bedrock'],
    ['https://api.groq.com.evil.example', undefined],
    ['not a url', undefined],
    [undefined, undefined],
  ])('of the base URL %s is %s', (url, provider) => {
    expect(providerOfUrl(url)).toBe(provider);
  });

  it.each([
    ['openai.chat', 'openai'],
    ['anthropic.messages', 'anthropic'],
    ['google.generative-ai', 'gcp.gemini'],
    ['google.vertex.chat', 'gcp.vertex_ai'],
    ['amazon-bedrock', 'aws.bedrock'],
    ['azure.responses', 'azure.ai.openai'],
    ['my-provider.chat', 'my-provider'],
    ['', undefined],
  ])("of the AI SDK's %s is %s", (name, provider) => {
    expect(providerOfAiSdk(name)).toBe(provider);
  });
});
