import { z } from 'zod';
import { BURST_KINDS } from '../domain/burst.ts';
import { QUOTA_PERIODS } from '../domain/plan.ts';
import { QUOTA_STATES } from '../domain/quota.ts';
import { instant, lineOfText, tenantIdText, wholeNumber } from './parameters.ts';
import { quotaKey } from './plans-schemas.ts';
import { forecastSchema } from './spend-schemas.ts';

const count = z.int().min(0);
const nextCursor = z.string().nullable();
const cursor = z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query');

export const quotaQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  key: quotaKey.optional(),
  state: z.enum(QUOTA_STATES).optional(),
  at: instant.optional().describe('The periods that hold this moment, judged by the plan of that time. Default: now'),
  limit: wholeNumber(1, 500).default(100).describe('Tenants on a page; each has as many items as its plan has quotas'),
  cursor,
});

export const quotaListSchema = z
  .object({
    items: z.array(
      z
        .object({
          tenant_id: z.string(),
          plan: z.string().describe('At the end of the period, or now while it runs'),
          key: z.string(),
          unit: z.string(),
          period: z.enum(QUOTA_PERIODS),
          kind: z.enum(['hard', 'soft']),
          limit: count,
          used: z.number().min(0).nullable().describe('null: not measured, which is not zero'),
          share: z.number().nullable().describe('Of the limit, rounded down to 0.0001; null: unknown, or limit 0'),
          state: z.enum(QUOTA_STATES),
          burst_spent: z.number().min(0).describe('What of it burst credits have paid for'),
          period_start: z.string(),
          period_end: z.string().describe('Exclusive'),
          forecast: forecastSchema
            .nullable()
            .describe('null: a level, a period that is over, or no history by the hour'),
        })
        .meta({ id: 'Quota' }),
    ),
    next_cursor: nextCursor,
  })
  .meta({ id: 'QuotaList' });

export const newSeatsSchema = z
  .strictObject({
    seats: count.max(1_000_000_000),
    at: instant.exactOptional().describe('Since when; not in the future. Default: now'),
  })
  .meta({ id: 'NewSeats' });
export const seatsSchema = z.object({ tenant_id: z.string(), seats: count, at: z.string() }).meta({ id: 'Seats' });

export const newBillingDaySchema = z
  .strictObject({
    day: z.int().min(1).max(31).nullable().describe("In shorter months the last day; null: the calendar's months"),
  })
  .meta({ id: 'NewBillingDay' });
export const billingDaySchema = z.object({ tenant_id: z.string(), day: z.int().nullable() }).meta({ id: 'BillingDay' });

export const burstQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  key: quotaKey.optional(),
  limit: wholeNumber(1, 500).default(100),
  cursor,
});

export const burstAccountListSchema = z
  .object({
    items: z.array(
      z
        .object({
          tenant_id: z.string(),
          key: z.string(),
          unit: z.string(),
          balance: z.number().min(0).describe('What can be spent now; earned = balance + spent + expired'),
          earned: z.number().min(0),
          spent: z.number().min(0),
          expired: z.number().min(0),
          lots: z
            .array(
              z.object({
                period_start: z.string(),
                period_end: z.string(),
                earned: z.number().min(0),
                remaining: z.number().min(0),
                expires_at: z.string(),
              }),
            )
            .describe('What holds credits now, in the order in which it is spent'),
        })
        .meta({ id: 'BurstAccount' }),
    ),
    next_cursor: nextCursor,
  })
  .meta({ id: 'BurstAccountList' });

export const burstEntryListSchema = z
  .object({
    items: z.array(
      z
        .object({
          tenant_id: z.string(),
          key: z.string(),
          kind: z.enum(BURST_KINDS),
          debit: z.string(),
          credit: z.string(),
          amount: z.number().min(0),
          lot_start: z.string().describe('Start of the period that earned the credits'),
          at: z.string(),
          reference: z.string(),
          reason: z.string(),
          booked_by: z.string(),
        })
        .meta({ id: 'BurstEntry' }),
    ),
    next_cursor: nextCursor,
  })
  .meta({ id: 'BurstEntryList' });

export const newBurstSpendSchema = z
  .strictObject({
    id: z.uuid().describe('Made up by the caller; the same id is booked once'),
    tenant_id: tenantIdText,
    key: quotaKey,
    amount: count.min(1).max(Number.MAX_SAFE_INTEGER),
    reason: lineOfText(1, 500).describe('One sentence for people'),
  })
  .meta({ id: 'NewBurstSpend' });
export const burstReceiptSchema = z
  .object({
    outcome: z.enum(['spent', 'refused']).describe('refused: there is less than asked for, and nothing was taken'),
    spent: z.number().min(0),
    balance: z.number().min(0),
  })
  .meta({ id: 'BurstReceipt' });
