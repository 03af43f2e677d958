import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';

/** How a tenant was found; travels as the span attribute `tenant_id.source`. */
export type TenantSourceName =
  | 'jwt'
  | 'api_key'
  | 'header'
  | 'subdomain'
  | 'path'
  | 'resolver'
  | 'baggage'
  | 'message'
  | 'explicit';

/** The tenant that work is done for. */
export interface Tenant {
  readonly tenantId: TenantId;
  readonly source: TenantSourceName;
  readonly plan?: string;
  /** The user of the tenant, in the app's own words. Stamped as `user.id` or hashed, see `TenantryOptions.userId`. */
  readonly userId?: string;
}

/** What may be said of a tenant beside its id, from untrusted parts. */
export interface TenantDetails {
  readonly plan?: unknown;
  readonly userId?: unknown;
}

/** Longer plan names are cut: they become a column of low cardinality on the server. */
const MAX_PLAN_LENGTH = 64;
/** Longer user ids are dropped, not cut: two people must not become one. OpenID Connect allows 255 for `sub`. */
const MAX_USER_ID_LENGTH = 255;

/** A tenant from untrusted parts, or undefined when the id is malformed. */
export function makeTenant(
  tenantId: unknown,
  source: TenantSourceName,
  { plan, userId }: TenantDetails = {},
): Tenant | undefined {
  const id = parseTenantId(tenantId);
  if (id === undefined) return undefined;
  const hasPlan = typeof plan === 'string' && plan !== '';
  const hasUser = typeof userId === 'string' && userId !== '' && userId.length <= MAX_USER_ID_LENGTH;
  return {
    tenantId: id,
    source,
    ...(hasPlan ? { plan: plan.slice(0, MAX_PLAN_LENGTH) } : {}),
    ...(hasUser ? { userId } : {}),
  };
}
