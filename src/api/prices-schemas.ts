import { z } from 'zod';
import { AI_INPUT_TIER_STARTS } from '../domain/ai-usage.ts';
import { PRICE_LAYERS, PRICE_UNITS, PRICE_VARIANTS, type PriceKind } from '../domain/price.ts';
import { PRICE_PER } from '../domain/price-text.ts';
import { HOUR_MS } from '../domain/window.ts';
import { instant, lineOfText, tenantIdText } from './parameters.ts';
import { PRICE_FORMATS } from './prices-ports.ts';

const kinds = Object.keys(PRICE_UNITS) as [PriceKind, ...PriceKind[]];
/** LiteLLM's file has 1.6 MB. */
const MAX_FILE_CHARACTERS = 6_000_000;

const reasonText = lineOfText(1, 1_000);
const count = z.int().min(0);
const time = z.iso.datetime();
const nullableTime = time.nullable();

/** Usage is priced by the hour, so a price cannot begin within one. */
export const wholeHour = instant.refine((text) => Date.parse(text) % HOUR_MS === 0, 'must be a whole hour in UTC');
export const monthText = z
  .string()
  .regex(/^20\d{2}-(0[1-9]|1[0-2])$/, 'must be a month such as 2026-10')
  .describe('A month in UTC');

const decimal = z
  .string()
  .regex(/^\d{1,7}(\.\d{1,24})?$/, 'must be a decimal number in text, such as "2.50"')
  .describe('US dollars for `per` units, as text: numbers in JSON are floats');
const nameText = (max: number) =>
  lineOfText(1, max).transform((text, issue) => {
    const name = text.trim().toLowerCase();
    if (name !== '') return name;
    issue.addIssue({ code: 'custom', message: 'must not be blank' });
    return z.NEVER;
  });

export const newPriceSchema = z.strictObject({
  provider: nameText(128).describe('The seller as spans or the catalogue name it; * for any'),
  model: nameText(256).describe('The name of a model; * in it stands for any text'),
  kind: z.enum(kinds),
  variant: z.enum(PRICE_VARIANTS).default('standard'),
  price_usd: decimal,
  per: z.literal(PRICE_PER).optional().describe('Default: 1000000 for tokens, else 1'),
  steps: z
    .array(z.strictObject({ input_over: z.literal(AI_INPUT_TIER_STARTS), price_usd: decimal }))
    .max(AI_INPUT_TIER_STARTS.length)
    .default([]),
  effective_from: wholeHour.exactOptional().describe('Default: since ever'),
  effective_to: wholeHour.exactOptional().describe('Default: until further notice'),
});
const newPrices = z.array(newPriceSchema).min(1).max(500);
export const newPricesSchema = z.strictObject({ prices: newPrices, reason: reasonText });
export const newOverridesSchema = z.strictObject({ tenant_id: tenantIdText, prices: newPrices, reason: reasonText });

const priceTerms = {
  provider: z.string(),
  model: z.string(),
  variant: z.enum(PRICE_VARIANTS),
  kind: z.string(),
  unit: z.string(),
  price_usd: z.string(),
  per: z.int(),
  steps: z.array(z.object({ input_over: z.int(), price_usd: z.string() })),
  daily: z.object({ from: z.string(), to: z.string() }).nullable(),
  effective_from: nullableTime,
  effective_to: nullableTime,
  source: z.string(),
  source_ref: z.string(),
};
const plannedPriceSchema = z.object(priceTerms);
const priceItemSchema = z.object({
  id: z.string(),
  layer: z.enum(PRICE_LAYERS),
  tenant_id: z.string().nullable(),
  contract: z.string().nullable(),
  ...priceTerms,
  version: z.int(),
});
export const priceListSchema = z.object({
  items: z.array(priceItemSchema),
  next_cursor: z.string().nullable(),
  total: count,
  version: count,
});
export const bookWriteSchema = z.object({ version: count, added: count, ended: count });
export const versionListSchema = z.object({
  items: z.array(
    z.object({
      version: count,
      kind: z.enum(['seed', 'import', 'edit']),
      reason: z.string(),
      added: count,
      ended: count,
      by: z.string(),
      at: time,
    }),
  ),
});
export const unpricedListSchema = z.object({
  from: time,
  to: time,
  items: z.array(
    z.object({ provider: z.string(), model: z.string(), reason: z.string(), calls: count, tenants: count }),
  ),
});

const importFields = {
  format: z.enum(PRICE_FORMATS),
  text: z
    .string()
    .max(MAX_FILE_CHARACTERS)
    .default('')
    .describe('The file; nothing for genai-prices, whose list comes with Tenantry'),
  file_name: lineOfText(0, 200).default(''),
  effective_from: wholeHour
    .exactOptional()
    .describe('Of lists without dates: from when changed prices hold. Default: the next hour'),
  remove: z.boolean().default(false).describe('End prices of the same source that the file has no more'),
};
export const importPreviewBody = z.strictObject(importFields);
export const importBody = z.strictObject({
  ...importFields,
  expected_version: count.describe('The version of the preview: nothing is written if the book changed since'),
  reason: reasonText,
});
const problems = z.array(z.object({ where: z.string(), reason: z.string() }));
export const importPreviewSchema = z.object({
  version: count,
  counts: z.object({ added: count, changed: count, removed: count, unchanged: count, errors: count, skipped: count }),
  added: z.array(plannedPriceSchema),
  changed: z.array(z.object({ before: z.array(plannedPriceSchema), after: plannedPriceSchema })),
  removed: z.array(plannedPriceSchema),
  errors: problems,
  skipped: problems,
});

export const contractName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits and . _ - , first no mark');
export const newContractSchema = z.strictObject({
  discount_percent: z
    .number()
    .min(0)
    .max(100)
    .refine((percent) => Number.isInteger(Math.round(percent * 1e6) / 1e4), 'must have at most two decimal places')
    .describe('Off what book and seed say; prices of the contract itself and of its tenants stay as they are'),
  effective_from: wholeHour.exactOptional(),
  effective_to: wholeHour.exactOptional(),
  reason: reasonText,
});
export const membershipBody = z.strictObject({
  effective_from: wholeHour.exactOptional(),
  effective_to: wholeHour.exactOptional(),
  reason: reasonText,
});
export const contractListSchema = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      discount_percent: z.number(),
      effective_from: nullableTime,
      effective_to: nullableTime,
      tenants: z.array(z.object({ tenant_id: z.string(), effective_from: nullableTime, effective_to: nullableTime })),
      prices: z.array(priceItemSchema),
    }),
  ),
});

export const monthItemSchema = z.object({
  month: z.string(),
  closed_by: z.string(),
  closed_at: time,
  book_version: count,
});
export const monthListSchema = z.object({ items: z.array(monthItemSchema) });
export const monthCostListSchema = z.object({
  month: z.string(),
  items: z.array(
    z.object({
      tenant_id: z.string(),
      closed_micro: z.int(),
      corrections: z.array(z.object({ repricing_id: z.string(), micro: z.int() })),
      cost_micro: z.int(),
      unpriced_calls: z.int(),
    }),
  ),
});
const months = { from: monthText, to: monthText.describe('The first month that is not meant any more') };
export const repricingPreviewBody = z.strictObject({
  ...months,
  from_version: count.exactOptional().describe('Open months are compared with this version. Default: the one before'),
});
export const repricingBody = z.strictObject({ ...months, expected_version: count, reason: reasonText });
export const repricingPreviewSchema = z.object({
  version: count,
  from_version: count,
  correction_micro: z.int(),
  total: count,
  items: z.array(
    z.object({
      month: z.string(),
      closed: z.boolean(),
      tenant_id: z.string(),
      provider: z.string(),
      model: z.string(),
      before_usd: z.string(),
      after_usd: z.string(),
      difference_usd: z.string(),
      calls: count,
      unpriced_calls_before: count,
      unpriced_calls_after: count,
    }),
  ),
});
export const repricingItemSchema = z.object({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  book_version: count,
  reason: z.string(),
  lines: count,
  difference_micro: z.int(),
  by: z.string(),
  at: time,
});
export const repricingListSchema = z.object({ items: z.array(repricingItemSchema) });
