import type { IngestLimits } from './limits.ts';
import { ATTRIBUTE_TAGS } from './limits-survey.ts';
import { noLosses } from './rewrite-attributes.ts';
import { Pieces } from './rewrite-pieces.ts';
import { type AttributeFields, type LimitTally, type SpanEdits, SpanRewriter } from './rewrite-span.ts';
import { FieldReader } from './wire-fields.ts';
import { ITEM_MESSAGES, MESSAGE } from './wire-messages.ts';
import { CHILDREN, FIELDS_PER_MESSAGE } from './wire-schema.ts';

/** What is to become of one span or data point. */
export type ItemFate = 'keep' | 'drop' | SpanEdits;

const REQUESTS = { traces: MESSAGE.TRACE_REQUEST, metrics: MESSAGE.METRICS_REQUEST } as const;
const ITEMS = new Set<number>(ITEM_MESSAGES);
/** Messages between the request and its items. */
const AROUND_ITEMS = new Set<number>([
  ...[MESSAGE.RESOURCE_SPANS, MESSAGE.SCOPE_SPANS],
  ...[MESSAGE.RESOURCE_METRICS, MESSAGE.SCOPE_METRICS, MESSAGE.METRIC],
  ...[MESSAGE.GAUGE, MESSAGE.SUM, MESSAGE.HISTOGRAM, MESSAGE.EXPONENTIAL_HISTOGRAM, MESSAGE.SUMMARY],
]);
const RESOURCE_FIELDS: AttributeFields = { attributes: 1 * 8 + 2, dropped: 2 * 8 };
const SCOPE_FIELDS: AttributeFields = { attributes: 3 * 8 + 2, dropped: 4 * 8 };

/**
 * Writes a request anew without the spans and data points that are over a limit, and with those within it that the limits on content have cut. All
 * else keeps its bytes. For requests that need it alone: the way of all others is to be stored as they came.
 */
export class RequestRewriter {
  readonly #spans: SpanRewriter;
  #fates: (item: number) => ItemFate = () => 'keep';
  #withOutside = false;
  #item = 0;
  #tally: LimitTally = newTally();

  constructor(limits: IngestLimits) {
    this.#spans = new SpanRewriter(limits);
  }

  /**
   * @param body checked
   * @param fates of the items, by their place in the order of the wire
   * @param withOutside whether resources and scopes have to be cut as well
   */
  rewrite(
    signal: keyof typeof REQUESTS,
    body: Uint8Array,
    fates: (item: number) => ItemFate,
    withOutside: boolean,
  ): { readonly body: Uint8Array; readonly tally: LimitTally } {
    this.#fates = fates;
    this.#withOutside = withOutside && signal === 'traces';
    this.#item = 0;
    this.#tally = newTally();
    return { body: this.#message(body, REQUESTS[signal], 0, body.length).joined(), tally: this.#tally };
  }

  #message(bytes: Uint8Array, message: number, start: number, end: number): Pieces {
    const pieces = new Pieces();
    // What stays as it is is copied in as long runs as possible.
    let copied = start;
    const fields = new FieldReader().open(bytes, start, end);
    while (fields.next()) {
      const field = fields.tag >>> 3;
      const child =
        field < FIELDS_PER_MESSAGE ? (CHILDREN[message * FIELDS_PER_MESSAGE + field] as number) : MESSAGE.NONE;
      const changed = this.#child(child, fields);
      if (changed === undefined) continue;
      pieces.push(bytes.subarray(copied, fields.fieldStart));
      copied = fields.end;
      if (changed !== 'drop') pieces.pushMessage(fields.tag, changed);
    }
    pieces.push(bytes.subarray(copied, end));
    return pieces;
  }

  /** undefined: it stays as it is. */
  #child(child: number, { bytes, start, end }: FieldReader): Pieces | 'drop' | undefined {
    if (AROUND_ITEMS.has(child)) return this.#message(bytes, child, start, end);
    if (ITEMS.has(child)) {
      const fate = this.#fates(this.#item++);
      if (fate === 'drop') return 'drop';
      if (fate === 'keep') return undefined;
      if (child === MESSAGE.SPAN) return this.#spans.rewrite(bytes, start, end, fate, this.#tally);
      return fate.tenant
        ? this.#spans.unnamed(bytes, [start, end], ATTRIBUTE_TAGS[child] ?? 0, this.#tally)
        : undefined;
    }
    if (!this.#withOutside) return undefined;
    if (child === MESSAGE.RESOURCE) return this.#spans.rewriteAround(bytes, [start, end], RESOURCE_FIELDS, this.#tally);
    if (child === MESSAGE.SCOPE) return this.#spans.rewriteAround(bytes, [start, end], SCOPE_FIELDS, this.#tally);
    return undefined;
  }
}

function newTally(): LimitTally {
  return { losses: noLosses(), routes: 0, tenants: 0 };
}
