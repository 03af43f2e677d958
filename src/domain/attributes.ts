/** Attribute and header names that cross the wire between apps and Tenantry. */

/** Written by the middleware on every span of a tenant's request. */
export const TENANT_ATTRIBUTE = 'tenant_id';
/**
 * How the tenant was found: `jwt`, `api_key`, `header`, `subdomain`, `path`, `resolver`, `baggage`, `message` (a queue),
 * `explicit`.
 */
export const TENANT_SOURCE_ATTRIBUTE = 'tenant_id.source';
export const PLAN_ATTRIBUTE = 'tenantry.plan';
/** The user within the tenant, as semantic conventions name it: the id itself, or a keyed hash of it. Never both. */
export const USER_ID_ATTRIBUTE = 'user.id';
export const USER_HASH_ATTRIBUTE = 'user.hash';
/** Cache lookups made while the span was active; integers, added up over the request. */
export const CACHE_HITS_ATTRIBUTE = 'tenantry.cache.hits';
export const CACHE_MISSES_ATTRIBUTE = 'tenantry.cache.misses';
/** `true` on a span whose request was refused (or, in shadow mode, would have been) by a throttle. */
export const THROTTLED_ATTRIBUTE = 'tenantry.throttled';
export const THROTTLE_MODE_ATTRIBUTE = 'tenantry.throttle.mode';
/** `true` on a span whose request was refused because its tenant is suspended or closed. */
export const SUSPENDED_ATTRIBUTE = 'tenantry.suspended';

/**
 * What ingest changed on a span because of a limit, with commas between: `attributes` and `keys` (dropped), `values` and
 * `depth` (cut), `route` and `tenant` (put together with others).
 */
export const LIMITED_ATTRIBUTE = 'tenantry.limited';

/** Read in this order, on the span first, then on the resource; operators may add names behind these. */
export const TENANT_ATTRIBUTE_ALIASES = [
  TENANT_ATTRIBUTE,
  'tenant.id',
  'service.tenant',
  'app.tenant.id',
  'organization.id',
  'langfuse.user.id',
] as const;

/** Beside `authorization: Bearer <key>`; for exporters that cannot set authorization. */
export const KEY_HEADER = 'x-tenantry-key';

/** Beside the sums over all caches; the cache's name is at most 64 of `A-Za-z0-9_-`. */
export function cacheLookupAttribute(cache: string, outcome: 'hits' | 'misses'): string {
  return `tenantry.cache.${cache}.${outcome}`;
}
export const INTEGRATION_ATTRIBUTE = 'tenantry.integration';
/** `ok`, `error`, `refused` or `aborted`. */
export const INTEGRATION_OUTCOME_ATTRIBUTE = 'tenantry.integration.outcome';
/** `sha256:` or `hmac-sha256:` and the hash of a tool's arguments in hex. */
export const TOOL_ARGS_HASH_ATTRIBUTE = 'tenantry.tool.args_hash';
/** What reranking is billed by; GenAI conventions have no name for it. */
export const AI_SEARCH_UNITS_ATTRIBUTE = 'tenantry.ai.search_units';
/**
 * How many rows a database call returned or changed: the semantic conventions' name (opt-in), then that of the Go
 * instrumentations (otelsql, otelgorm). First hit wins.
 */
export const DB_ROWS_ATTRIBUTES = ['db.response.returned_rows', 'db.rows_affected'] as const;
