import { z } from 'zod';
import { REPORT_DATASETS, REPORT_FORMATS, REPORT_PERIODS, REPORT_STEPS } from '../domain/report.ts';
import { instant, lineOfText, tenantIdText } from './parameters.ts';

const format = z.enum(REPORT_FORMATS).default('csv').describe('csv: RFC 4180; json: an array of objects');
const range = {
  from: instant.optional().describe('Default: an hour before "to"'),
  to: instant.optional().describe('Exclusive. Default: now'),
};

export const exportQuery = z.strictObject({ ...range, format, tenant_id: tenantIdText.optional() });
export const usageExportQuery = z.strictObject({
  ...range,
  format,
  step: z.enum(REPORT_STEPS).default('total').describe('One row for the whole time, or one a day or month (UTC)'),
  tenant_id: tenantIdText.optional(),
});

export const statementQuery = z.strictObject({
  month: z
    .string()
    .regex(/^20\d\d-(?:0[1-9]|1[0-2])$/, 'must be a month such as 2026-10')
    .describe("A month of the operator's calendar"),
  audience: z
    .enum(['customer', 'internal'])
    .default('customer')
    .describe('internal: with cost, revenue and margin; for admin and sales'),
});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const newReportScheduleSchema = z
  .strictObject({
    name: lineOfText(1, 100),
    dataset: z.enum(REPORT_DATASETS),
    format: z.enum(REPORT_FORMATS),
    step: z.enum(REPORT_STEPS).default('total').describe('For usage'),
    period: z.enum(REPORT_PERIODS).describe('Told of when it has ended; weeks begin on Monday'),
    time_zone: z
      .string()
      .max(64)
      .refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin')
      .default('UTC')
      .describe('In which periods begin and end'),
    tenant_id: tenantIdText.optional().describe('Default: every tenant'),
    url: z
      .url({ protocol: /^https?$/, error: 'must be an http or https address' })
      .max(2_000)
      .describe('Public addresses, or private ones within TENANTRY_ALERT_ALLOW_RANGES'),
    signing_secret: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'must be whsec_ and 24 to 64 bytes in base64, as Standard Webhooks'),
  })
  .meta({ id: 'NewReportSchedule' });

export const reportScheduleSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    dataset: z.enum(REPORT_DATASETS),
    format: z.enum(REPORT_FORMATS),
    step: z.enum(REPORT_STEPS),
    period: z.enum(REPORT_PERIODS),
    time_zone: z.string(),
    tenant_id: z.string().nullable(),
    host: z.string().describe('Where it goes, without path and secret'),
    created_by: z.string(),
    created_at: z.string(),
    next_at: z.string(),
    last_delivery: z
      .object({
        from: z.string(),
        to: z.string(),
        state: z.enum(['waiting', 'sent', 'failed']),
        attempts: z.int(),
        detail: z.string().nullable().describe('Why it was not delivered'),
        rows: z.int().nullable(),
        at: z.string(),
      })
      .nullable(),
  })
  .meta({ id: 'ReportSchedule' });
export const reportScheduleListSchema = z
  .object({ items: z.array(reportScheduleSchema) })
  .meta({ id: 'ReportScheduleList' });
