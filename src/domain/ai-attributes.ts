import { AI_SEARCH_UNITS_ATTRIBUTE } from './attributes.ts';

/**
 * Under which names instrumentations report a model call. Order = precedence. Sources: OpenTelemetry GenAI semantic
 * conventions 1.37 to 1.41, OpenLLMetry, OpenInference, Vercel AI SDK and Langfuse (names only).
 */
export const AI_ATTRIBUTE_ALIASES = {
  // The response's model is what is billed; the request's may be an alias like `gpt-4o`.
  model: [
    'langfuse.observation.model.name',
    'gen_ai.response.model',
    'ai.model.id',
    'gen_ai.request.model',
    'llm.response.model',
    'llm.model_name',
    'embedding.model_name',
    'reranker.model_name',
  ],
  provider: ['gen_ai.provider.name', 'gen_ai.system', 'ai.model.provider', 'llm.provider', 'llm.system'],
  input_tokens: [
    'gen_ai.usage.input_tokens',
    'gen_ai.usage.prompt_tokens',
    'llm.token_count.prompt',
    'ai.usage.inputTokens',
    'ai.usage.promptTokens',
    'ai.usage.tokens',
  ],
  output_tokens: [
    'gen_ai.usage.output_tokens',
    'gen_ai.usage.completion_tokens',
    'llm.token_count.completion',
    'ai.usage.outputTokens',
    'ai.usage.completionTokens',
  ],
  cache_read_tokens: [
    'gen_ai.usage.cache_read.input_tokens',
    'gen_ai.usage.cache_read_input_tokens',
    'gen_ai.usage.cache_read_tokens',
    'gen_ai.usage.details.cache_read_tokens',
    'llm.token_count.prompt_details.cache_read',
    'ai.usage.cachedInputTokens',
  ],
  cache_write_tokens: [
    'gen_ai.usage.cache_creation.input_tokens',
    // Anthropic's own SDK (1.x) writes this one.
    'gen_ai.usage.cache_write.input_tokens',
    'gen_ai.usage.cache_creation_input_tokens',
    'gen_ai.usage.cache_write_tokens',
    'gen_ai.usage.details.cache_write_tokens',
    'llm.token_count.prompt_details.cache_write',
    'ai.usage.inputTokenDetails.cacheWriteTokens',
  ],
  reasoning_tokens: [
    'gen_ai.usage.reasoning.output_tokens',
    'gen_ai.usage.reasoning_tokens',
    'llm.token_count.completion_details.reasoning',
    'ai.usage.reasoningTokens',
  ],
  // What reranking is billed by; GenAI conventions have no name for it yet.
  search_units: [AI_SEARCH_UNITS_ATTRIBUTE, 'gen_ai.usage.search_units'],
} as const;

/** Names of the seller's service tier. What was answered comes before what was asked for: `auto` is no tier. */
export const AI_SERVICE_TIER_ATTRIBUTES = [
  'tenantry.ai.service_tier',
  'openai.response.service_tier',
  'gen_ai.openai.response.service_tier',
  'gen_ai.response.service_tier',
  'gen_ai.usage.service_tier',
  'openai.request.service_tier',
  'gen_ai.openai.request.service_tier',
  'gen_ai.request.service_tier',
] as const;

/**
 * Says where the cached tokens of a span stand: `inside` its input tokens, as OpenTelemetry and OpenAI count, or `beside`
 * them, as Anthropic's API does. For instrumentations that pass figures on as they are; overrules every guess.
 */
export const AI_CACHE_TOKENS_ATTRIBUTE = 'tenantry.ai.cache_tokens';

export type AiAttribute = keyof typeof AI_ATTRIBUTE_ALIASES;

/**
 * Kinds of spans (any convention, lower case) that stand around model calls and repeat their usage; counting them would
 * bill a tenant twice.
 */
export const AI_WRAPPER_OPERATIONS = [
  'create_agent',
  'invoke_agent',
  'invoke_workflow',
  'execute_tool',
  'plan',
  'agent',
  'chain',
  'tool',
  'workflow',
  'task',
  'retriever',
  'retrieval',
  'guardrail',
  'evaluator',
  'prompt',
  'unknown',
] as const;

/** Langfuse's own SDK reports usage as one JSON object instead of attributes. */
export const LANGFUSE_USAGE_ATTRIBUTE = 'langfuse.observation.usage_details';
