import { z } from 'zod';
import { lineOfText } from './parameters.ts';
import { micro } from './revenue-schemas.ts';

const MOST_FEATURES = 50;
const MOST_ROUTES = 50;

const figures = {
  revenue_micro: micro.nullable(),
  cost_micro: micro.nullable(),
  margin_micro: micro.nullable(),
  margin_percent: z.number().nullable().describe('Of the revenue; null also where the revenue is 0'),
  gap: z
    .enum(['no_revenue', 'no_costs', 'unpriced_ai', 'currency'])
    .nullable()
    .describe('Why the margin is unknown: never shown as zero'),
};
const sums = {
  ...figures,
  tenants: z.int(),
  unknown_tenants: z.int().describe('In none of the sums but the next two'),
  unknown_revenue_micro: micro,
  unknown_cost_micro: micro,
};

export const marginAnswerSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    currency: z.string(),
    group_by: z.enum(['tenant', 'plan', 'feature']),
    total: z.object(sums),
    tenants: z.array(z.object({ ...figures, tenant_id: z.string(), plan: z.string().nullable() })),
    plans: z.array(z.object({ ...sums, plan: z.string().nullable() })),
    features: z.array(z.object({ ...figures, feature: z.string().describe('(none): what fits no feature') })),
  })
  .meta({ id: 'Margins' });

const part = z
  .string()
  .max(500)
  .refine((text) => !/\p{Cc}/u.test(text), 'must be text without control characters');

const feature = {
  name: lineOfText(1, 64),
  routes: z
    .array(z.strictObject({ service: part, route: part }))
    .max(MOST_ROUTES)
    .describe("'' stands for any"),
  plans: z.array(lineOfText(1, 255)).max(MOST_ROUTES).describe('Plans and products that pay for the feature'),
};

export const featureListSchema = z.object({ items: z.array(z.object(feature)) }).meta({ id: 'FeatureList' });

export const newFeatureListSchema = z
  .strictObject({
    items: z
      .array(z.strictObject(feature))
      .max(MOST_FEATURES)
      .refine((items) => new Set(items.map(({ name }) => name)).size === items.length, 'must name each feature once')
      .refine((items) => items.every(({ name }) => !name.startsWith('(')), 'must not begin a name with a parenthesis'),
  })
  .meta({ id: 'NewFeatureList' });

export const forecastSchema = z
  .object({
    of: z.enum(['cost', 'revenue']),
    tenant_id: z.string().nullable().describe('null: all together'),
    currency: z.string().nullable(),
    month_from: z.string(),
    month_to: z.string(),
    known_until: z.string(),
    to_date_micro: micro,
    expected_micro: micro.nullable(),
    low_micro: micro.nullable(),
    high_micro: micro.nullable(),
    coverage: z.number().describe('Share of months whose result lies in the range'),
    basis_days: z.int(),
    gap: z.string().nullable().describe('Why there is no range'),
  })
  .meta({ id: 'Forecast' });
