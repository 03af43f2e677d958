import { z } from 'zod';
import { instant, lineOfText } from './parameters.ts';

const LONGEST_FILE = 24 * 1024 * 1024;
const MOST_COUPONS = 1_000;

export const micro = z
  .union([z.number(), z.string()])
  .describe('Micro-units; text where a JSON number would lose digits');
const count = z.int().min(0);

export const newRevenueImportSchema = z
  .strictObject({
    file_name: lineOfText(1, 255),
    content: z
      .string()
      .min(1)
      .max(LONGEST_FILE)
      .describe('CSV export, or JSON of GET /v1/subscriptions or /v1/invoices of Stripe'),
    as_of: instant.exactOptional().describe('The moment that the file tells of; absent: now'),
    coupons: z
      .record(
        z.string().min(1).max(255),
        z.union([
          z.strictObject({ percent: z.number().min(0).max(100) }),
          z.strictObject({ amount_micro: z.int().min(0) }),
        ]),
      )
      .refine((coupons) => Object.keys(coupons).length <= MOST_COUPONS, `must name at most ${MOST_COUPONS} coupons`)
      .exactOptional(),
    dry_run: z.boolean().exactOptional().describe('Say what it would do, and keep nothing'),
  })
  .meta({ id: 'NewRevenueImport' });

const tally = { subscriptions: count, invoices: count, added: count, changed: count, unchanged: count };

export const revenueImportItemSchema = z
  .object({ id: z.string(), is_new: z.boolean(), ...tally, unmapped_customers: count })
  .meta({ id: 'RevenueImport' });

export const revenueImportListSchema = z
  .object({
    items: z.array(
      z.object({
        ...{ id: z.string(), file_name: z.string(), format: z.string(), as_of: z.string() },
        ...tally,
        ...{ created_by: z.string(), created_at: z.string() },
      }),
    ),
  })
  .meta({ id: 'RevenueImportList' });

export const revenueAnswerSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    items: z.array(
      z.object({
        tenant_id: z.string(),
        plan: z.string().nullable(),
        currency: z.string(),
        mrr_micro: micro
          .nullable()
          .describe('At the end of the window; null: no subscription is known, or one whose price or discount is not'),
        revenue_micro: micro.describe('Recognised in the window: invoices, each over the time that it is for'),
      }),
    ),
    movements: z.array(
      z.object({
        currency: z.string(),
        before_micro: micro,
        new_micro: micro,
        reactivation_micro: micro,
        expansion_micro: micro,
        contraction_micro: micro,
        churn_micro: micro,
        after_micro: micro,
        unknown_tenants: count,
      }),
    ),
    unmapped_customers: count.describe('Customers that are no tenant yet: what they pay is in no figure'),
  })
  .meta({ id: 'Revenue' });

export const unmappedCustomerListSchema = z
  .object({ items: z.array(z.object({ customer_id: z.string(), subscriptions: count, invoices: count })) })
  .meta({ id: 'UnmappedCustomerList' });

export const customerTenantSchema = z
  .object({ customer_id: z.string(), tenant_id: z.string() })
  .meta({ id: 'CustomerTenant' });
