import { z } from 'zod';
import { ALERT_CHANNELS, ALERT_EVENTS, ALERT_KINDS, ALERT_SEVERITIES, GROUP_FIELDS } from '../domain/alert.ts';
import { lineOfText, tenantIdText } from './parameters.ts';

const DAY_SECONDS = 86_400;
const LONGEST_MUTE_SECONDS = 30 * DAY_SECONDS;

export const alertKind = z.enum(ALERT_KINDS);
const severity = z.enum(ALERT_SEVERITIES);
export const alertStatus = z.enum(['open', 'acknowledged', 'ended']);
const clock = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 22:00');

/** Offsets such as +02:00 have no summer time. */
function isTimeZone(name: string): boolean {
  try {
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

const quietHours = z.strictObject({
  time_zone: z.string().max(64).refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin'),
  from: clock,
  to: clock,
  days: z.array(z.int().min(0).max(6)).min(1).max(7).default([0, 1, 2, 3, 4, 5, 6]),
  except_from: severity.nullable().default('critical').describe('Alerts from here on are told all the same'),
});

const match = z.strictObject({
  tenants: z.array(tenantIdText).max(1_000).default([]).describe('Empty: every tenant'),
  plans: z.array(lineOfText(1, 64)).max(100).default([]).describe('Empty: every plan, and none'),
  kinds: z.array(alertKind).max(ALERT_KINDS.length).default([]).describe('Empty: every kind'),
  min_severity: severity.default('info'),
});

const address = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(2_000)
  .refine((text) => URL.canParse(text) && new URL(text).username === '', 'must not hold a user or password');
const headerText = z.string().regex(/^[\x20-\x7e]{1,2000}$/, 'must be one line of ASCII');

const mailbox = z.email('must be an e-mail address').max(254);

/** Secrets, all of it: taken, never given back. */
const newAlertTargetSchema = z.discriminatedUnion('channel', [
  z.strictObject({ channel: z.literal('slack'), url: address }),
  z.strictObject({
    channel: z.literal('pagerduty'),
    routing_key: z.string().regex(/^[A-Za-z0-9]{32}$/, 'must be an integration key of 32 letters and digits'),
    region: z.enum(['us', 'eu']).default('us'),
  }),
  z.strictObject({
    channel: z.literal('alertmanager'),
    url: address.describe('Without /api/v2/alerts'),
    authorization: headerText.nullable().default(null).describe('Value of the Authorization header'),
  }),
  z.strictObject({
    channel: z.literal('webhook'),
    url: address,
    signing_secret: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'must be whsec_ and 24 to 64 bytes in base64, as Standard Webhooks'),
  }),
  z.strictObject({
    channel: z.literal('email'),
    to: z.array(mailbox).min(1).max(50).describe('By the mail server of the settings; all of them see each other'),
  }),
]);

export const newAlertRouteSchema = z
  .strictObject({
    name: lineOfText(1, 100),
    target: newAlertTargetSchema,
    match: match.default({ tenants: [], plans: [], kinds: [], min_severity: 'info' }),
    group_by: z.array(z.enum(GROUP_FIELDS)).max(GROUP_FIELDS.length).default(['tenant']),
    group_wait_seconds: z.int().min(0).max(3_600).default(10),
    group_interval_seconds: z.int().min(0).max(DAY_SECONDS).default(60),
    repeat_seconds: z.int().min(60).max(DAY_SECONDS).nullable().default(null),
    escalation: z
      .strictObject({ after_seconds: z.int().min(30).max(DAY_SECONDS), route_id: z.uuid() })
      .nullable()
      .default(null),
    quiet_hours: quietHours.nullable().default(null),
  })
  .meta({ id: 'NewAlertRoute' });

const nullableText = z.string().nullable();

export const alertItemSchema = z
  .object({
    id: z.string(),
    kind: alertKind,
    severity,
    tenant_id: z.string().describe('(all): about no tenant in particular'),
    plan: nullableText,
    title: z.string(),
    reason: z.string(),
    status: alertStatus,
    started_at: z.string(),
    ended_at: nullableText,
    acknowledged_at: nullableText,
    acknowledged_by: nullableText,
    link: z.string().describe('Path and query of the page that explains it'),
    notices: z.array(
      z.object({
        route_id: z.string(),
        event: z.enum(ALERT_EVENTS),
        state: z.enum(['waiting', 'sent', 'dead', 'cancelled']),
        attempts: z.int(),
        due_at: z.string(),
        told_at: nullableText,
        error: nullableText,
      }),
    ),
  })
  .meta({ id: 'Alert' });

export const alertListSchema = z.object({ items: z.array(alertItemSchema) }).meta({ id: 'AlertList' });

export const alertRouteSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    channel: z.enum(ALERT_CHANNELS),
    match: z.object({
      tenants: z.array(z.string()),
      plans: z.array(z.string()),
      kinds: z.array(alertKind),
      min_severity: severity,
    }),
    group_by: z.array(z.enum(GROUP_FIELDS)),
    group_wait_seconds: z.int(),
    group_interval_seconds: z.int(),
    repeat_seconds: z.int().nullable(),
    escalation: z.object({ after_seconds: z.int(), route_id: z.string() }).nullable(),
    quiet_hours: z
      .object({
        time_zone: z.string(),
        from: z.string(),
        to: z.string(),
        days: z.array(z.int()),
        except_from: severity.nullable(),
      })
      .nullable(),
    created_by: z.string(),
    created_at: z.string(),
    health: z.object({
      waiting: z.int(),
      dead: z.int().describe('Given up within the last day'),
      last_sent_at: nullableText,
      last_failed_at: nullableText,
      last_error: nullableText,
      problem: nullableText.describe('Why nothing can go by this route at all, and what to do'),
    }),
  })
  .meta({ id: 'AlertRoute' });

export const alertRouteListSchema = z.object({ items: z.array(alertRouteSchema) }).meta({ id: 'AlertRouteList' });

export const alertRouteTestSchema = z
  .object({ sent: z.boolean(), detail: z.string() })
  .meta({ id: 'AlertRouteTestResult' });

export const newMuteSchema = z
  .strictObject({
    tenant_id: tenantIdText,
    kind: alertKind.exactOptional().describe('Absent: every kind'),
    expires_in_seconds: z.int().min(60).max(LONGEST_MUTE_SECONDS),
    reason: lineOfText(1, 500),
  })
  .meta({ id: 'NewMute' });

export const muteSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    kind: alertKind.nullable(),
    reason: z.string(),
    created_by: z.string(),
    created_at: z.string(),
    expires_at: z.string(),
  })
  .meta({ id: 'Mute' });

export const muteListSchema = z.object({ items: z.array(muteSchema) }).meta({ id: 'MuteList' });
