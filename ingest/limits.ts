import type { Config } from '../src/config/config.ts';

/** So many a second; 0 = as many as come. */
interface Rates {
  readonly requests: number;
  /** Spans and data points. */
  readonly items: number;
  readonly bytes: number;
}

/** 0 switches a limit off. */
export interface IngestLimits {
  readonly key: Rates;
  /** Requests of one key in work at a time. */
  readonly keyConcurrency: number;
  readonly tenant: Rates;
  /** What may come at once is what may come in so many seconds. */
  readonly burstSeconds: number;
  /** Distinct names a day. */
  readonly tenantsPerKey: number;
  readonly routesPerTenant: number;
  readonly attributeKeysPerTenant: number;
  /** Of a span. */
  readonly attributes: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** An attribute's own value has depth 1, a value inside its array or list depth 2. */
  readonly valueDepth: number;
  /** Attributes that name the tenant, first hit wins. */
  readonly tenantAttributes: readonly string[];
}

/** What a span may hold. */
export type ContentLimits = Pick<IngestLimits, 'attributes' | 'keyBytes' | 'valueBytes' | 'valueDepth'>;

/** A limit to compare with: no request has as many of anything. A small integer, which V8 keeps in the object itself. */
export function orNone(limit: number): number {
  return limit === 0 ? 0x7fff_ffff : limit;
}

export function limitsOf(config: Config): IngestLimits {
  return {
    key: {
      requests: config.TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND,
      items: config.TENANTRY_LIMIT_KEY_SPANS_PER_SECOND,
      bytes: config.TENANTRY_LIMIT_KEY_BYTES_PER_SECOND,
    },
    keyConcurrency: config.TENANTRY_LIMIT_KEY_CONCURRENCY,
    tenant: {
      requests: config.TENANTRY_LIMIT_TENANT_REQUESTS_PER_SECOND,
      items: config.TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND,
      bytes: config.TENANTRY_LIMIT_TENANT_BYTES_PER_SECOND,
    },
    burstSeconds: config.TENANTRY_LIMIT_BURST_SECONDS,
    tenantsPerKey: config.TENANTRY_LIMIT_TENANTS_PER_KEY,
    routesPerTenant: config.TENANTRY_LIMIT_ROUTES_PER_TENANT,
    attributeKeysPerTenant: config.TENANTRY_LIMIT_ATTRIBUTE_KEYS_PER_TENANT,
    attributes: config.TENANTRY_LIMIT_ATTRIBUTES_PER_SPAN,
    keyBytes: config.TENANTRY_LIMIT_ATTRIBUTE_KEY_BYTES,
    valueBytes: config.TENANTRY_LIMIT_ATTRIBUTE_VALUE_BYTES,
    valueDepth: config.TENANTRY_LIMIT_VALUE_DEPTH,
    tenantAttributes: config.TENANTRY_TENANT_ATTRIBUTES,
  };
}

/**
 * Every limit, and what is counted beyond it: for the first four refused requests, for those of a tenant rejected spans
 * and data points, for the rest attributes that were dropped or cut, and spans whose route or tenant was replaced.
 */
const LIMIT_NAMES = [
  'key_requests',
  'key_spans',
  'key_bytes',
  'key_concurrency',
  'tenant_requests',
  'tenant_spans',
  'tenant_bytes',
  'attributes_per_span',
  'attribute_key_bytes',
  'attribute_value_bytes',
  'value_depth',
  'attribute_keys_per_tenant',
  'routes_per_tenant',
  'tenants_per_key',
] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];
