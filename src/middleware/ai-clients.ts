import { type AiCallOptions, markedCall } from './ai-call.ts';
import { providerOfAiSdk, providerOfUrl } from './ai-providers.ts';
import { isFunction, isObject, shadow } from './call-result.ts';
import { processCounters } from './counters.ts';
import { guarded } from './guard.ts';

type Fields = Readonly<Record<PropertyKey, unknown>>;

/** Symbol.for: two copies of this package in one app must not wrap a method twice. */
const MARKED: unique symbol = Symbol.for('tenantry.ai-marked') as never;

interface MarkedMethod {
  /** Where the method's object stands in the client. */
  readonly path: readonly string[];
  readonly name: string;
  readonly operation: string;
  /** Streams without the request saying so. */
  readonly isStream?: boolean;
}

const OPENAI: readonly MarkedMethod[] = [
  { path: ['chat', 'completions'], name: 'create', operation: 'chat' },
  { path: ['responses'], name: 'create', operation: 'chat' },
  { path: ['completions'], name: 'create', operation: 'text_completion' },
  { path: ['embeddings'], name: 'create', operation: 'embeddings' },
];
const ANTHROPIC: readonly MarkedMethod[] = [
  { path: ['messages'], name: 'create', operation: 'chat' },
  { path: ['beta', 'messages'], name: 'create', operation: 'chat' },
];
const COHERE: readonly MarkedMethod[] = [[], ['v2']].flatMap((path) => [
  { path, name: 'chat', operation: 'chat' },
  { path, name: 'chatStream', operation: 'chat', isStream: true },
  { path, name: 'embed', operation: 'embeddings' },
  { path, name: 'rerank', operation: 'rerank' },
]);
const AI_SDK_MODEL: readonly MarkedMethod[] = [
  { path: [], name: 'doGenerate', operation: 'chat' },
  { path: [], name: 'doStream', operation: 'chat', isStream: true },
  { path: [], name: 'doEmbed', operation: 'embeddings' },
  { path: [], name: 'doRerank', operation: 'rerank' },
];

interface ClientKind {
  readonly methods: readonly MarkedMethod[];
  readonly provider: string | undefined;
  /** Model objects of the AI SDK know their model, the others are told by each request. */
  readonly model?: string;
}

const has = (value: unknown, ...names: string[]) => isObject(value) && names.every((name) => name in value);

function kindOf(client: Fields): ClientKind | undefined {
  const { baseURL, modelId } = client;
  if (isFunction(client['doGenerate']) || isFunction(client['doEmbed']) || isFunction(client['doRerank'])) {
    const provider = providerOfAiSdk(client['provider']);
    return { methods: AI_SDK_MODEL, provider, ...(typeof modelId === 'string' ? { model: modelId } : {}) };
  }
  if (has(client, 'chat', 'embeddings')) return { methods: OPENAI, provider: providerOfUrl(baseURL) ?? 'openai' };
  if (has(client['messages'], 'create')) return { methods: ANTHROPIC, provider: providerOfUrl(baseURL) ?? 'anthropic' };
  if (has(client, 'chatStream', 'rerank')) return { methods: COHERE, provider: 'cohere' };
  return undefined;
}

function markMethod(target: object, method: MarkedMethod, fixed: AiCallOptions): void {
  const { name, operation } = method;
  if (!isFunction(Reflect.get(target, name))) return;
  const own: unknown = Object.hasOwn(target, name) ? Reflect.get(target, name) : undefined;
  const prototype: object | null = Object.getPrototypeOf(target);
  shadow(target, name, function marked(this: unknown, ...args: unknown[]) {
    // Looked up at each call: an instrumentation may patch the prototype after this.
    const original = own ?? (prototype === null ? undefined : Reflect.get(prototype, name));
    const request = isObject(args[0]) ? args[0] : {};
    const model = typeof request['model'] === 'string' ? request['model'] : undefined;
    const options = { ...(model === undefined ? {} : { model }), operation, ...fixed };
    const isStream = method.isStream === true || request['stream'] === true;
    return markedCall(options, isStream, () => (original as (...args: unknown[]) => unknown).apply(this, args));
  });
}

function resolve(client: object, path: readonly string[]): object | undefined {
  const target = path.reduce<unknown>((held, name) => (isObject(held) ? held[name] : undefined), client);
  return isObject(target) ? target : undefined;
}

/** A copy with other options is a client of its own, and would not be marked. */
function markCopies(client: object, options: AiClientOptions): void {
  const original: unknown = Reflect.get(client, 'withOptions');
  if (!isFunction(original)) return;
  shadow(client, 'withOptions', function withOptions(this: unknown, ...args: unknown[]) {
    const copy = original.apply(this, args);
    return isObject(copy) ? withAiMarks(copy, options) : copy;
  });
}

/** Options of `withAiMarks`. */
export interface AiClientOptions {
  /** `gen_ai.provider.name`. Default: by the client's base URL, else by its kind; for AI SDK models their own word. */
  readonly provider?: string;
}

/**
 * Marks every call of a client as `aiCall` would: of `openai` (chat completions, responses, completions, embeddings, and
 * the helpers built on them: `parse`, `stream`, `runTools`), `@anthropic-ai/sdk` (messages, beta messages, `stream`),
 * `cohere-ai` (chat, chatStream, embed, rerank; v1 and v2) and model objects of the AI SDK (`openai('gpt-4o')`; of
 * version 5 and 6). The methods of this very object are replaced, with the same arguments, results and types; for
 * streams the usage is read from what passes by. A client of another kind, or a frozen one, stays unmarked (counted as
 * `mark_failed`).
 * @returns `client` itself. Never throws.
 */
export function withAiMarks<C extends object>(client: C, options: AiClientOptions = {}): C {
  guarded(
    (name) => processCounters.add(name),
    'mark_failed',
    () => {
      const kind = kindOf(client as C & Fields);
      if (kind === undefined) throw new TypeError('a client of a kind that is not known');
      if (Object.hasOwn(client, MARKED)) return;
      shadow(client, MARKED, true);
      const { model } = kind;
      const provider = options.provider ?? kind.provider;
      const fixed = { ...(provider === undefined ? {} : { provider }), ...(model === undefined ? {} : { model }) };
      for (const method of kind.methods) {
        const target = resolve(client, method.path);
        if (target !== undefined) markMethod(target, method, fixed);
      }
      markCopies(client, options);
    },
    undefined,
  );
  return client;
}
