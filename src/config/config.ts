import { isIP } from 'node:net';
import { z } from 'zod';
import { TENANT_ATTRIBUTE_ALIASES } from '../domain/attributes.ts';
import { TenantryError } from '../domain/errors.ts';
import { PROTECTED_ROUTES } from '../domain/protected-routes.ts';
import { EDGE_SETTINGS, IDENTITY_SETTINGS, isOrigin } from './api-settings.ts';
import { DELETION_SETTINGS } from './deletion-settings.ts';
import { KEEPING_SETTINGS } from './keeping-settings.ts';
import { LIMIT_SETTINGS } from './limit-settings.ts';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const seconds = (fallback: number, min = 1) => z.coerce.number().min(min).default(fallback);
const bytes = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
const list = (fallback: readonly string[]) =>
  z
    .string()
    .default(fallback.join(','))
    .transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    );
const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false', '1', '0'])
    .default(fallback ? 'true' : 'false')
    .transform((text) => text === 'true' || text === '1');
/** Names only: an offset such as +02:00 has no summer time. */
function isTimeZone(name: string): boolean {
  try {
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}
/** An address with a prefix length that fits it. */
function isRange(text: string): boolean {
  const [, address = '', bits = ''] = /^([0-9A-Fa-f.:]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}
const secret = z.string().min(16, 'must have at least 16 characters').optional();
/** Of AES-256. */
export const SECRETS_KEY_BYTES = 32;
/** Base64 as `openssl rand -base64 32` prints it. */
function isSecretsKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(text) && Buffer.from(text, 'base64').length === SECRETS_KEY_BYTES;
}
/** A mail server: the scheme and the query say how it is spoken to, and nothing else may stand in it. */
function isMailServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, username, password, hash } = new URL(text);
  const isBare = hostname !== '' && pathname.replace('/', '') === '' && `${username}${password}${hash}` === '';
  return (
    isBare && (protocol === 'smtps:' ? search === '' : protocol === 'smtp:' && ['', '?tls=never'].includes(search))
  );
}

function isPostgres(text: string): boolean {
  return URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol);
}

/** Every setting, its default and its meaning. `tenantry serve --help` and the README's table are made from this. */
export const SETTINGS = {
  TENANTRY_DATA_DIR: z.string().min(1).default('.tenantry').describe('spool and embedded stores'),
  TENANTRY_HOST: z.string().min(1).default('127.0.0.1').describe('address that the API and OTLP listen on'),
  TENANTRY_API_PORT: port(7070).describe('API and dashboards; 0 picks a free port'),
  TENANTRY_OTLP_HTTP_PORT: port(4318).describe('OTLP/HTTP; 0 picks a free port'),
  TENANTRY_OTLP_GRPC_PORT: port(4317).describe('OTLP/gRPC; 0 picks a free port'),
  TENANTRY_ADMIN_TOKEN: secret.describe('bearer token with role admin; generated and printed once when unset'),
  TENANTRY_INGEST_KEY: secret.describe('key for OTLP and flags; generated and printed once when unset'),
  CLICKHOUSE_URL: z.url().optional().describe('ClickHouse server; unset = embedded engine'),
  CLICKHOUSE_CLUSTER: z.string().optional().describe('cluster name for replicated tables'),
  DATABASE_URL: z.url().optional().describe('PostgreSQL; unset = embedded server'),
  ...IDENTITY_SETTINGS,
  ...EDGE_SETTINGS,
  TENANTRY_TENANT_ATTRIBUTES: list(TENANT_ATTRIBUTE_ALIASES).describe(
    'span attributes that name the tenant, first hit wins',
  ),
  TENANTRY_MAX_BODY_BYTES: bytes(20 * 1024 * 1024).describe('largest OTLP request, after decompression'),
  ...LIMIT_SETTINGS,
  TENANTRY_SEGMENT_BYTES: bytes(16 * 1024 * 1024).describe('size at which a spool segment is sealed'),
  TENANTRY_SEGMENT_AGE_MS: bytes(1_000).describe('age in milliseconds at which a spool segment is sealed'),
  TENANTRY_SPOOL_MAX_BYTES: bytes(2 * 1024 ** 3).describe('spool size above which OTLP is answered 503'),
  TENANTRY_QUARANTINE_MAX_BYTES: bytes(1024 ** 3).describe(
    'size of the quarantine; beyond it the oldest requests of the key that fills it most are deleted',
  ),
  TENANTRY_RETRY_WINDOW_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(600)
    .describe('a request that comes again within it is answered as the first time and stored once; 0 = never'),
  TENANTRY_ACCEPT_PAST_HOURS: seconds(48).describe(
    'older spans and data points are set aside, counted from their arrival',
  ),
  TENANTRY_ACCEPT_FUTURE_SECONDS: seconds(300).describe('spans and data points further ahead are set aside'),
  TENANTRY_ACCEPT_EVENTS_PAST_DAYS: z.coerce
    .number()
    .min(1)
    .max(400)
    .default(35)
    .describe('older usage events are refused; ids are remembered for two days more, so none counts twice'),
  TENANTRY_LATE_TENANT_SECONDS: z.coerce
    .number()
    .min(0)
    .max(600)
    .default(30)
    .describe(
      'a span without a tenant waits so long for one that another span of its trace names; 0 = not at all, as with CLICKHOUSE_CLUSTER',
    ),
  ...KEEPING_SETTINGS,
  TENANTRY_SELF_CHECK_SECONDS: seconds(10, 0).describe(
    'time between two self-checks, which send known spans and read them back; 0 = none',
  ),
  TENANTRY_SLOW_DB_CALL_MS: seconds(200).describe('database calls from here on count as slow'),
  TENANTRY_QUERY_AUDIT_URL: z
    .string()
    .default('')
    .transform((text) => text.split(/\s+/).filter((url) => url !== ''))
    .refine((urls) => urls.every(isPostgres), 'must be addresses such as postgres://login:password@host:5432/database')
    .describe('own PostgreSQL databases whose statements are audited, with spaces between them; unset = none'),
  TENANTRY_QUERY_AUDIT_SECONDS: seconds(300, 10).describe('time between two looks at them'),
  TENANTRY_TENANT_COLUMNS: list(['tenant_id']).describe('names of the columns there that hold the tenant'),
  TENANTRY_DETECT_INTERVAL_SECONDS: seconds(10).describe('time between two detector runs'),
  TENANTRY_DETECT_RESOLUTION_SECONDS: z.coerce
    .number()
    .refine((value) => [1, 2, 5, 10].includes(value), 'must be 1, 2, 5 or 10')
    .default(10)
    .describe('length of the steps it judges; shorter ones find sooner, cost more, and ask for more requests a second'),
  TENANTRY_DETECT_MIN_HISTORY_SECONDS: seconds(3_600, 0).describe('a tenant with less history is never acted on'),
  TENANTRY_DETECT_RATIO: z.coerce
    .number()
    .gt(1)
    .default(3)
    .describe('usage this many times its baseline is out of line'),
  TENANTRY_AUTO_THROTTLE: z
    .enum(['off', 'shadow', 'enforce'])
    .default('shadow')
    .describe('what the detector may do by itself'),
  TENANTRY_THROTTLE_SECONDS: seconds(300, 5).describe('life of an automatic throttle'),
  TENANTRY_THROTTLE_MAX_SECONDS: seconds(3_600, 5).describe(
    'longest life of an automatic throttle; it doubles with each finding of one tenant',
  ),
  TENANTRY_THROTTLE_NEEDS_IMPACT: flag(true).describe(
    'throttle only a tenant that is shown to harm others; false: usage alone will do',
  ),
  TENANTRY_THROTTLE_MIN_HISTORY_SECONDS: seconds(604_800, 0).describe(
    'a tenant that is known for less is throttled in shadow only',
  ),
  TENANTRY_THROTTLE_MIN_SOURCES: z.coerce
    .number()
    .int()
    .min(0)
    .default(2)
    .describe("independent sources that must show a tenant's load before it is throttled"),
  TENANTRY_THROTTLE_SETTLE_SECONDS: seconds(900, 0).describe(
    'between the beginnings of two automatic throttles of one tenant for two findings',
  ),
  TENANTRY_THROTTLE_APPROVAL_CUT: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.95)
    .describe('an automatic throttle that cuts more than this share of what a tenant sends waits for a person'),
  TENANTRY_THROTTLE_APPROVAL_PLANS: list([]).describe(
    'automatic throttles of tenants on these plans wait for a person',
  ),
  TENANTRY_THROTTLE_APPROVAL_SECONDS: seconds(900, 30).describe('without an answer in this time nothing is done'),
  TENANTRY_PROMOTION_HOLD_SECONDS: seconds(604_800, 0).describe(
    'each stage of a rule (shadow, canary) is watched for so long before the next',
  ),
  TENANTRY_PROTECTED_ROUTES: list(PROTECTED_ROUTES).describe(
    'first segments of routes that no automatic throttle refuses, whatever it is scoped to',
  ),
  TENANTRY_KILL_SWITCH: flag(false).describe(
    'no automatic throttle is set, and none is told to apps; whatever the API says',
  ),
  TENANTRY_SPEND_TIME_ZONE: z
    .string()
    .default('UTC')
    .refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin, or UTC')
    .describe('zone in which the days and months of quotas and spend caps begin, unless a cap names another'),
  TENANTRY_METRICS_TENANTS_TOP: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000)
    .default(20)
    .describe('tenants that /metrics/tenants tells apart, by requests; all others are one row'),
  TENANTRY_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('where people reach the pages, for the links in alerts; unset = the address that the API listens on'),
  TENANTRY_EMBED_ORIGINS: list([])
    .refine((origins) => origins.every(isOrigin), 'must be origins such as https://app.example.com, without a path')
    .describe('pages of these origins may show the usage page of a tenant in a frame; unset = nobody may'),
  TENANTRY_ALERT_ALLOW_RANGES: list([])
    .refine((ranges) => ranges.every(isRange), 'must be ranges such as 10.20.0.0/16,fd00:1::/64')
    .describe('private address ranges that alerts may be sent to, and there without TLS'),
  ...DELETION_SETTINGS,
  TENANTRY_SECRETS_KEY: list([])
    .refine(
      (keys) => keys.every(isSecretsKey),
      'must be keys of 32 bytes in base64, as `openssl rand -base64 32` makes',
    )
    .describe(
      'keys that alert targets are sealed with: the first seals, all open; unset = made in the data directory at the first start',
    ),
  TENANTRY_SMTP_URL: z
    .string()
    .refine(
      isMailServer,
      'must be smtp://host[:port] (STARTTLS is demanded), smtps://host[:port] or smtp://host?tls=never',
    )
    .optional()
    .describe('mail server for alerts: smtp:// demands STARTTLS, smtps:// is TLS from the start; unset = no e-mail'),
  TENANTRY_SMTP_FROM: z.email().optional().describe('sender of alerts by e-mail; needed with TENANTRY_SMTP_URL'),
  TENANTRY_SMTP_USER: z.string().optional().describe('user at the mail server; unset = without signing in'),
  TENANTRY_SMTP_PASSWORD: z.string().optional().describe('password at the mail server'),
  TENANTRY_SMTP_PASSWORD_FILE: z
    .string()
    .optional()
    .describe('file with that password instead; read for each message, so that it may change'),
  TENANTRY_SECRETS_DIR: z
    .string()
    .min(1)
    .default('/run/secrets')
    .describe('folder in which files with the secrets of storage targets lie'),
  TENANTRY_DEV_ISSUER: flag(true).describe('embedded token issuer for sign-in links; refused when NODE_ENV=production'),
  TENANTRY_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
    .default('info')
    .describe('log level'),
  NODE_ENV: z.string().default('development').describe('production switches development helpers off'),
} as const;

const schema = z.object(SETTINGS);

export type Config = Readonly<z.infer<typeof schema>>;

/**
 * The one place that reads the environment. Empty strings count as unset, as shells and compose files write them.
 * @throws TenantryError CONFIG_INVALID naming every setting that is wrong
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(present);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new TenantryError('CONFIG_INVALID', problems.join('; '), {
      hint: 'Correct these environment variables, or unset them to get the defaults that `tenantry serve --help` lists.',
    });
  }
  const known = new Set(Object.keys(SETTINGS));
  const unknown = Object.keys(present).filter((name) => name.startsWith('TENANTRY_') && !known.has(name));
  if (unknown.length > 0) {
    throw new TenantryError('CONFIG_INVALID', `unknown setting ${unknown.join(', ')}`, {
      hint: 'Check the spelling; `tenantry serve --help` lists every setting.',
    });
  }
  return Object.freeze(withoutDevIssuerInProduction(parsed.data, present['TENANTRY_DEV_ISSUER'] !== undefined));
}

/** In production the embedded issuer is off unless somebody asks for it, and who asks learns that it cannot be had. */
function withoutDevIssuerInProduction(config: Config, isAskedFor: boolean): Config {
  if (config.NODE_ENV !== 'production' || !config.TENANTRY_DEV_ISSUER) return config;
  if (!isAskedFor) return { ...config, TENANTRY_DEV_ISSUER: false };
  throw new TenantryError('CONFIG_INVALID', 'TENANTRY_DEV_ISSUER: the embedded issuer is for development only', {
    hint: 'Set TENANTRY_JWKS_URL, TENANTRY_JWT_ISSUER and TENANTRY_JWT_AUDIENCE, and unset TENANTRY_DEV_ISSUER.',
  });
}

/**
 * The environment for a child process that has to see exactly this configuration: every setting is written out, and
 * those that are unset are emptied, which counts as unset.
 */
export function childEnvironment(
  config: Config,
  overrides: Readonly<Record<string, string>> = {},
): Record<string, string | undefined> {
  const settings = Object.keys(SETTINGS).map((name) => [name, environmentText(config[name as keyof Config])]);
  return { ...process.env, ...Object.fromEntries(settings), ...overrides };
}

function environmentText(value: Config[keyof Config]): string {
  if (value === undefined) return '';
  if (value instanceof Map) return [...value].map((pair) => pair.join('=')).join(',');
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** What a setting is when it is unset, as text; undefined when it has no default. */
export function settingDefault(name: keyof typeof SETTINGS): string | undefined {
  const parsed = SETTINGS[name].safeParse(undefined);
  return parsed.success && parsed.data !== undefined ? environmentText(parsed.data) : undefined;
}
