import { z } from 'zod';

export const COST_GROUPS = ['tenant', 'part', 'service', 'rule', 'day', 'month'] as const;

const tenantCostSchema = z.object({
  tenant_id: z.string(),
  cost_micro: z.int(),
  estimated_micro: z.int().describe('How much of it no bill covers: AI usage at the price book’s prices'),
  unpriced_calls: z.int().describe('AI calls without a known price, which cost something that is not in here'),
  parts: z.record(z.string(), z.int()),
});

export const costListSchema = z
  .object({
    currency: z.string(),
    from: z.string(),
    to: z.string(),
    group_by: z.enum(COST_GROUPS),
    bill_micro: z.int(),
    estimated_micro: z.int(),
    items: z.array(tenantCostSchema).describe('The most expensive first. Empty unless grouped by tenant'),
    more_tenants: z.int(),
    more_micro: z.int(),
    groups: z.array(
      z.object({
        name: z.string(),
        bill_micro: z.int(),
        tenants_micro: z.int(),
        shared_micro: z.int(),
        idle_micro: z.int(),
        unallocated_micro: z.int(),
      }),
    ),
    shared_micro: z.int(),
    idle_micro: z.int(),
    unallocated_micro: z.int(),
    residual_micro: z.int().nullable().describe('bill + estimated - all the rest: 0, or it is a fault'),
    other_currencies: z.array(z.string()),
    notes: z.array(z.string()),
  })
  .meta({ id: 'CostList' });

export const costExplanationSchema = z
  .object({
    tenant_id: z.string(),
    currency: z.string(),
    from: z.string(),
    to: z.string(),
    items: z.array(
      z.object({
        bill_id: z.string(),
        rules_version: z.int(),
        rule: z.string(),
        part: z.string(),
        provider: z.string(),
        service: z.string(),
        charge_category: z.string(),
        from: z.string(),
        to: z.string(),
        booked: z.string(),
        group_micro: z.int(),
        idle_micro: z.int(),
        cost_micro: z.int(),
        usage: z.array(z.object({ key: z.string(), weight: z.int(), tenant: z.string(), total: z.string() })),
        formula: z.string(),
        line_count: z.int(),
        lines: z.array(
          z.object({
            line: z.int(),
            amount: z.string(),
            currency: z.string(),
            description: z.string(),
            resource: z.string(),
          }),
        ),
      }),
    ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'CostExplanation' });
