/**
 * A tenant is one customer of the operator. Its id is the operator's own word for it; Tenantry never invents one.
 * The pattern keeps ids usable in URLs, headers, file-free storage and logs: no slash, no dot-only names, no control
 * characters (path traversal by tenant id has hit Loki twice: CVE-2021-36156, CVE-2026-21726).
 */
export type TenantId = string & { readonly __brand: 'TenantId' };

export const TENANT_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:@|-]{0,127}$/;

/** Telemetry without a tenant is kept under this name. The parentheses cannot occur in a real id. */
export const UNKNOWN_TENANT = '(unknown)' as TenantId;
/** What a process used that no tenant can be charged for: garbage collection, start, idle work. */
export const UNATTRIBUTED_TENANT = '(unattributed)' as TenantId;
/** What a sender has put together of tenants beyond the number that it tells apart. */
export const OTHER_TENANTS = '(other)' as TenantId;

/**
 * Whose spans a server sends to itself to see that what goes in comes out right: `(self-check:<8 hex digits>)`, another at
 * each start. Only a key that is bound to it makes spans its own, and no question about all tenants ever sees it, so it
 * is not one of the names below.
 */
export const SELF_CHECK_PREFIX = '(self-check:';
const SELF_CHECK_PATTERN = /^\(self-check:[0-9a-f]{8}\)$/;

/** @param start 8 lower-case hex digits */
export function selfCheckTenant(start: string): TenantId {
  return `${SELF_CHECK_PREFIX}${start})` as TenantId;
}

export function isSelfCheckTenant(text: unknown): text is TenantId {
  return typeof text === 'string' && SELF_CHECK_PATTERN.test(text);
}

/**
 * Names that stand where a tenant's id stands and are no tenants: they have figures and series, come behind all tenants
 * in every order, have no plan, and nothing is ever done to them.
 */
export const RESERVED_TENANTS: readonly TenantId[] = [UNKNOWN_TENANT, UNATTRIBUTED_TENANT, OTHER_TENANTS];

export function isReservedTenant(text: unknown): text is TenantId {
  return RESERVED_TENANTS.some((reserved) => reserved === text);
}

export function isTenantId(text: unknown): text is TenantId {
  return typeof text === 'string' && TENANT_ID_PATTERN.test(text);
}

/** The tenant id in `text`, or undefined if it is malformed. Ids are compared byte by byte, case matters. */
export function parseTenantId(text: unknown): TenantId | undefined {
  return isTenantId(text) ? text : undefined;
}
