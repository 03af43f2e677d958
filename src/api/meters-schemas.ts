import { z } from 'zod';
import { canonicalJsonPath } from '../domain/json-path.ts';
import { METER_AGGREGATIONS, METER_SLUG, METER_WINDOWS } from '../domain/meter.ts';
import { lineOfText } from './parameters.ts';

const MOST_GROUPS = 10;
const NAME = /^[a-z][a-z0-9_]{0,62}$/;
/** Stands for the tenant itself in `group_by` of a question. */
export const TENANT_GROUP = 'tenant_id';

const aggregation = z.enum(METER_AGGREGATIONS);
const slug = z
  .string()
  .max(63)
  .regex(METER_SLUG, 'must be words of lower-case letters and digits, joined by single underscores');
const path = z
  .string()
  .refine(
    (text) => canonicalJsonPath(text) !== undefined,
    "must be a JSON path to one value, such as $.tokens or $.a['b c'][0]",
  );

export const newMeterSchema = z
  .strictObject({
    slug: slug.describe('Its name in questions and, as meter:<slug>, among the usage metrics'),
    event_type: lineOfText(1, 256).describe('`type` of the events that it counts'),
    aggregation,
    value_property: path.exactOptional().describe('Where the value is in `data`; needed by all but count'),
    group_by: z
      .record(z.string().regex(NAME, 'must be a name of lower-case letters, digits and _'), path)
      .refine((groups) => Object.keys(groups).length <= MOST_GROUPS, `must have at most ${MOST_GROUPS} names`)
      .refine(
        (groups) => !(TENANT_GROUP in groups),
        `must not name ${TENANT_GROUP}, which every meter can be grouped by`,
      )
      .exactOptional(),
    unit: lineOfText(1, 50).exactOptional(),
    description: lineOfText(0, 500).exactOptional(),
  })
  .refine((meter) => (meter.aggregation === 'count') === (meter.value_property === undefined), {
    path: ['value_property'],
    error: 'must be given for every aggregation but count, which has none',
  })
  .meta({ id: 'NewMeter' });

export const meterItemSchema = z
  .object({
    slug: z.string(),
    event_type: z.string(),
    aggregation,
    value_property: z.string().nullable(),
    group_by: z.record(z.string(), z.string()),
    unit: z.string(),
    description: z.string(),
    created_by: z.string(),
    created_at: z.string(),
  })
  .meta({ id: 'Meter' });

export const meterListSchema = z.object({ items: z.array(meterItemSchema) }).meta({ id: 'MeterList' });

export const meterValuesSchema = z
  .object({
    slug: z.string(),
    aggregation,
    unit: z.string(),
    from: z.string(),
    to: z.string(),
    window_size: z.enum(METER_WINDOWS).nullable(),
    items: z.array(
      z.object({
        window_start: z.string(),
        window_end: z.string(),
        tenant_id: z.string().nullable().describe('null: all tenants together'),
        group: z.record(z.string(), z.string()),
        value: z.number().nullable().describe('The nearest number that JSON readers can hold; null: no event had one'),
        exact: z.string().nullable().describe('The same with all its digits'),
        rejected_events: z.int().describe('Events of the type without a usable value; /rejected lists them'),
      }),
    ),
  })
  .meta({ id: 'MeterValues' });

export const rejectedEventListSchema = z
  .object({
    items: z.array(z.object({ tenant_id: z.string(), source: z.string(), id: z.string(), time: z.string() })),
  })
  .meta({ id: 'RejectedEventList' });
