/**
 * OpenTelemetry's provider names and the spellings seen in the wild -> ids of the price catalogue. The catalogue
 * matches loosely by itself and would take `azure.ai.openai` for OpenAI, which has other prices; exact names come first.
 * null = sells under its own prices, or is run by the operator, and the catalogue knows none of it: a price found by
 * the model's name alone would be somebody else's.
 */
const CATALOGUE_IDS: ReadonlyMap<string, string | null> = new Map([
  ['aws.bedrock', 'aws'],
  ['az.ai.inference', 'azure'],
  ['az.ai.openai', 'azure'],
  ['azure.ai.inference', 'azure'],
  ['azure.ai.openai', 'azure'],
  ['azure-openai', 'azure'],
  ['azure_openai', 'azure'],
  ['fireworks_ai', 'fireworks'],
  ['gcp.gemini', 'google'],
  ['gcp.gen_ai', 'google'],
  ['gcp.vertex_ai', 'google'],
  ['mistral_ai', 'mistral'],
  ['moonshot_ai', 'moonshotai'],
  ['x_ai', 'x-ai'],
  ['ibm.watsonx.ai', null],
  ['lmstudio', null],
  ['ollama', null],
  ['vllm', null],
]);

/** The catalogue's id for a reported provider, the name itself when it is not in the table, null for "no price there". */
export function catalogueProvider(reported: string): string | null {
  const name = reported.trim().toLowerCase();
  const id = CATALOGUE_IDS.get(name);
  return id === undefined ? name : id;
}

/** LiteLLM's provider names -> ids of the price catalogue, where they differ from what CATALOGUE_IDS says. */
const LITELLM_IDS: ReadonlyMap<string, string> = new Map([
  ['azure_ai', 'azure'],
  ['azure_text', 'azure'],
  ['bedrock', 'aws'],
  ['bedrock_converse', 'aws'],
  ['cohere_chat', 'cohere'],
  ['fireworks_ai-embedding-models', 'fireworks'],
  ['gemini', 'google'],
  ['moonshot', 'moonshotai'],
  ['text-completion-openai', 'openai'],
  ['text-completion-codestral', 'mistral'],
  ['codestral', 'mistral'],
  ['together_ai', 'together'],
  ['xai', 'x-ai'],
]);

/** The seller that LiteLLM's `litellm_provider` stands for, as the book names it. */
export function sellerOfLiteLlm(provider: string): string {
  const name = provider.trim().toLowerCase();
  // vertex_ai-language-models, vertex_ai-anthropic_models, …
  if (name === 'vertex_ai' || name.startsWith('vertex_ai-')) return 'google';
  return LITELLM_IDS.get(name) ?? catalogueProvider(name) ?? name;
}
