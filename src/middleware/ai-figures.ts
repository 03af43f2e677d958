/**
 * What the answers of AI providers say about their own usage, in OpenTelemetry's words. The shapes were read from the
 * clients' types: openai 6, @anthropic-ai/sdk 1, ai 5 and 6, cohere-ai 8. Two conventions of cached tokens meet here:
 *
 * - OpenAI, Cohere, AI SDK 6: the input tokens include those read from and written to a cache;
 * - Anthropic (and AI SDK 5 with Anthropic): they stand beside the input tokens.
 *
 * OpenTelemetry, and so the server, means the first. Nothing but numbers, model names and ids is read.
 */
import { isFunction, isObject } from './call-result.ts';

/** One call to a model. What the answer does not say is absent. */
export interface AiFigures {
  readonly provider?: string;
  /** `chat`, `text_completion`, `embeddings` or `rerank`. */
  readonly operation?: string;
  readonly model?: string;
  readonly responseId?: string;
  /** All input tokens, cached ones included. */
  readonly inputTokens?: number;
  /** All output tokens, reasoning included. */
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
  /** What Cohere bills reranking by. */
  readonly searchUnits?: number;
}

type Fields = Readonly<Record<PropertyKey, unknown>>;
type Usage = Pick<
  AiFigures,
  'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens' | 'reasoningTokens' | 'searchUnits'
>;

const NOTHING: Fields = {};

function fields(value: unknown): Fields {
  return isObject(value) ? value : NOTHING;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The first of the values that is a count. */
function tokens(...values: unknown[]): number | undefined {
  return values.find(
    (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
  );
}

function sum(first: number | undefined, ...more: (number | undefined)[]): number | undefined {
  if (first === undefined) return undefined;
  return more.reduce<number>((total, value) => total + (value ?? 0), first);
}

/** Without the keys whose values are undefined. */
function present<T extends object>(values: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** Chat completions, legacy completions, embeddings, and everything that calls itself compatible with them. */
function openAiUsage(usage: Fields): Usage {
  const input = fields(usage['prompt_tokens_details']);
  return present<Usage>({
    inputTokens: tokens(usage['prompt_tokens'], usage['total_tokens']),
    outputTokens: tokens(usage['completion_tokens']),
    // DeepSeek has its own name for it.
    cacheReadTokens: tokens(input['cached_tokens'], usage['prompt_cache_hit_tokens']),
    cacheWriteTokens: tokens(input['cache_write_tokens']),
    reasoningTokens: tokens(fields(usage['completion_tokens_details'])['reasoning_tokens']),
  });
}

function openAiResponsesUsage(usage: Fields): Usage {
  const input = fields(usage['input_tokens_details']);
  return present<Usage>({
    inputTokens: tokens(usage['input_tokens']),
    outputTokens: tokens(usage['output_tokens']),
    cacheReadTokens: tokens(input['cached_tokens']),
    cacheWriteTokens: tokens(input['cache_write_tokens']),
    reasoningTokens: tokens(fields(usage['output_tokens_details'])['reasoning_tokens']),
  });
}

function anthropicUsage(usage: Fields): Usage {
  const cacheReadTokens = tokens(usage['cache_read_input_tokens']);
  const cacheWriteTokens = tokens(usage['cache_creation_input_tokens']);
  return present<Usage>({
    inputTokens: sum(tokens(usage['input_tokens']), cacheReadTokens, cacheWriteTokens),
    outputTokens: tokens(usage['output_tokens']),
    cacheReadTokens,
    cacheWriteTokens,
    reasoningTokens: tokens(fields(usage['output_tokens_details'])['thinking_tokens']),
  });
}

/** What a model object of the AI SDK 6 (LanguageModelV3) answers. */
function aiSdkModelUsage(usage: Fields): Usage {
  const [input, output] = [fields(usage['inputTokens']), fields(usage['outputTokens'])];
  return present<Usage>({
    inputTokens: tokens(input['total']),
    outputTokens: tokens(output['total']),
    cacheReadTokens: tokens(input['cacheRead']),
    cacheWriteTokens: tokens(input['cacheWrite']),
    reasoningTokens: tokens(output['reasoning']),
  });
}

/** Results of the AI SDK 6 and 5, and model objects of 5 (LanguageModelV2). */
function aiSdkUsage(usage: Fields, metadata: Fields): Usage {
  const input = fields(usage['inputTokenDetails']);
  const anthropic = fields(metadata['anthropic']);
  const cacheReadTokens = tokens(input['cacheReadTokens'], usage['cachedInputTokens']);
  const cacheWriteTokens = tokens(input['cacheWriteTokens'], anthropic['cacheCreationInputTokens']);
  // Version 5 passes Anthropic's figures on as they are; 6 adds the cached tokens and has inputTokenDetails.
  const standBeside = usage['inputTokenDetails'] === undefined && metadata['anthropic'] !== undefined;
  const inputTokens = tokens(usage['inputTokens'], usage['promptTokens']);
  return present<Usage>({
    inputTokens: standBeside ? sum(inputTokens, cacheReadTokens, cacheWriteTokens) : inputTokens,
    outputTokens: tokens(usage['outputTokens'], usage['completionTokens']),
    cacheReadTokens,
    cacheWriteTokens,
    reasoningTokens: tokens(fields(usage['outputTokenDetails'])['reasoningTokens'], usage['reasoningTokens']),
  });
}

/** Billed units, not `tokens`: Cohere adds its own preamble to the latter and does not charge for it. */
function cohereUsage(usage: Fields): Usage {
  const billed = fields(usage['billedUnits'] ?? usage['billed_units']);
  const all = fields(usage['tokens']);
  const inputTokens = tokens(billed['inputTokens'], billed['input_tokens'], all['inputTokens'], all['input_tokens']);
  const cached = tokens(usage['cachedTokens'], usage['cached_tokens']);
  return present<Usage>({
    inputTokens: sum(inputTokens, tokens(billed['imageTokens'], billed['image_tokens'])),
    outputTokens: tokens(billed['outputTokens'], billed['output_tokens'], all['outputTokens'], all['output_tokens']),
    // Cached tokens count the preamble too; more than the input would be a negative rest.
    cacheReadTokens: cached === undefined || inputTokens === undefined ? undefined : Math.min(cached, inputTokens),
    searchUnits: tokens(billed['searchUnits'], billed['search_units']),
  });
}

type Family = 'openai' | 'anthropic' | 'cohere' | undefined;

function usageOf(usage: Fields, metadata: Fields): readonly [Family, Usage] {
  if ('billedUnits' in usage || 'billed_units' in usage || isObject(usage['tokens']))
    return ['cohere', cohereUsage(usage)];
  if (isObject(usage['inputTokens'])) return [undefined, aiSdkModelUsage(usage)];
  if ('inputTokens' in usage || 'promptTokens' in usage) return [undefined, aiSdkUsage(usage, metadata)];
  if ('input_tokens_details' in usage) return ['openai', openAiResponsesUsage(usage)];
  if ('input_tokens' in usage) return ['anthropic', anthropicUsage(usage)];
  // Embeddings of the AI SDK.
  if ('tokens' in usage) return [undefined, present<Usage>({ inputTokens: tokens(usage['tokens']) })];
  return ['openai', openAiUsage(usage)];
}

function operationOf(answer: Fields, usage: Usage): string {
  if (answer['object'] === 'text_completion') return 'text_completion';
  const isRerank = usage.searchUnits !== undefined || 'rerankedDocuments' in answer || 'ranking' in answer;
  if (isRerank && usage.outputTokens === undefined) return 'rerank';
  const isList = answer['object'] === 'list' || 'embeddings' in answer || 'embedding' in answer;
  return isList ? 'embeddings' : 'chat';
}

/** A result of streamText: reading its usage would start to consume the stream, which is the app's to do. */
function isLazyStream(answer: Fields): boolean {
  return isFunction(answer['consumeStream']) || ('textStream' in answer && 'fullStream' in answer);
}

/** One answer's figures; undefined when it tells no usage. */
export function figuresOf(answer: unknown): AiFigures | undefined {
  const body = fields(answer);
  if (isLazyStream(body)) return undefined;
  const usage = body['totalUsage'] ?? body['usage'] ?? body['meta'];
  if (!isObject(usage) || isFunction(usage['then'])) return undefined;
  const [family, read] = usageOf(usage, fields(body['providerMetadata']));
  if (Object.keys(read).length === 0) return undefined;
  const response = fields(body['response']);
  return present<AiFigures>({
    provider: family,
    operation: operationOf(body, read),
    model: text(body['model']) ?? text(response['modelId']) ?? text(body['modelId']),
    responseId: text(body['id']) ?? text(response['id']),
    ...read,
  });
}

/**
 * The figures of every model call behind an answer: each step of the AI SDK's generateText is one, as each is billed by
 * the size of its own input.
 */
export function allFiguresOf(answer: unknown): readonly AiFigures[] {
  const body = fields(answer);
  if (isLazyStream(body)) return [];
  const steps = body['steps'];
  const several = Array.isArray(steps) ? steps.map((step) => figuresOf(step)) : [];
  if (several.length > 1 && several.every((figures) => figures !== undefined)) return several;
  const one = figuresOf(answer);
  return one === undefined ? [] : [one];
}
