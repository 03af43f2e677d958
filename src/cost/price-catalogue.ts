import type { ConditionalPrice, ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices';
import { calcPrice, findProvider, waitForUpdate } from '@pydantic/genai-prices';
import { scaledDecimal } from '../domain/decimal.ts';
import type { DailyHours, PriceKind, PriceTerms, Rate } from '../domain/price.ts';
import { DAY_MS, MINUTE_MS } from '../domain/window.ts';
import { catalogueProvider } from './ai-providers.ts';

/** Which prices were seeded; a test holds it against the package that is installed. */
export const CATALOGUE_VERSION = '0.1.8';

/** What a reported name stands for. */
export interface KnownModel {
  /** Whose list has the model. */
  readonly provider: string;
  /** The list's id of it. */
  readonly model: string;
  /** Who sells it: the reported provider, or behind a gateway whose list is taken. */
  readonly seller: string;
}

/** undefined: nobody is known to sell a model of this name there. */
export type ModelResolver = (provider: string, model: string) => KnownModel | undefined;

export interface PriceCatalogue {
  /** Every price of the list with its dates, as the seed of the book has them. */
  readonly terms: readonly PriceTerms[];
  readonly resolve: ModelResolver;
}

/** Longer names are no model's name; the bound keeps the catalogue's patterns away from hostile text. */
export const MAX_MODEL_LENGTH = 256;
/** Pico is 10^-12: how many places of the catalogue's figures make one unit. */
const PLACES = { mtok: 6, kcount: 9, kpages: 9, hours: 12 } as const;

/** The catalogue's names of prices. */
const KINDS: Readonly<Record<string, readonly [PriceKind, keyof typeof PLACES]>> = {
  input_mtok: ['input', 'mtok'],
  output_mtok: ['output', 'mtok'],
  cache_read_mtok: ['cache_read', 'mtok'],
  cache_write_mtok: ['cache_write', 'mtok'],
  cache_write_5m_mtok: ['cache_write_5m', 'mtok'],
  cache_write_1h_mtok: ['cache_write_1h', 'mtok'],
  output_reasoning_mtok: ['reasoning', 'mtok'],
  input_audio_mtok: ['audio_input', 'mtok'],
  output_audio_mtok: ['audio_output', 'mtok'],
  cache_audio_read_mtok: ['audio_cache_read', 'mtok'],
  input_image_mtok: ['image_input', 'mtok'],
  output_image_mtok: ['image_output', 'mtok'],
  cache_image_read_mtok: ['image_cache_read', 'mtok'],
  input_video_mtok: ['video_input', 'mtok'],
  output_video_mtok: ['video_output', 'mtok'],
  output_citation_mtok: ['citation', 'mtok'],
  requests_kcount: ['request', 'kcount'],
  web_searches_kcount: ['web_search', 'kcount'],
  storage_searches_kcount: ['storage_search', 'kcount'],
  input_text_messages_kcount: ['message', 'kcount'],
  input_document_kpages: ['page', 'kpages'],
  input_annotated_document_kpages: ['annotated_page', 'kpages'],
  audio_hours: ['audio_hour', 'hours'],
  input_audio_hours: ['audio_input_hour', 'hours'],
};

/** The price list that comes with Tenantry: what sellers publish, with the dates that are known. */
export async function loadCatalogue(): Promise<PriceCatalogue> {
  // Resolves with the list that is built in: nothing here ever asks for an update over the network.
  const providers = (await waitForUpdate()) ?? [];
  const owners = new Map<ModelInfo, Omit<KnownModel, 'seller'>>();
  for (const provider of providers) {
    for (const model of provider.models) owners.set(model, { provider: provider.id, model: model.id.toLowerCase() });
  }
  return {
    terms: providers.flatMap((provider) => provider.models.flatMap((model) => termsOf(provider, model))),
    resolve: (provider, model) => resolve(owners, provider, model),
  };
}

function resolve(
  owners: ReadonlyMap<ModelInfo, Omit<KnownModel, 'seller'>>,
  provider: string,
  model: string,
): KnownModel | undefined {
  const name = model.trim();
  const seller = catalogueProvider(provider);
  if (name === '' || name.length > MAX_MODEL_LENGTH || seller === null) return undefined;
  const sells = seller === '' ? undefined : findProvider({ providerId: seller });
  // For a gateway that the catalogue does not know, its LiteLLM rules apply: `openai/gpt-4o` names its seller, and a
  // bare `gpt-4o` is taken for that of the company that makes it.
  const found = calcPrice({}, name, { providerId: sells === undefined ? 'litellm' : seller });
  const owner = found === null ? undefined : owners.get(found.model);
  return owner === undefined ? undefined : { ...owner, seller: sells?.id ?? owner.provider };
}

function termsOf(provider: Provider, model: ModelInfo): PriceTerms[] {
  const steps: readonly ConditionalPrice[] = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
  return steps.flatMap(({ prices, constraint }, index) => {
    // The last price whose condition is met holds, so a dated one ends where the next one begins, and a daily one
    // where a dated one stands behind it.
    const later = steps.slice(index + 1).flatMap((step) => startOf(step) ?? []);
    return Object.entries(isFree(model, prices) ? FREE : prices).flatMap(([key, value]) => {
      const [kind, unit] = KINDS[key] ?? [];
      if (kind === undefined || unit === undefined || value === undefined) return [];
      return {
        provider: provider.id,
        model: model.id.toLowerCase(),
        variant: 'standard' as const,
        kind,
        daily: constraint?.type === 'time_of_date' ? dailyOf(constraint.start_time, constraint.end_time) : null,
        rate: rateOf(value, PLACES[unit]),
        effectiveFrom: index === 0 ? null : (startOf({ prices, ...(constraint && { constraint }) }) ?? null),
        effectiveTo: later.length === 0 ? null : Math.min(...later),
        source: 'genai-prices' as const,
        sourceRef: CATALOGUE_VERSION,
      };
    });
  });
}

const FREE: ModelPrice = { input_mtok: 0, output_mtok: 0 };

/** A price list without entries is "nothing known" to us, unless the catalogue says in words that the model is free. */
function isFree(model: ModelInfo, price: ModelPrice): boolean {
  const saysSo =
    model.id.endsWith(':free') ||
    model.name?.endsWith('(free)') === true ||
    model.price_comments?.includes('Free of charge') === true;
  return saysSo && Object.keys(price).length === 0;
}

function startOf({ constraint }: ConditionalPrice): number | undefined {
  return constraint?.type === 'start_date'
    ? Math.floor(Date.parse(constraint.start_date) / DAY_MS) * DAY_MS
    : undefined;
}

/** The catalogue writes `00:30:00Z`: UTC, whole minutes. */
function dailyOf(start: string, end: string): DailyHours {
  const minuteOf = (time: string) => {
    const at = Date.parse(`1970-01-01T${time}`);
    return Math.floor((((at % DAY_MS) + DAY_MS) % DAY_MS) / MINUTE_MS);
  };
  return { from: minuteOf(start), to: minuteOf(end) };
}

function rateOf(value: NonNullable<ModelPrice[string]>, places: number): Rate {
  const pico = (price: number) => scaledDecimal(String(price), places) ?? 0n;
  if (typeof value === 'number') return { base: pico(value), steps: [] };
  const steps = value.tiers.map(({ start, price }) => ({ over: start, pico: pico(price) }));
  return { base: pico(value.base), steps: steps.toSorted((a, b) => a.over - b.over) };
}
