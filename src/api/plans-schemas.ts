import { z } from 'zod';
import { isQuotaKey, PLAN_NAME_PATTERN, QUOTA_PERIODS, QUOTA_UNITS } from '../domain/plan.ts';
import { PLAN_FEATURE_NAMES } from '../domain/plan-features.ts';
import { isLevel } from '../domain/quota.ts';
import { instant, lineOfText } from './parameters.ts';

/** Beyond 2^53 numbers in JSON lose their last digits. */
const MAX_AMOUNT = Number.MAX_SAFE_INTEGER;
const MAX_QUOTAS = 50;
const MAX_FEATURES = 200;

const amount = z.int().min(0).max(MAX_AMOUNT);
const rate = z.number().max(1e9);
const currency = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as USD');

export const planName = z
  .string()
  .regex(PLAN_NAME_PATTERN, 'must be a plan name: 1 to 64 letters, digits, spaces and . _ - , first a letter or digit');
export const quotaKey = z
  .string()
  .max(100)
  .refine(isQuotaKey, `must be one of ${Object.keys(QUOTA_UNITS).join(', ')}, or meter:<slug>`);
const featureName = lineOfText(1, 100);

const burst = z
  .strictObject({
    accrual_percent: z.int().min(1).max(100).describe('Of the unused part of a closed period'),
    capacity: amount.min(1).describe('Credits that a tenant can hold at once'),
    expires_after_days: z.int().min(1).max(3_660).describe('After the end of the period that earned them'),
  })
  .describe('What is left over may be used later on, as burst credits');

const newQuota = z
  .strictObject({
    key: quotaKey,
    period: z.enum(QUOTA_PERIODS),
    limit: amount.describe("In the key's unit; 0: nothing is included"),
    kind: z.enum(['hard', 'soft']).exactOptional().describe('hard: meant as a ceiling. Default: soft'),
    burst: burst.nullable().exactOptional(),
  })
  .refine(
    ({ key, burst: credits }) => !(isQuotaKey(key) && isLevel(key)) || credits === undefined || credits === null,
    'seats and storage_bytes are levels: what is unused of them cannot be used later, so they earn no burst credits',
  );

type NewQuota = z.infer<typeof newQuota>;

const quotas = z
  .array(newQuota)
  .max(MAX_QUOTAS)
  .refine(
    (all) => new Set(all.map(({ key, period }) => `${key} ${period}`)).size === all.length,
    'must have at most one quota for each key and period',
  )
  .refine((all) => {
    const bursting = all.filter((one: NewQuota) => one.burst !== undefined && one.burst !== null);
    return new Set(bursting.map(({ key }) => key)).size === bursting.length;
  }, 'must have burst credits in at most one period of each key: they are one account');

export const newPlanTermsSchema = z
  .strictObject({
    quotas: quotas.exactOptional().describe('Default: none'),
    guarantee_rps: rate.min(0).nullable().exactOptional().describe('Requests a second that no throttle goes below'),
    ceiling_rps: rate.positive().nullable().exactOptional().describe('Requests a second whose passing is a finding'),
    weight: rate.positive().exactOptional().describe('Share in what is scarce, beside other tenants. Default: 1'),
    features: z
      .array(featureName)
      .max(MAX_FEATURES)
      .nullable()
      .exactOptional()
      .describe('Names of what is included; null: nobody has said'),
    tenantry_features: z
      .array(z.enum(PLAN_FEATURE_NAMES))
      .max(MAX_FEATURES)
      .nullable()
      .exactOptional()
      .describe("Which of Tenantry's own features the plan's tenants have; null: all of them"),
    price: z
      .strictObject({ amount_micro: amount, currency })
      .nullable()
      .exactOptional()
      .describe('A month, in micro-units of the currency'),
    effective_from: instant
      .exactOptional()
      .describe('From when on it holds, until a later version begins. Default: now. The past is for what held then'),
  })
  .refine(
    ({ guarantee_rps: low, ceiling_rps: high }) =>
      low === undefined || low === null || high === undefined || high === null || low <= high,
    'guarantee_rps must not be above ceiling_rps',
  )
  .meta({ id: 'NewPlanTerms' });

const planQuotaSchema = z
  .object({
    key: z.string(),
    unit: z.string(),
    period: z.enum(QUOTA_PERIODS),
    limit: amount,
    kind: z.enum(['hard', 'soft']),
    burst: z.object({ accrual_percent: z.int(), capacity: amount, expires_after_days: z.int() }).nullable(),
  })
  .meta({ id: 'PlanQuota' });

const planVersionSchema = z
  .object({
    effective_from: z.string(),
    effective_to: z.string().nullable().describe('Exclusive; null: until a later version begins'),
    quotas: z.array(planQuotaSchema),
    guarantee_rps: z.number().nullable(),
    ceiling_rps: z.number().nullable(),
    weight: z.number(),
    features: z.array(z.string()).nullable(),
    tenantry_features: z.array(z.enum(PLAN_FEATURE_NAMES)).nullable().describe('null: all of them'),
    price: z.object({ amount_micro: amount, currency: z.string() }).nullable(),
    set_by: z.string(),
    set_at: z.string(),
  })
  .meta({ id: 'PlanVersion' });

export const planItemSchema = z
  .object({
    plan: z.string(),
    tenants: z.int().describe('On it now'),
    terms: planVersionSchema.nullable().describe('What holds now; null: nobody has said anything but the name'),
    versions: z.array(planVersionSchema).describe('Oldest first'),
  })
  .meta({ id: 'Plan' });

export const planListSchema = z.object({ items: z.array(planItemSchema) }).meta({ id: 'PlanList' });
