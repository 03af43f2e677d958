import { TenantryError } from '../domain/errors.ts';
import { includesFeature, PLAN_FEATURES, type PlanFeature } from '../domain/plan-features.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Caller } from './authenticate.ts';
import type { PERMISSIONS } from './permissions.ts';
import type { PlanFeatures } from './plan-features-ports.ts';

/**
 * The one table of what a plan has to include before a tenant's people and keys may use a route; the operator's people
 * always may. A row is a row of `PERMISSIONS`. What a customer must be able to do on any plan is in no row: see usage,
 * limits and invoices, keep members and keys, take data along, leave.
 */
export const PLAN_GATES = {
  'GET /scim/v2/ServiceProviderConfig': 'scim',
  'GET /scim/v2/ResourceTypes': 'scim',
  'GET /scim/v2/ResourceTypes/:id': 'scim',
  'GET /scim/v2/Schemas': 'scim',
  'GET /scim/v2/Schemas/:id': 'scim',
  'GET /scim/v2/Users': 'scim',
  'POST /scim/v2/Users': 'scim',
  'GET /scim/v2/Users/:id': 'scim',
  'PUT /scim/v2/Users/:id': 'scim',
  'PATCH /scim/v2/Users/:id': 'scim',
  'DELETE /scim/v2/Users/:id': 'scim',
  'GET /scim/v2/Groups': 'scim',
  'POST /scim/v2/Groups': 'scim',
  'GET /scim/v2/Groups/:id': 'scim',
  'PUT /scim/v2/Groups/:id': 'scim',
  'PATCH /scim/v2/Groups/:id': 'scim',
  'DELETE /scim/v2/Groups/:id': 'scim',
  'PUT /v1/scim/role-rules': 'scim',
  'GET /v1/audit': 'audit_log',
  'GET /v1/tenants/:id/traces': 'traces',
  'GET /v1/tenants/:id/traces/:trace_id': 'traces',
  'GET /v1/tenants/:id/queries': 'queries',
  'GET /v1/tenants/:id/slow-queries': 'queries',
  'POST /v1/sql': 'sql',
  'GET /v1/sql/tables': 'sql',
} as const satisfies Partial<Record<keyof typeof PERMISSIONS, PlanFeature>>;

const GATES: ReadonlyMap<string, PlanFeature> = new Map(Object.entries(PLAN_GATES));

/** The feature that a route asks for; undefined: every plan opens it. */
export function gateOf(method: string, url: string): PlanFeature | undefined {
  return GATES.get(`${method === 'HEAD' ? 'GET' : method} ${url}`);
}

function tenantOf({ actor }: Caller): TenantId | undefined {
  return actor.kind === 'staff' ? undefined : actor.tenantId;
}

/**
 * Holds a tenant's people, keys and frames to what the tenant's plan includes.
 * @throws TenantryError PLAN_LACKS_FEATURE
 */
export async function refuseBeyondPlan(
  plans: PlanFeatures,
  caller: Caller,
  method: string,
  url: string,
): Promise<void> {
  const tenantId = tenantOf(caller);
  const route = gateOf(method, url);
  const wanted: readonly PlanFeature[] = [
    ...(route === undefined ? [] : [route]),
    ...(caller.via === 'embed' ? ['embed' as const] : []),
  ];
  if (tenantId === undefined || wanted.length === 0) return;
  const included = await plans.of(tenantId);
  const missing = wanted.find((feature) => !includesFeature(included, feature));
  if (missing === undefined) return;
  const plan = included.plan === null ? 'Your plan' : `The plan "${included.plan}"`;
  throw new TenantryError(
    'PLAN_LACKS_FEATURE',
    `${plan} does not include "${missing}": ${lowered(PLAN_FEATURES[missing])}.`,
    {
      hint: 'Ask whoever provides this service for a plan that does; GET /v1/plan-features lists what yours includes.',
    },
  );
}

function lowered(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
