import { z } from 'zod';

const rate = (fallback: number) => z.coerce.number().min(0).default(fallback);
const whole = (fallback: number) => z.coerce.number().int().min(0).default(fallback);

/**
 * What ingest takes. Rates that would refuse honest telemetry are generous or off: how much a key may send is the
 * operator's to say. Limits on content follow the SDKs (128 attributes a span) and what keeps one tenant's names from
 * filling the stores; beyond them telemetry is cut and marked, never refused.
 */
export const LIMIT_SETTINGS = {
  TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND: rate(2_000).describe('OTLP requests a second of one key; 0 = no limit'),
  TENANTRY_LIMIT_KEY_SPANS_PER_SECOND: rate(0).describe('spans and data points a second of one key; 0 = no limit'),
  TENANTRY_LIMIT_KEY_BYTES_PER_SECOND: rate(0).describe('bytes a second of one key, after decompression; 0 = no limit'),
  TENANTRY_LIMIT_KEY_CONCURRENCY: whole(512).describe('requests of one key in work at a time; 0 = no limit'),
  TENANTRY_LIMIT_TENANT_REQUESTS_PER_SECOND: rate(0).describe(
    'requests a second that hold spans of one tenant; 0 = no limit',
  ),
  TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND: rate(50_000).describe(
    'spans and data points a second of one tenant; 0 = no limit',
  ),
  TENANTRY_LIMIT_TENANT_BYTES_PER_SECOND: rate(0).describe('bytes a second of one tenant; 0 = no limit'),
  TENANTRY_LIMIT_BURST_SECONDS: z.coerce
    .number()
    .min(0.001)
    .default(10)
    .describe('at once, each of these rates allows what it allows in so many seconds'),
  TENANTRY_LIMIT_TENANTS_PER_KEY: whole(100_000).describe(
    'distinct tenants that one key names a day; spans of others are kept as (unknown); 0 = no limit',
  ),
  TENANTRY_LIMIT_ROUTES_PER_TENANT: whole(1_000).describe(
    'distinct routes of one tenant a day; others become (other); 0 = no limit',
  ),
  TENANTRY_LIMIT_ATTRIBUTE_KEYS_PER_TENANT: whole(1_000).describe(
    'distinct attribute keys of one tenant a day; others are dropped and counted; 0 = no limit',
  ),
  TENANTRY_LIMIT_ATTRIBUTES_PER_SPAN: whole(128).describe(
    'attributes of a span; what Tenantry reads is kept first, the rest is dropped and counted; 0 = no limit',
  ),
  TENANTRY_LIMIT_ATTRIBUTE_KEY_BYTES: whole(256).describe('attributes with longer keys are dropped; 0 = no limit'),
  TENANTRY_LIMIT_ATTRIBUTE_VALUE_BYTES: whole(8_192).describe('longer attribute values are cut; 0 = no limit'),
  TENANTRY_LIMIT_VALUE_DEPTH: whole(8).describe(
    'levels of arrays and lists in an attribute value; deeper ones are cut; 0 = no limit',
  ),
} as const;
