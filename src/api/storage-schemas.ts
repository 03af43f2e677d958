import { z } from 'zod';
import { STORE_KINDS, STORE_PATTERN, TARGET_NAME_PATTERN } from '../domain/storage.ts';
import type { SecretRef, StorageTargetSettings } from '../domain/storage-target.ts';
import { instant, lineOfText, tenantIdText, wholeNumber } from './parameters.ts';

const count = z.int().min(0);
const LONGEST_HOLD_SECONDS = 31 * 86_400;

const storeText = z
  .string()
  .regex(STORE_PATTERN, 'must be a store: 1 to 64 letters, digits and . _ -, then perhaps a colon and a part');

export const storageQuery = z.strictObject({
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  tenant_id: tenantIdText.optional(),
  store: storeText.optional().describe('With its parts'),
  limit: wholeNumber(1, 1_000).default(100),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});

const storageItemSchema = z
  .object({
    tenant_id: z
      .string()
      .describe('(unattributed): free space and what belongs to nobody; (unknown): without a tenant'),
    store: z.string(),
    kind: z.enum(STORE_KINDS).nullable(),
    bytes: count.describe('The last value before the end of the window'),
    error_bytes: count.nullable().describe('Standard error of bytes; 0: counted; null: nobody can say'),
    objects: count.nullable().describe('Rows, objects or points'),
    method: z.string(),
    measured_at: z.string().nullable(),
    byte_hours: z.string().regex(/^\d+$/).describe('Whole number; may be larger than a double is exact'),
    covered_share: z.number().min(0).max(1).describe('Part of the window of which anything is known'),
  })
  .meta({ id: 'StorageItem' });

export const storageListSchema = z
  .object({
    items: z.array(storageItemSchema),
    next_cursor: z.string().nullable(),
    total: count,
    from: z.string(),
    to: z.string(),
  })
  .meta({ id: 'StorageList' });

export const pushedStorageSchema = z
  .strictObject({
    gauges: z
      .array(
        z.strictObject({
          tenant_id: tenantIdText,
          store: storeText,
          bytes: z.int().min(0),
          at: instant.optional().describe('When it was measured; default now. At most 35 days ago'),
          objects: z.int().min(0).optional(),
          valid_for_seconds: z
            .int()
            .min(60)
            .max(LONGEST_HOLD_SECONDS)
            .optional()
            .describe('How long it holds if nothing newer comes; default 72 hours'),
        }),
      )
      .min(1)
      .max(500),
  })
  .meta({ id: 'PushedStorage' });

const secretRef = z.custom<SecretRef>(
  (value) => typeof value === 'string' && /^(?:env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:\/[^\0]{1,500})$/.test(value),
  'must name where the secret is kept: env:NAME or file:/path, never the secret itself',
);
const address = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(2_000)
  .refine((text) => URL.canParse(text) && new URL(text).username === '', 'must not hold a user or password');
const columns = (...fallback: string[]) => z.array(lineOfText(1, 63)).min(1).max(10).default(fallback);
const names = z.array(lineOfText(1, 200)).max(1_000).default([]);
const pattern = (fallback: string) =>
  lineOfText(1, 500)
    .refine((text) => text.split('{tenant_id}').length === 2, 'must have {tenant_id} once')
    .default(fallback);
const bytesEach = z.int().min(0).max(10_000_000).default(0);

const settings = {
  postgres: z.strictObject({
    url_ref: secretRef.describe('Holds the connection string of a login that may read and nothing else'),
    tenant_columns: columns('tenant_id'),
    exclude: names.describe('schema.table or schema.*'),
    page_share: z.number().min(0.001).max(1).default(0.05).describe('Part of all pages that a run may ask for'),
    pause_ms: z.int().min(0).max(60_000).default(20).describe('Between two statements'),
  }),
  clickhouse: z.strictObject({
    server: z
      .strictObject({
        url: address,
        user: lineOfText(1, 100).default('default'),
        password_ref: secretRef.nullable().default(null),
      })
      .nullable()
      .default(null)
      .describe("null: Tenantry's own store"),
    tenant_columns: columns('TenantId', 'tenant_id'),
    exclude: names.describe('database.table or database.*'),
  }),
  s3: z.strictObject({
    endpoint: address,
    region: lineOfText(1, 64).default('us-east-1'),
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket'),
    path_style: z.boolean().default(true),
    pattern: pattern('tenants/{tenant_id}/').describe('How keys begin'),
    access_key_ref: secretRef,
    secret_key_ref: secretRef,
    versions: z.boolean().default(false).describe('Count versions that are not the newest, too'),
    uploads: z.boolean().default(false).describe('Count parts of uploads that were never completed, too'),
  }),
  qdrant: z.strictObject({
    url: address,
    api_key_ref: secretRef.nullable().default(null),
    collections: names.describe('Empty: all'),
    tenant_key: lineOfText(1, 200).default('tenant_id'),
    payload_bytes: bytesEach.describe("What a point's payload takes"),
  }),
  pinecone: z.strictObject({
    url: address.describe('Host of the index'),
    api_key_ref: secretRef,
    pattern: pattern('{tenant_id}').describe('Name of a namespace'),
    metadata_bytes: bytesEach.describe("What a record's metadata takes"),
  }),
  weaviate: z.strictObject({
    url: address,
    api_key_ref: secretRef.nullable().default(null),
    collections: names.describe('Empty: all'),
    dimensions: z.int().min(0).max(100_000),
    object_bytes: bytesEach.describe("What an object's properties take"),
  }),
} as const;

const common = {
  name: z.string().regex(TARGET_NAME_PATTERN, 'must be 1 to 64 letters, digits and . _ -'),
  interval_seconds: z.int().min(300).max(864_000).default(21_600),
};

export const newStorageTargetSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ ...common, kind: z.literal('postgres'), settings: settings.postgres }),
    z.strictObject({ ...common, kind: z.literal('clickhouse'), settings: settings.clickhouse }),
    z.strictObject({ ...common, kind: z.literal('s3'), settings: settings.s3 }),
    z.strictObject({ ...common, kind: z.literal('qdrant'), settings: settings.qdrant }),
    z.strictObject({ ...common, kind: z.literal('pinecone'), settings: settings.pinecone }),
    z.strictObject({ ...common, kind: z.literal('weaviate'), settings: settings.weaviate }),
  ])
  .meta({ id: 'NewStorageTarget' });

const KINDS = [
  'postgres',
  'clickhouse',
  's3',
  'qdrant',
  'pinecone',
  'weaviate',
] as const satisfies readonly StorageTargetSettings['kind'][];
const time = z.string().nullable();

export const storageTargetSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(KINDS),
    settings: z.record(z.string(), z.unknown()).describe('As they were given; secrets are references'),
    interval_seconds: z.int(),
    created_by: z.string(),
    created_at: z.string(),
    run: z
      .object({
        id: z.string(),
        state: z.enum(['running', 'done', 'failed']),
        started_at: z.string(),
        ended_at: time,
        attempts: z.int(),
        retry_at: time,
        progress: z
          .object({
            steps_done: count,
            steps_total: count.nullable(),
            read: count,
            of: count.nullable(),
            unit: z.enum(['pages', 'rows', 'keys', 'answers']),
          })
          .nullable(),
        skipped: z.array(z.object({ name: z.string(), reason: z.string() })).describe('What could not be measured'),
        error: z.string().nullable(),
      })
      .nullable()
      .describe('The newest run; null: none yet'),
  })
  .meta({ id: 'StorageTarget' });

export const storageTargetListSchema = z
  .object({ items: z.array(storageTargetSchema) })
  .meta({ id: 'StorageTargetList' });
