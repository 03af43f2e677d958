/**
 * Who else has marked a model call: instrumentations, the AI SDK's telemetry and clients that trace themselves
 * (Anthropic's since 1.0) make spans of their own, and two spans for one call would be billed twice.
 */
import { type Context, createContextKey, type Span } from '@opentelemetry/api';
import { AI_ATTRIBUTE_ALIASES, AI_WRAPPER_OPERATIONS } from '../domain/ai-attributes.ts';

type Attributes = Readonly<Record<string, unknown>>;

const AI_KEY = /^(gen_ai|llm|ai|openinference|langfuse|embedding|reranker)[.]/;
const OPERATION_KEYS = [
  'gen_ai.operation.name',
  'openinference.span.kind',
  'traceloop.span.kind',
  'llm.request.type',
  'ai.operationId',
];
const TOKEN_KEYS: readonly string[] = [...AI_ATTRIBUTE_ALIASES.input_tokens, ...AI_ATTRIBUTE_ALIASES.output_tokens];
const INNERMOST_OPERATION = /\.do(Generate|Stream|Embed)$/;
const WRAPPERS: ReadonlySet<string> = new Set(AI_WRAPPER_OPERATIONS);

function firstText(attributes: Attributes, keys: readonly string[]): string {
  for (const key of keys) {
    const value = attributes[key];
    if (value !== undefined && value !== '') return String(value);
  }
  return '';
}

export function hasUsage(attributes: Attributes): boolean {
  return firstText(attributes, TOKEN_KEYS) !== '';
}

/** Whether the server counts a span with these attributes as a call to a model: the rule of the view `spans`. */
export function isModelCall(attributes: Attributes): boolean {
  const operation = firstText(attributes, OPERATION_KEYS).toLowerCase();
  if (operation === '' && !hasUsage(attributes)) return false;
  if (WRAPPERS.has(operation)) return false;
  const operationId = attributes['ai.operationId'];
  if (operationId !== undefined && operationId !== '' && !INNERMOST_OPERATION.test(String(operationId))) return false;
  return Object.keys(attributes).some((key) => AI_KEY.test(key));
}

/** The attributes of an SDK span; the API's own spans show none. */
export function attributesOf(span: unknown): Attributes {
  return (span as { attributes?: Attributes } | undefined)?.attributes ?? {};
}

/** A call has one span for each attempt at most, and its instrumentation's comes first. */
const MAX_SPANS_A_SCOPE = 64;
const SCOPE_KEY = createContextKey('tenantry model call');

/** What started inside one model call that this library marks. */
export class CallScope {
  readonly #parent: CallScope | undefined;
  readonly #spans: Span[] = [];
  #isCounted = false;

  constructor(parent: CallScope | undefined) {
    this.#parent = parent;
  }

  note(span: Span): void {
    if (this.#spans.length < MAX_SPANS_A_SCOPE) this.#spans.push(span);
  }

  /** A call inside was counted. The innermost one counts, as on the server. */
  get isCounted(): boolean {
    return this.#isCounted || this.#spans.some((span) => isModelCall(attributesOf(span)));
  }

  noteCounted(): void {
    this.#isCounted = true;
  }

  /** Tells the call around this one that this one is counted, whether by its own span or by one inside. */
  close(): void {
    this.#parent?.noteCounted();
  }
}

export function scopeIn(ctx: Context): CallScope | undefined {
  return ctx.getValue(SCOPE_KEY) as CallScope | undefined;
}

export function inScope(ctx: Context, scope: CallScope): Context {
  return ctx.setValue(SCOPE_KEY, scope);
}

/** For the span processor: a span has started in that context. */
export function noteStarted(span: Span, parent: Context): void {
  scopeIn(parent)?.note(span);
}

interface EndedCall {
  readonly traceId: string;
  readonly responseId: unknown;
  /** Undefined for this library's own spans: another call with the same figures is another call. */
  readonly tokens: string | undefined;
}

/** Calls are recorded right after they end; 256 covers that at thousands of calls a second. */
const MAX_ENDED = 256;
const ended: EndedCall[] = [];
let oldest = 0;
const ownSpans = new WeakSet<object>();

/** Says that this library made the span. */
export function noteOwn(span: Span): void {
  ownSpans.add(span);
}

function tokensOf(attributes: Attributes): string {
  const [input, output] = [AI_ATTRIBUTE_ALIASES.input_tokens, AI_ATTRIBUTE_ALIASES.output_tokens];
  return `${firstText(attributes, input)}/${firstText(attributes, output)}`;
}

/** For the span processor: a span has ended. */
export function noteEnded(span: unknown): void {
  const attributes = attributesOf(span);
  // Nearly every span ends here; the whole rule would cost a request more than this look does.
  if (attributes['gen_ai.operation.name'] === undefined && attributes['ai.operationId'] === undefined) {
    if (attributes['openinference.span.kind'] === undefined && attributes['llm.request.type'] === undefined) return;
  }
  if (!isModelCall(attributes)) return;
  ended[oldest] = {
    traceId: (span as Span).spanContext().traceId,
    responseId: attributes['gen_ai.response.id'],
    tokens: ownSpans.has(span as Span) ? undefined : tokensOf(attributes),
  };
  oldest = (oldest + 1) % MAX_ENDED;
}

/**
 * Whether a call with that answer has ended in that trace. By its response id if the span has one, else by equal
 * figures; each ended call is found once.
 */
export function takeEnded(
  traceId: string,
  call: { readonly responseId?: string; readonly inputTokens?: number; readonly outputTokens?: number },
): boolean {
  const tokens = call.inputTokens === undefined ? undefined : `${call.inputTokens}/${call.outputTokens ?? ''}`;
  const index = ended.findIndex((one) => {
    if (one.traceId !== traceId) return false;
    if (one.responseId !== undefined) return one.responseId === call.responseId;
    return tokens !== undefined && one.tokens === tokens;
  });
  if (index < 0) return false;
  ended[index] = { traceId: '', responseId: undefined, tokens: undefined };
  return true;
}
