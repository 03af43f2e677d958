import { z } from 'zod';
import { DEGRADE_STEPS, SPEND_CURRENCY, SPEND_PERIODS } from '../domain/spend.ts';
import { lineOfText, tenantIdText } from './parameters.ts';

/** Nine billion dollars; beyond 2^53 numbers in JSON lose their last digits. */
const MAX_MICRO = 9_000_000_000_000_000;
const MAX_COUNT = 2_000_000_000;

const micro = z.int().min(0).max(MAX_MICRO);
const count = z.int().min(0).max(MAX_COUNT);
/** Labels of the app's keys and users, and names of models. */
export const spendLabel = lineOfText(1, 200);
export const period = z.enum(SPEND_PERIODS);
const step = z.enum(DEGRADE_STEPS as ['ok', 'warn', 'cached_only', 'blocked']);
const onUnavailable = z
  .enum(['open', 'closed'])
  .describe('What apps do when no server can be asked: let calls through and count them, or refuse them');
const onUnpriced = z
  .enum(['allow', 'refuse'])
  .describe('What becomes of calls whose model has no known price, and whose cost therefore is in no figure');

function isZone(name: string): boolean {
  try {
    // Offsets such as +02:00 have no name and no summer time; people who write them mean a zone.
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

const timeZone = z
  .string()
  .max(64)
  .refine(isZone, 'must be an IANA time zone such as Europe/Berlin, or UTC')
  .describe('The period begins at midnight there');

const severity = (name: z.infer<typeof step>) => DEGRADE_STEPS.indexOf(name);

const ladder = z
  .array(z.strictObject({ percent: z.int().min(1).max(1_000), step: step.exclude(['ok']) }))
  .max(10)
  .refine(
    (rungs) =>
      rungs.every((rung, index) => {
        const before = rungs[index - 1];
        return before === undefined || (rung.percent > before.percent && severity(rung.step) >= severity(before.step));
      }),
    'must ascend: each rung at a higher percentage and no milder than the one before',
  )
  .describe(
    'From which share of the amount on AI is degraded to which step; without "blocked" the cap refuses nothing',
  );

export const newCapSchema = z
  .strictObject({
    period,
    amount_micro: micro.describe('Micro-units of the currency; 0 switches AI off'),
    currency: z.literal(SPEND_CURRENCY, { error: `must be ${SPEND_CURRENCY}: models are priced in it` }),
    key: spendLabel.exactOptional().describe("Only calls with this label of the app's own: a key, a user, a team"),
    model: spendLabel.exactOptional().describe('Only calls of this model; dated versions of it count too'),
    time_zone: timeZone.exactOptional().describe('Default: TENANTRY_SPEND_TIME_ZONE'),
    ladder: ladder.exactOptional().describe('Default: warn at 70 %, cached_only at 90 %, blocked at 100 %'),
    on_unavailable: onUnavailable.exactOptional().describe('Default: open'),
    on_unpriced: onUnpriced.exactOptional().describe('Default: allow'),
  })
  .meta({ id: 'NewCap' });

const terms = {
  period,
  amount_micro: micro,
  currency: z.string(),
  key: z.string().nullable().describe('null: every key'),
  model: z.string().nullable().describe('null: every model'),
  time_zone: z.string(),
  ladder: z.array(z.object({ percent: z.int(), step })),
  on_unavailable: onUnavailable,
  on_unpriced: onUnpriced,
  updated_at: z.string(),
  updated_by: z.string(),
};

export const forecastSchema = z
  .object({
    kind: z
      .enum(['met', 'not_before_period_end', 'already_met', 'unknown'])
      .describe('unknown: less than three hours of history'),
    at: z.string().nullable().describe('When the cap will be met: the middle of the scenarios that past days make'),
    earliest: z.string().nullable().describe('A tenth of the scenarios is earlier; null: none is in this period'),
    latest: z
      .string()
      .nullable()
      .describe('A tenth of the scenarios is later; null: those do not meet it in this period'),
    basis_hours: z.int().describe('Hours of history behind it, at most two weeks'),
  })
  .meta({ id: 'SpendForecast' });

export const capItemSchema = z
  .object({
    tenant_id: z.string(),
    source: z.enum(['tenant', 'plan']).describe("plan: the tenant has no cap of its own and its plan's holds"),
    plan: z.string().nullable(),
    ...terms,
    period_start: z.string(),
    period_end: z.string().describe('Exclusive'),
    spent_micro: micro.describe('Settled by the apps'),
    reserved_micro: micro.describe('Given out and not settled yet'),
    presumed_micro: micro.describe('Charged for reservations whose settlement never came'),
    observed_micro: micro
      .nullable()
      .describe('What spans say; null: not known, or a cap of one key, which spans do not say'),
    observed_at: z.string().nullable(),
    difference_micro: z
      .int()
      .nullable()
      .describe('spent_micro + presumed_micro - observed_micro. Below 0: calls that nobody reserved for'),
    used_micro: micro.describe('What counts: the larger of spent_micro + presumed_micro and observed_micro'),
    limit_micro: micro.nullable().describe('Where calls are refused; null: this cap refuses nothing'),
    available_micro: micro.nullable().describe('What may still be reserved'),
    step,
    calls: count,
    unpriced_calls: count.describe('Calls without a known price: their cost is in no figure'),
    excess_calls: count.describe('Calls that cost more than was reserved for them'),
    excess_micro: micro,
    unreserved_micro: micro.describe('Part of spent_micro: spent without a reservation while no server could be asked'),
    refusals: count.describe('Requests for budget that were refused'),
    in_flight_calls: count.nullable().describe('Calls of the tenant that run now, as its apps last said'),
    overshoot_bound_micro: micro.describe(
      'By how much the calls that run now may pass limit_micro: in_flight_calls x the largest excess of a call over its reservation in this period',
    ),
    alerts: z.array(z.object({ percent: z.int(), step, used_micro: micro, at: z.string(), reason: z.string() })),
    forecast: forecastSchema.nullable().describe('null: spans cannot be asked right now, or do not know this scope'),
  })
  .meta({ id: 'Cap' });

export const capListSchema = z
  .object({ items: z.array(capItemSchema), next_cursor: z.string().nullable() })
  .meta({ id: 'CapList' });

export const planCapSchema = z.object({ plan: z.string(), ...terms }).meta({ id: 'PlanCap' });
export const planCapListSchema = z.object({ items: z.array(planCapSchema) }).meta({ id: 'PlanCapList' });

const uuid = z.uuid().describe('Made up by the app; a repeated request finds what its first attempt reserved');
const rate = z.array(z.int().nullable()).readonly();

export const spendRequestSchema = z
  .strictObject({
    id: uuid,
    tenant_id: tenantIdText,
    instance_id: lineOfText(1, 128),
    service: lineOfText(1, 128),
    key: spendLabel.exactOptional(),
    model: spendLabel.exactOptional(),
    provider: spendLabel.exactOptional(),
    estimate: z
      .strictObject({ input_tokens: count, max_output_tokens: count })
      .exactOptional()
      .describe('The server prices it. Alone: for one call, lasts 15 minutes. With wanted_micro: the least of a slice'),
    at_least_micro: micro.exactOptional().describe('For a slice: the least that is of use'),
    wanted_micro: micro.exactOptional().describe('For a slice: what would be welcome'),
  })
  .meta({ id: 'SpendRequest' });

export const spendAnswerSchema = z
  .object({
    id: z.string(),
    outcome: z
      .enum(['granted', 'refused', 'uncapped', 'unpriced'])
      .describe('uncapped: no cap holds and nothing was reserved. unpriced: refused for want of a price'),
    granted_micro: micro,
    usable_ms: z.int().describe('How long calls may begin on it'),
    resets_ms: z.int().nullable().describe('Until the first period that counts here ends; null: no cap holds'),
    expires_ms: z.int().describe('If nothing is heard of it for so long, what is not settled is charged'),
    by_key: z.boolean().describe('Whether any cap of the tenant looks at keys'),
    by_model: z.boolean(),
    available_micro: micro.nullable().describe('Left after the grant; null: nothing is refused here'),
    step,
    reason: z.string(),
    on_unavailable: onUnavailable,
    on_unpriced: onUnpriced,
    rates: z
      .object({ call: z.int(), input: rate, output: rate, cache_read: rate, cache_write: rate, reasoning: rate })
      .readonly()
      .nullable()
      .describe('Pico-units of US dollars per call and per token, by input size class; null: no known price'),
  })
  .meta({ id: 'SpendAnswer' });

/** What fits into a body; apps with more to say say it in several. */
const MAX_REPORTS = 150;

export const spendReportsSchema = z
  .strictObject({
    instance_id: lineOfText(1, 128),
    service: lineOfText(1, 128),
    items: z
      .array(
        z.strictObject({
          id: uuid,
          tenant_id: tenantIdText,
          spent_micro: micro.describe('Cost of all calls on it that have ended: cumulative, so a repeat counts once'),
          calls: count,
          unpriced_calls: count,
          excess_calls: count,
          excess_micro: micro,
          largest_excess_micro: micro,
          in_flight: count,
          keep_micro: micro
            .exactOptional()
            .describe('Held by calls that run; the rest goes back and no further call begins'),
          closed: z.boolean().describe('Nothing more will come: what is left goes back'),
          unreserved: z
            .strictObject({ key: spendLabel.exactOptional(), model: spendLabel.exactOptional() })
            .exactOptional()
            .describe('Spent without a reservation, under an id of its own'),
        }),
      )
      .min(1)
      .max(MAX_REPORTS),
  })
  .meta({ id: 'SpendReports' });

export const spendReceiptsSchema = z
  .object({
    items: z.array(
      z.object({
        id: z.string(),
        state: z
          .enum(['open', 'closed', 'presumed', 'unknown'])
          .describe('presumed: it had expired and been charged; the report has corrected that'),
      }),
    ),
  })
  .meta({ id: 'SpendReceipts' });
