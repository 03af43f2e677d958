/**
 * Provider names of GenAI conventions. An OpenAI client is often pointed at somebody else's server, who has other
 * prices, so the host decides; a host that is not here (a gateway, a proxy) keeps the client's own provider.
 */
const BY_HOST: readonly (readonly [suffix: string, provider: string])[] = [
  ['.openai.azure.com', 'azure.ai.openai'],
  ['.cognitiveservices.azure.com', 'azure.ai.openai'],
  ['.services.ai.azure.com', 'azure.ai.inference'],
  ['.models.ai.azure.com', 'azure.ai.inference'],
  ['.amazonaws.com', 'aws.bedrock'],
  ['aiplatform.googleapis.com', 'gcp.vertex_ai'],
  ['generativelanguage.googleapis.com', 'gcp.gemini'],
  ['api.groq.com', 'groq'],
  ['api.deepseek.com', 'deepseek'],
  ['api.mistral.ai', 'mistral_ai'],
  ['api.perplexity.ai', 'perplexity'],
  ['api.x.ai', 'x_ai'],
  ['api.cohere.com', 'cohere'],
  ['api.cohere.ai', 'cohere'],
  ['api.anthropic.com', 'anthropic'],
  ['openrouter.ai', 'openrouter'],
];

/** The provider behind a client's base URL, or undefined when the host does not tell. */
export function providerOfUrl(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  return BY_HOST.find(([suffix]) => hostname.endsWith(suffix))?.[1];
}

/** Longer prefixes first: `google.vertex` is not `google`. */
const BY_AI_SDK_NAME: readonly (readonly [prefix: string, provider: string])[] = [
  ['google.vertex', 'gcp.vertex_ai'],
  ['google', 'gcp.gemini'],
  ['vertex.anthropic', 'gcp.vertex_ai'],
  ['amazon-bedrock', 'aws.bedrock'],
  ['bedrock', 'aws.bedrock'],
  ['azure', 'azure.ai.openai'],
  ['mistral', 'mistral_ai'],
  ['xai', 'x_ai'],
];

/** `openai.chat`, `anthropic.messages`, … as the AI SDK's models call their providers. */
export function providerOfAiSdk(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return undefined;
  return BY_AI_SDK_NAME.find(([prefix]) => name.startsWith(prefix))?.[1] ?? name.split('.')[0];
}
