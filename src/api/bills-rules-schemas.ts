import { z } from 'zod';
import { CHARGE_CATEGORIES } from '../domain/bill.ts';
import { USAGE_UNITS } from '../domain/usage.ts';
import { lineOfText, tenantIdText } from './parameters.ts';

const MOST_RULES = 500;
const MOST_PATTERNS = 100;
const MOST_TENANTS = 10_000;
const WHOLE_PERCENT = 100;

const METER_KEY = /^meter:[a-z0-9]+(?:_[a-z0-9]+)*$/;
const AI_KEY = /^ai_cost(?::[A-Za-z0-9._-]{1,64})?$/;

function isUsageKey(text: string): boolean {
  return Object.hasOwn(USAGE_UNITS, text) || METER_KEY.test(text);
}

const usageKey = z.string().max(100).refine(isUsageKey, 'must be a usage metric such as cpu_ns, or meter:<slug>');
const splitKey = z
  .string()
  .max(100)
  .refine(
    (text) => isUsageKey(text) || AI_KEY.test(text),
    'must be a usage metric such as cpu_ns, meter:<slug>, ai_cost or ai_cost:<provider>',
  );
const patterns = z
  .array(lineOfText(0, 256))
  .min(1)
  .max(MOST_PATTERNS)
  .describe('Globs: * any text, ? one character; case does not matter');

const match = z
  .strictObject({
    provider: patterns.exactOptional(),
    issuer: patterns.exactOptional(),
    account: patterns.exactOptional(),
    sub_account: patterns.exactOptional(),
    service: patterns.exactOptional(),
    category: patterns.exactOptional(),
    region: patterns.exactOptional(),
    resource: patterns.exactOptional(),
    sku: patterns.exactOptional(),
    description: patterns.exactOptional(),
    charge_categories: z.array(z.enum(CHARGE_CATEGORIES)).min(1).max(CHARGE_CATEGORIES.length).exactOptional(),
    tags: z.record(lineOfText(1, 256), patterns).exactOptional(),
  })
  .describe('Every condition must hold, of each any pattern. Empty: every line');

const idle = z.strictObject({
  key: splitKey.describe('What the capacity is a capacity of'),
  capacity: z.union([
    z.strictObject({ per_hour: z.string().regex(/^[1-9]\d{0,29}$/, 'must be a whole number above 0') }),
    z.strictObject({ key: usageKey }),
  ]),
  treatment: z.enum(['own_line', 'spread']),
});

const byUsage = {
  without_tenant: z
    .enum(['unallocated', 'spread'])
    .describe('What becomes of the share of usage without a known tenant'),
  idle: idle.nullable(),
};

const fixedShare = z.union([
  z.strictObject({
    tenant_id: tenantIdText,
    percent: z
      .number()
      .min(0)
      .max(WHOLE_PERCENT)
      .refine((value) => Number.isInteger(Number((value * 10_000).toFixed(6))), 'has more than four decimals'),
  }),
  z.strictObject({ tenant_id: tenantIdText, amount_micro: z.int().min(0) }),
]);

const fixed = z
  .strictObject({
    kind: z.literal('fixed'),
    shares: z.array(fixedShare).min(1).max(MOST_TENANTS),
    rest: z.enum(['shared', 'unallocated']),
  })
  .refine(({ shares }) => new Set(shares.map(({ tenant_id: id }) => id)).size === shares.length, 'names a tenant twice')
  .refine(
    ({ shares }) => new Set(shares.map((share) => 'percent' in share)).size === 1,
    'mixes percentages and amounts',
  )
  .refine(
    ({ shares }) =>
      shares.reduce((sum, share) => sum + ('percent' in share ? Math.round(share.percent * 10_000) : 0), 0) <=
      1_000_000,
    'comes to more than 100 percent',
  );

// By kind, so that a refusal names the field that is wrong and not the method as a whole.
const method = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('direct'),
    from: z.union([z.strictObject({ tag: lineOfText(1, 256) }), z.literal('sub_account'), z.literal('resource')]),
    tenants: z
      .record(lineOfText(1, 1_024), tenantIdText)
      .describe('What stands in the line -> tenant; else it is the id'),
  }),
  z.strictObject({ kind: z.literal('proportional'), key: splitKey, ...byUsage }),
  z.strictObject({
    kind: z.literal('weighted'),
    keys: z
      .array(z.strictObject({ key: splitKey, weight: z.int().min(1).max(1_000_000) }))
      .min(1)
      .max(8)
      .refine((keys) => new Set(keys.map(({ key }) => key)).size === keys.length, 'names a key twice'),
    ...byUsage,
  }),
  z.strictObject({ kind: z.literal('even'), plans: z.array(lineOfText(1, 64)).min(1).max(100).nullable() }),
  fixed,
  z.strictObject({ kind: z.literal('shared') }),
  z.strictObject({ kind: z.literal('follow'), scope: z.enum(['service', 'bill']) }),
]);

const RULE_ID = /^[a-z0-9]+(?:[-_][a-z0-9]+)*$/;

export const allocationRuleSchema = z
  .strictObject({
    id: z.string().max(64).regex(RULE_ID, 'must be a slug such as shared-postgres'),
    part: z
      .string()
      .max(64)
      .regex(/^[a-z0-9]+(?:_[a-z0-9]+)*$/, 'must be a name such as databases')
      .nullable()
      .describe('null: after the line’s service category'),
    match,
    method,
  })
  .meta({ id: 'AllocationRule' });

export const allocationRulesSchema = z
  .array(allocationRuleSchema)
  .max(MOST_RULES)
  .refine((rules) => new Set(rules.map(({ id }) => id)).size === rules.length, 'two rules have the same id')
  .describe('In the order in which they are tried: the first that is for a line has it');

export const allocationRuleSetSchema = z
  .object({
    version: z.int(),
    rules: z.array(allocationRuleSchema),
    comment: z.string().nullable(),
    created_by: z.string(),
    created_at: z.string().nullable(),
  })
  .meta({ id: 'AllocationRuleSet' });

export const allocationRuleVersionListSchema = z
  .object({
    items: z.array(
      z.object({
        version: z.int(),
        comment: z.string().nullable(),
        created_by: z.string(),
        created_at: z.string(),
      }),
    ),
  })
  .meta({ id: 'AllocationRuleVersionList' });
