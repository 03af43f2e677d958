import { z } from 'zod';
import { DEFAULT_DEDICATED_TERMS, PLACEMENTS } from '../domain/dedicated.ts';
import { SIGNAL_KINDS, SIGNAL_STATUSES } from '../domain/signal.ts';
import { instant, lineOfText, tenantIdText, wholeNumber } from './parameters.ts';

const amount = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const { sharePercent, days, atLeastDays, headroomPercent, horizonMonths } = DEFAULT_DEDICATED_TERMS;

export const signalQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  kind: z.enum(SIGNAL_KINDS).optional(),
  status: z.enum([...SIGNAL_STATUSES, 'all']).default('open'),
  limit: wholeNumber(1, 500).default(100),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});

export const signalItemSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    kind: z.enum(SIGNAL_KINDS),
    subject: z.string().describe("What it is about within its kind: a quota's key and period, a metric, a feature"),
    status: z.enum(SIGNAL_STATUSES),
    since: z.string().describe('Since when the condition has held'),
    seen_at: z.string().describe('When it was last seen to hold'),
    ended_at: z.string().nullable(),
    strength: z.int().min(0).max(100),
    sentence: z.string(),
    evidence: z.object({
      figures: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
      links: z.array(z.string()).describe('Paths of this API that show where the figures come from'),
    }),
    dismissed: z
      .object({ at: z.string(), by: z.string(), reason: z.string(), until: z.string().nullable() })
      .nullable()
      .describe('until null: for as long as the signal lasts'),
  })
  .meta({ id: 'Signal' });

export const signalListSchema = z
  .object({ items: z.array(signalItemSchema), next_cursor: z.string().nullable() })
  .meta({ id: 'SignalList' });

export const newDismissalSchema = z
  .strictObject({
    reason: lineOfText(1, 500).describe('One sentence for people'),
    until: instant.exactOptional().describe('Then it is back if it still lasts. Default: as long as it lasts'),
  })
  .meta({ id: 'NewDismissal' });

const offer = {
  name: lineOfText(1, 100),
  price_micro: amount.describe('A month'),
  migration_micro: amount.describe('Once'),
  cpu_cores: z.number().positive().max(100_000).nullable().describe('null: not checked whether the tenant fits'),
  storage_bytes: z.number().positive().max(1e18).nullable().describe('null: not checked whether the tenant fits'),
};
const pool = {
  pool: z
    .string()
    .regex(/^(cpu|time|db|storage):.{1,200}$/, 'must be cpu:<service>, time:<service>, db:<system> or storage:<store>'),
  units: z.int().min(1).max(1_000_000),
  unit_capacity: z
    .number()
    .positive()
    .max(1e18)
    .describe('What one unit carries: cores, requests at once, calls at once, or bytes'),
  unit_price_micro: amount.describe('A month'),
};
const terms = {
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as USD'),
  share_percent: z.int().min(1).max(100),
  days: z.int().min(1).max(90),
  at_least_days: z.int().min(1).max(90),
  headroom_percent: z.int().min(0).max(1_000),
  horizon_months: z.int().min(1).max(120),
};

export const newDedicatedOffersSchema = z
  .strictObject({
    currency: terms.currency.describe('Of every amount here'),
    share_percent: terms.share_percent.default(sharePercent).describe('Of a pool on a day: from here on large in it'),
    days: terms.days.default(days).describe('Whole days that are looked back over'),
    at_least_days: terms.at_least_days.default(atLeastDays).describe('On so many of them a tenant must be large'),
    headroom_percent: terms.headroom_percent.default(headroomPercent).describe('Room above the busiest day'),
    horizon_months: terms.horizon_months.default(horizonMonths).describe('A migration must be paid back by then'),
    offers: z.array(z.strictObject(offer)).max(100),
    pools: z.array(z.strictObject(pool)).max(500).describe('What pools are made of; without, savings are unknown'),
  })
  .refine(({ days: all, at_least_days: least }) => least <= all, 'at_least_days must not be more than days')
  .refine(({ pools }) => new Set(pools.map((one) => one.pool)).size === pools.length, 'must name each pool once')
  .refine(({ offers }) => new Set(offers.map((one) => one.name)).size === offers.length, 'must name each offer once')
  .meta({ id: 'NewDedicatedOffers' });

export const dedicatedOffersSchema = z
  .object({ ...terms, offers: z.array(z.object(offer)), pools: z.array(z.object(pool)) })
  .meta({ id: 'DedicatedOffers' });

export const placementAdviceListSchema = z
  .object({
    items: z.array(
      z
        .object({
          tenant_id: z.string(),
          verdict: z.enum(['worth_it', 'not_worth_it', 'unknown']),
          sentence: z.string(),
          days: z.int(),
          pools: z
            .array(
              z.object({
                pool: z.string(),
                large_days: z.int(),
                share: z.number().describe('Over the days on which it used the pool'),
                mean_rate: z.number().describe('Cores, requests or calls at once, or bytes'),
                peak_rate: z.number().describe('The same on the busiest day'),
                freed_units: z.int().nullable().describe('Whole units that the pool could give back; null: not known'),
              }),
            )
            .describe('Pools in which the tenant is large'),
          currency: z.string(),
          pooled_cost_micro: z
            .int()
            .nullable()
            .describe("What last month's bills came to for the tenant. No saving: the pool costs on without it"),
          offer: z.object(offer).nullable().describe('The cheapest that is large enough'),
          pool_saves_micro: z.int().nullable().describe('What the pool would really cost less a month'),
          monthly_saving_micro: z.int().nullable().describe('pool_saves_micro - price; below 0 it costs more'),
          break_even_months: z.int().nullable().describe('Until the migration is paid; null: never, or not known'),
        })
        .meta({ id: 'PlacementAdvice' }),
    ),
  })
  .meta({ id: 'PlacementAdviceList' });

export const newPlacementSchema = z
  .strictObject({ placement: z.enum(PLACEMENTS), reason: lineOfText(1, 500).describe('One sentence for people') })
  .meta({ id: 'NewPlacement' });
export const placementSchema = z
  .object({ tenant_id: z.string(), placement: z.enum(PLACEMENTS) })
  .meta({ id: 'TenantPlacement' });
