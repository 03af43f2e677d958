import { type AiFigures, figuresOf } from './ai-figures.ts';
import { isObject } from './call-result.ts';

type Fields = Readonly<Record<PropertyKey, unknown>>;

/** Anthropic repeats its figures in `message_delta`, cumulative; null there means "as before". */
function merged(held: Fields, more: unknown): Fields {
  if (!isObject(more)) return held;
  return { ...held, ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== null)) };
}

/** In which field of a chunk, by its type, the answer's fields stand; in others they are the chunk's own. */
const FIGURES_BELOW: ReadonlyMap<unknown, string> = new Map([
  ['message_start', 'message'],
  ['response.created', 'response'],
  ['response.completed', 'response'],
  ['response.incomplete', 'response'],
  ['response.failed', 'response'],
  ['stream-end', 'response'],
  ['message-end', 'delta'],
]);

/**
 * Gathers a stream's figures from its chunks, which are read and not kept: OpenAI's (usage in the last chunk, if the
 * request asked for it with `stream_options.include_usage`), its Responses API's (in `response.completed`), Anthropic's
 * (`message_start`, `message_delta`), Cohere's (`message-end`, v1 `stream-end`) and the AI SDK's models' (`finish`).
 */
export class StreamFigures {
  readonly #answer: Record<string, unknown> = {};
  #usage: Fields = {};

  add(chunk: unknown): void {
    if (!isObject(chunk)) return;
    const type = chunk['type'] ?? chunk['eventType'];
    if (type === 'response-metadata') {
      this.#answer['id'] = chunk['id'];
      this.#answer['model'] = chunk['modelId'];
      return;
    }
    if (type === 'finish') this.#answer['providerMetadata'] = chunk['providerMetadata'];
    const inside = FIGURES_BELOW.get(type);
    this.#take(inside === undefined ? chunk : chunk[inside]);
  }

  #take(part: unknown): void {
    if (!isObject(part)) return;
    // Parts of an answer have ids as well: only what names its model, and Cohere's first event, is the answer itself.
    const isAnswer = part['model'] !== undefined || part['type'] === 'message-start';
    for (const name of isAnswer ? ['id', 'model', 'object', 'meta'] : ['object', 'meta']) {
      if (part[name] !== undefined && part[name] !== null) this.#answer[name] = part[name];
    }
    this.#usage = merged(this.#usage, part['usage']);
  }

  get figures(): AiFigures | undefined {
    return figuresOf(Object.keys(this.#usage).length === 0 ? this.#answer : { ...this.#answer, usage: this.#usage });
  }

  /** What is known of a call without usage: its model and id. */
  get named(): AiFigures {
    const { model, id } = this.#answer as { readonly model?: unknown; readonly id?: unknown };
    return {
      ...(typeof model === 'string' ? { model } : {}),
      ...(typeof id === 'string' ? { responseId: id } : {}),
    };
  }
}
