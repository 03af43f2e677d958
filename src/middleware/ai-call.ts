import { type Attributes, type Context, context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { AI_SEARCH_UNITS_ATTRIBUTE } from '../domain/attributes.ts';
import { type AiFigures, allFiguresOf } from './ai-figures.ts';
import {
  attributesOf,
  CallScope,
  hasUsage,
  inScope,
  isModelCall,
  noteOwn,
  scopeIn,
  takeEnded,
} from './ai-model-calls.ts';
import { StreamFigures } from './ai-stream-figures.ts';
import { watchResult } from './call-result.ts';
import { type StreamEnd, watchEmitter, watchReadable, watchStream } from './call-stream.ts';
import { type CounterName, processCounters } from './counters.ts';
import { guarded } from './guard.ts';
import { cut, errorTypeOf, setFailed, startCallSpan } from './span-call.ts';

/** What the answer does not say about a call, or not reliably. */
export interface AiCallOptions {
  /** `gen_ai.provider.name`: `openai`, `anthropic`, `cohere`, `aws.bedrock`, … Default: the answer's family. */
  readonly provider?: string;
  /** `chat`, `text_completion`, `embeddings`, `rerank`. Default: what the answer looks like. */
  readonly operation?: string;
  /** The model that was asked for. The answer's own, if it names one, is what is billed. */
  readonly model?: string;
}

export interface RecordAiCallOptions extends AiCallOptions {
  /** When the call began, as Date or Unix milliseconds; its duration is unknown without. */
  readonly startedAt?: Date | number;
}

const count = (name: CounterName) => processCounters.add(name);

function safely(work: () => void): void {
  guarded(count, 'mark_failed', work, undefined);
}

function nameOf(options: AiCallOptions): string {
  return `${options.operation ?? 'chat'}${options.model === undefined ? '' : ` ${options.model}`}`;
}

/** What is known before the answer. */
function requestAttributes({ provider, model }: AiCallOptions, isStream?: boolean): Attributes {
  return {
    ...(provider === undefined ? {} : { 'gen_ai.provider.name': cut(provider) }),
    ...(model === undefined ? {} : { 'gen_ai.request.model': cut(model) }),
    ...(isStream === true ? { 'gen_ai.request.stream': true } : {}),
  };
}

function usageAttributes(figures: AiFigures): Attributes {
  const values = {
    'gen_ai.response.model': figures.model === undefined ? undefined : cut(figures.model),
    'gen_ai.response.id': figures.responseId === undefined ? undefined : cut(figures.responseId),
    'gen_ai.usage.input_tokens': figures.inputTokens,
    'gen_ai.usage.output_tokens': figures.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': figures.cacheReadTokens,
    'gen_ai.usage.cache_creation.input_tokens': figures.cacheWriteTokens,
    'gen_ai.usage.reasoning.output_tokens': figures.reasoningTokens,
    [AI_SEARCH_UNITS_ATTRIBUTE]: figures.searchUnits,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** What makes the span one that the server counts; the last thing to be written, as it can't be taken back. */
function countedAttributes(figures: AiFigures, options: AiCallOptions): Attributes {
  const provider = options.provider ?? figures.provider;
  return {
    'gen_ai.operation.name': options.operation ?? figures.operation ?? 'chat',
    ...(provider === undefined ? {} : { 'gen_ai.provider.name': cut(provider) }),
    ...usageAttributes(figures),
  };
}

function hasFigures({ inputTokens, outputTokens, searchUnits }: AiFigures): boolean {
  return inputTokens !== undefined || outputTokens !== undefined || searchUnits !== undefined;
}

function writeSpan(figures: AiFigures, options: AiCallOptions, parent: Context, startTime?: Date | number): void {
  const operation = options.operation ?? figures.operation ?? 'chat';
  const span = startCallSpan({
    name: nameOf({ ...options, operation }),
    kind: SpanKind.CLIENT,
    attributes: { ...requestAttributes(options), ...countedAttributes(figures, options) },
    parent,
    ...(startTime === undefined ? {} : { startTime }),
  });
  noteOwn(span);
  span.end();
}

function recordOne(figures: AiFigures, options: RecordAiCallOptions): void {
  const active = trace.getSpan(context.active());
  const held = attributesOf(active);
  if (active?.isRecording() === true && isModelCall(held) && !hasUsage(held)) {
    // The app's own span, or an instrumentation's that did not see the answer.
    active.setAttributes(usageAttributes(figures));
    return;
  }
  const isMarked = isModelCall(held) || (active !== undefined && takeEnded(active.spanContext().traceId, figures));
  if (isMarked) count('ai_call_already_marked');
  else {
    writeSpan(figures, options, context.active(), options.startedAt);
    scopeIn(context.active())?.noteCounted();
  }
}

/**
 * Marks a call to a model that is over, from its answer: of OpenAI (chat completions, responses, embeddings), Anthropic
 * (messages), the AI SDK (generateText, generateObject, embed, what `onFinish` of streamText gets), Cohere (chat,
 * embed, rerank) or anything with OpenAI's `usage`. If the active span stands for a model call and has no usage, it gets
 * the figures; otherwise a span of its own does, one for each step of the AI SDK. Nothing is written when the call was
 * already marked by a span of this trace. Prompts and completions are not read. Never throws.
 */
export function recordAiCall(answer: unknown, options: RecordAiCallOptions = {}): void {
  safely(() => {
    const all = allFiguresOf(answer).filter(hasFigures);
    if (all.length === 0) count('ai_usage_missing');
    for (const figures of all) recordOne(figures, options);
  });
}

/** A call under way: one span, and one outcome. None of its methods throws. */
class RunningCall {
  readonly span: Span;
  readonly #options: AiCallOptions;
  readonly #scope: CallScope;
  readonly #parent: Context;
  readonly #startedAt = performance.now();
  readonly #stream = new StreamFigures();
  #hasChunk = false;

  constructor(options: AiCallOptions, isStream: boolean, parent: Context) {
    this.#options = options;
    this.#parent = parent;
    this.#scope = new CallScope(scopeIn(parent));
    // Without the operation: a span that has it counts, and an instrumentation's own may yet appear inside.
    this.span = startCallSpan({
      name: nameOf(options),
      kind: SpanKind.CLIENT,
      attributes: requestAttributes(options, isStream),
      parent,
    });
    noteOwn(this.span);
  }

  get context(): Context {
    return inScope(trace.setSpan(this.#parent, this.span), this.#scope);
  }

  answered(answer: unknown): void {
    safely(() => this.#end(allFiguresOf(answer)));
  }

  failed(error: unknown): void {
    safely(() => {
      setFailed(this.span, errorTypeOf(error));
      const known = this.#stream.figures ?? this.#stream.named;
      this.#end([known], false);
    });
  }

  chunk(item: unknown): void {
    safely(() => {
      if (!this.#hasChunk) {
        this.#hasChunk = true;
        const seconds = (performance.now() - this.#startedAt) / 1_000;
        this.span.setAttribute('gen_ai.response.time_to_first_chunk', seconds);
      }
      this.#stream.add(item);
    });
  }

  ended(how: StreamEnd, error?: unknown): void {
    if (how === 'failed') this.failed(error);
    else safely(() => this.#end([this.#stream.figures ?? this.#stream.named]));
  }

  #end(all: readonly AiFigures[], expectsUsage = true): void {
    if (this.#scope.isCounted) count('ai_call_already_marked');
    else {
      if (expectsUsage && !all.some(hasFigures)) count('ai_usage_missing');
      this.#write(all);
    }
    this.#scope.close();
    this.span.end();
  }

  #write(all: readonly AiFigures[]): void {
    const [first = {}, ...more] = all;
    if (more.length === 0) this.span.setAttributes(countedAttributes(first, this.#options));
    else for (const figures of all) writeSpan(figures, this.#options, trace.setSpan(this.#parent, this.span));
  }
}

/** A result of an AI SDK model's doStream: the stream stands beside the request and the headers. */
function watchInnerStream(answer: unknown, call: RunningCall): boolean {
  const held = answer as { stream?: unknown } | null | undefined;
  if (typeof held !== 'object' || held === null || !(held.stream instanceof ReadableStream)) return false;
  held.stream = watchReadable(held.stream, call);
  return true;
}

function begin(options: AiCallOptions, isStream: boolean): RunningCall | undefined {
  const parent = context.active();
  if (isModelCall(attributesOf(trace.getSpan(parent)))) {
    count('ai_call_already_marked');
    return undefined;
  }
  return new RunningCall(options, isStream, parent);
}

/** `aiCall` for a call whose request is known to ask for a stream or not. */
export function markedCall<T>(options: AiCallOptions, isStream: boolean, fn: () => T): T {
  const call = guarded(count, 'mark_failed', () => begin(options, isStream), undefined);
  if (call === undefined) return fn();
  let result: T;
  try {
    result = context.with(call.context, fn);
  } catch (error) {
    call.failed(error);
    throw error;
  }
  return watchResult(result, {
    fulfilled: (answer) => {
      const isStreaming = guarded(
        count,
        'mark_failed',
        () => watchEmitter(answer, call) || watchStream(answer, call) || watchInnerStream(answer, call),
        false,
      );
      if (!isStreaming) call.answered(answer);
      return answer;
    },
    rejected: (error) => call.failed(error),
    unseen: () => call.answered(undefined),
  });
}

/**
 * Calls a model within a client span of GenAI conventions; `fn` returns the client's promise or stream. The answer's
 * usage goes to the span, which ends with the answer, or when its stream is read to the end, broken off or aborted (a
 * stream that nobody reads never ends). If an instrumentation, or a marked call inside, makes a span for the same call,
 * only that one counts.
 * @returns what `fn` returns, with all its methods; throws what `fn` throws
 */
export function aiCall<T>(options: AiCallOptions, fn: () => T): T {
  return markedCall(options, false, fn);
}
