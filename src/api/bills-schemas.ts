import { z } from 'zod';
import { BILL_FORMATS, BILL_STATES, COST_MEASURES } from '../domain/bill.ts';

const allocation = z.object({
  bill_micro: z.int(),
  tenants: z.array(z.object({ tenant_id: z.string(), cost_micro: z.int() })),
  shared_micro: z.int(),
  idle_micro: z.int(),
  unallocated_micro: z.int(),
  residual_micro: z.int().describe('bill - tenants - shared - idle - unallocated: 0, or it is a fault'),
  unallocated: z.array(z.object({ reason: z.string(), cost_micro: z.int(), lines: z.int() })),
});

const billItemSchema = z
  .object({
    id: z.string(),
    state: z.enum(BILL_STATES),
    format: z.enum(BILL_FORMATS),
    focus_version: z.string().nullable(),
    file_name: z.string(),
    sha256: z.string(),
    measure: z.enum(COST_MEASURES),
    currency: z.string(),
    rates: z.record(z.string(), z.string()),
    bill_micro: z.int(),
    lines: z.int(),
    rounded_lines: z.int(),
    from: z.string(),
    to: z.string(),
    identities: z.array(
      z.object({
        issuer: z.string(),
        account: z.string(),
        invoice: z.string(),
        currency: z.string(),
        from: z.string(),
        to: z.string(),
      }),
    ),
    correction: z.boolean().describe('Charges of closed months count in the first open one'),
    replaces: z.array(z.string()),
    created_by: z.string(),
    created_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .meta({ id: 'Bill' });

export const billListSchema = z.object({ items: z.array(billItemSchema) }).meta({ id: 'BillList' });

export const billDetailSchema = billItemSchema.extend({ allocation }).meta({ id: 'BillDetail' });

export const billImportSchema = z
  .object({
    dry_run: z.boolean(),
    rules_version: z.int(),
    bills: z.array(
      allocation.extend({
        id: z.string(),
        currency: z.string(),
        lines: z.int(),
        rounded_lines: z.int(),
        from: z.string(),
        to: z.string(),
        correction: z.boolean(),
        replaced: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: 'BillImportReport' });

export const allocationChangeSchema = z
  .object({
    bill_id: z.string(),
    rules_version: z.int().describe('0: rules that were only tried'),
    before: allocation,
    after: allocation,
    differences: z
      .array(z.object({ tenant_id: z.string(), before_micro: z.int(), after_micro: z.int() }))
      .describe('The largest change first'),
  })
  .meta({ id: 'AllocationChange' });
