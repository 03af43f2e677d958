import type { PriceKind, PriceStep, PriceTerms, PriceVariant } from '../domain/price.ts';
import { isKnownStep, nearestPico } from '../domain/price-text.ts';
import { sellerOfLiteLlm } from './ai-providers.ts';
import type { ImportProblem, ParsedPrices } from './price-import.ts';

/** Fields of LiteLLM's price file (US dollars for one unit), without the endings below. */
const FIELDS: Readonly<Record<string, PriceKind>> = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  cache_read_input_token_cost: 'cache_read',
  input_cost_per_token_cache_hit: 'cache_read',
  cache_creation_input_token_cost: 'cache_write',
  cache_creation_input_token_cost_above_1hr: 'cache_write_1h',
  output_cost_per_reasoning_token: 'reasoning',
  input_cost_per_audio_token: 'audio_input',
  output_cost_per_audio_token: 'audio_output',
  cache_read_input_audio_token_cost: 'audio_cache_read',
  input_cost_per_image_token: 'image_input',
  output_cost_per_image_token: 'image_output',
  input_cost_per_request: 'request',
  input_cost_per_query: 'search_unit',
  output_cost_per_image: 'image',
};
/** `_above_200k_tokens` = from larger inputs on; `_batches`, `_flex`, `_priority` = at that service tier. */
const FIELD = /^(?<base>.+?)(?:_above_(?<over>\d{1,6})k_tokens)?(?:_(?<tier>batches|flex|priority))?$/;
const VARIANTS: Readonly<Record<string, PriceVariant>> = { batches: 'batch', flex: 'flex', priority: 'priority' };
/** The file's first entry explains its fields. */
const EXPLANATION = 'sample_spec';
const MAX_NAME = 256;

interface Draft {
  readonly variant: PriceVariant;
  readonly kind: PriceKind;
  base: bigint | undefined;
  readonly steps: PriceStep[];
}

/**
 * Reads LiteLLM's `model_prices_and_context_window.json`. It has no dates: its prices hold from when they are imported.
 * What spans do not carry (seconds, pixels, characters) is listed by model and field, and the rest is taken.
 */
export function parseLiteLlm(text: string, sourceRef: string): ParsedPrices {
  const errors: ImportProblem[] = [];
  const skipped: ImportProblem[] = [];
  const terms = new Map<string, PriceTerms>();
  const models = readObject(text);
  if (typeof models === 'string') return { terms: [], errors: [{ where: 'file', reason: models }], skipped };
  for (const [key, value] of Object.entries(models)) {
    if (key === EXPLANATION) continue;
    if (!isObject(value)) {
      errors.push({ where: key, reason: 'the entry is no object' });
      continue;
    }
    const name = nameOf(key, value['litellm_provider']);
    if (name === undefined) {
      errors.push({ where: key, reason: 'the entry names no litellm_provider, or its name is too long' });
      continue;
    }
    for (const one of termsOf(key, value, { errors, skipped })) {
      const price = { ...name, ...one, sourceRef };
      const subject = JSON.stringify([price.provider, price.model, price.variant, price.kind]);
      const other = terms.get(subject);
      if (other === undefined) terms.set(subject, price);
      else if (!sameRate(other, price)) {
        skipped.push({
          where: `${key} ${price.kind}`,
          reason: 'another entry has the same model at another price, and was taken',
        });
      }
    }
  }
  return { terms: [...terms.values()], errors, skipped };
}

interface Problems {
  readonly errors: ImportProblem[];
  readonly skipped: ImportProblem[];
}
type Fields = Readonly<Record<string, unknown>>;

function termsOf(key: string, entry: Fields, { errors, skipped }: Problems) {
  const drafts = new Map<string, Draft>();
  for (const [field, value] of Object.entries(entry)) {
    if (!/cost/.test(field) || value === null) continue;
    const read = fieldOf(field);
    if (typeof read === 'string') {
      skipped.push({ where: `${key} ${field}`, reason: read });
      continue;
    }
    const pico = typeof value === 'number' ? nearestPico(value) : 'the price is no number';
    if (typeof pico === 'string') {
      errors.push({ where: `${key} ${field}`, reason: pico });
      continue;
    }
    const draftKey = `${read.variant} ${read.kind}`;
    const draft = drafts.get(draftKey) ?? { variant: read.variant, kind: read.kind, base: undefined, steps: [] };
    drafts.set(draftKey, draft);
    if (read.over === undefined) draft.base = pico;
    else draft.steps.push({ over: read.over, pico });
  }
  return [...drafts.values()].flatMap(({ variant, kind, base, steps }) => {
    if (base === undefined) {
      skipped.push({ where: `${key} ${kind}`, reason: 'there is a price for large inputs and none for small ones' });
      return [];
    }
    const rate = { base, steps: steps.toSorted((a, b) => a.over - b.over) };
    return [{ variant, kind, rate, daily: null, effectiveFrom: null, effectiveTo: null, source: 'litellm' as const }];
  });
}

function fieldOf(field: string): { kind: PriceKind; variant: PriceVariant; over: number | undefined } | string {
  const whole = FIELDS[field];
  if (whole !== undefined) return { kind: whole, variant: 'standard', over: undefined };
  const { base = '', over, tier } = FIELD.exec(field)?.groups ?? {};
  const kind = FIELDS[base];
  if (kind === undefined) return 'spans do not tell the amount that this is charged by';
  const start = over === undefined ? undefined : Number(over) * 1_000;
  if (start !== undefined && !isKnownStep(start)) return `usage is not kept apart at ${start} input tokens`;
  return { kind, variant: VARIANTS[tier ?? ''] ?? 'standard', over: start };
}

/** `azure/gpt-4o` of `azure` is its `gpt-4o`; `anthropic/claude-3` of `openrouter` keeps its name. */
function nameOf(key: string, litellm: unknown): { provider: string; model: string } | undefined {
  if (typeof litellm !== 'string' || litellm === '' || litellm.length > 100) return undefined;
  const provider = sellerOfLiteLlm(litellm);
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? '' : key.slice(0, slash);
  const ownPrefix = prefix !== '' && (prefix === litellm || sellerOfLiteLlm(prefix) === provider);
  const model = (ownPrefix ? key.slice(slash + 1) : key).toLowerCase();
  return model === '' || model.length > MAX_NAME || model.includes('*') ? undefined : { provider, model };
}

function sameRate(a: PriceTerms, b: PriceTerms): boolean {
  const text = ({ rate }: PriceTerms) => `${rate.base} ${rate.steps.map(({ over, pico }) => `${over}:${pico}`).join()}`;
  return text(a) === text(b);
}

function readObject(text: string): Fields | string {
  try {
    const parsed: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return isObject(parsed) ? parsed : 'the file is no JSON object of models';
  } catch {
    return 'the file is no JSON';
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
