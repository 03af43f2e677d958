/** The words of the price book: what is charged, in which unit, for which kind of call, and since when. */

/**
 * What a price can be for, and the unit that it counts. Those that spans do not tell the amount of (audio, images, pages)
 * are in the book for people to read; no cost is made from them.
 */
export const PRICE_UNITS = {
  input: 'token',
  output: 'token',
  cache_read: 'token',
  /** Writing to a cache, however long it is kept. Spans do not tell how long, so this one is charged. */
  cache_write: 'token',
  cache_write_5m: 'token',
  cache_write_1h: 'token',
  reasoning: 'token',
  /** Input of embeddings; where there is none, `input` is charged. */
  embedding_input: 'token',
  audio_input: 'token',
  audio_output: 'token',
  audio_cache_read: 'token',
  image_input: 'token',
  image_output: 'token',
  image_cache_read: 'token',
  video_input: 'token',
  video_output: 'token',
  citation: 'token',
  request: 'request',
  /** As rerank calls are charged. */
  search_unit: 'search unit',
  web_search: 'search',
  storage_search: 'search',
  image: 'image',
  message: 'message',
  page: 'page',
  annotated_page: 'page',
  audio_hour: 'hour',
  audio_input_hour: 'hour',
} as const;

export type PriceKind = keyof typeof PRICE_UNITS;

export function isPriceKind(text: string): text is PriceKind {
  return Object.hasOwn(PRICE_UNITS, text);
}

/** At which of the seller's service tiers a price holds. */
export const PRICE_VARIANTS = ['standard', 'batch', 'flex', 'priority'] as const;
export type PriceVariant = (typeof PRICE_VARIANTS)[number];

export function isPriceVariant(text: string): text is PriceVariant {
  return (PRICE_VARIANTS as readonly string[]).includes(text);
}

/** From calls with more input tokens than `over` on, one unit costs `pico`. */
export interface PriceStep {
  readonly over: number;
  readonly pico: bigint;
}

/** Pico-US-dollars (10^-12) a unit: whole, so that every sum is exact. */
export interface Rate {
  readonly base: bigint;
  /** Ascending; each start is one of AI_INPUT_TIER_STARTS, as usage is kept apart by those only. */
  readonly steps: readonly PriceStep[];
}

/** Minutes of the day in UTC, [from, to); a range over midnight has `to` below `from`. */
export interface DailyHours {
  readonly from: number;
  readonly to: number;
}

type PriceSource = 'genai-prices' | 'litellm' | 'csv' | 'manual';

/** What a price is for: two that agree in all of this may not hold at the same time. */
export interface PriceSubject {
  /** The seller, lower case: the catalogue's id or the name that spans report. `*`: whoever sells it. */
  readonly provider: string;
  /** Lower case; `*` in it stands for any text. */
  readonly model: string;
  readonly variant: PriceVariant;
  readonly kind: PriceKind;
  /** null: the whole day. */
  readonly daily: DailyHours | null;
}

/** One price as it is written into the book. */
export interface PriceTerms extends PriceSubject {
  readonly rate: Rate;
  /** Unix ms on a whole hour, half-open. null: since ever, and until further notice. */
  readonly effectiveFrom: number | null;
  readonly effectiveTo: number | null;
  readonly source: PriceSource;
  /** Version of the catalogue, name of the file. */
  readonly sourceRef: string;
}

/** Whose word a price is, the strongest first: what a tenant was promised overrules the contract, that the book, and that the seed. */
export const PRICE_LAYERS = ['tenant', 'contract', 'book', 'seed'] as const;
export type PriceLayer = (typeof PRICE_LAYERS)[number];

/** A price in the book. */
export interface PriceEntry extends PriceTerms {
  readonly id: string;
  readonly layer: PriceLayer;
  /** Tenant of an override, contract of a contract's price, '' of the others. */
  readonly owner: string;
  /** Version of the book that brought it. */
  readonly version: number;
}

/** A named agreement: a discount on what book and seed say, prices of its own (PriceEntry of layer `contract`), or both. */
export interface ContractTerms {
  /** Lower-case name, its id. */
  readonly name: string;
  /** Basis points: 1,250 is 12.5 %. */
  readonly discountBps: number;
  readonly effectiveFrom: number | null;
  readonly effectiveTo: number | null;
}

/** A tenant is under at most one contract at a time. */
export interface ContractMember {
  readonly contract: string;
  readonly tenantId: string;
  readonly effectiveFrom: number | null;
  readonly effectiveTo: number | null;
}

/** Everything that prices are looked up in, as of one version. */
export interface PriceBookData {
  readonly version: number;
  readonly entries: readonly PriceEntry[];
  readonly contracts: readonly ContractTerms[];
  readonly members: readonly ContractMember[];
}

interface Period {
  readonly effectiveFrom: number | null;
  readonly effectiveTo: number | null;
}

/** Whether a half-open period contains the moment (Unix ms). */
export function holdsAt({ effectiveFrom, effectiveTo }: Period, at: number): boolean {
  return (effectiveFrom ?? Number.NEGATIVE_INFINITY) <= at && at < (effectiveTo ?? Number.POSITIVE_INFINITY);
}

export function periodsOverlap(a: Period, b: Period): boolean {
  const from = Math.max(a.effectiveFrom ?? Number.NEGATIVE_INFINITY, b.effectiveFrom ?? Number.NEGATIVE_INFINITY);
  return from < Math.min(a.effectiveTo ?? Number.POSITIVE_INFINITY, b.effectiveTo ?? Number.POSITIVE_INFINITY);
}

/** One text for each subject, to compare and group by. */
export function subjectKey({ provider, model, variant, kind, daily }: PriceSubject): string {
  return JSON.stringify([provider, model, variant, kind, daily === null ? null : [daily.from, daily.to]]);
}
