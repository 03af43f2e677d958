import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler, RouteOptions } from 'fastify';
import type { Actor, StaffActor, TenantActor } from '../domain/actor.ts';
import { ERRORS, type ErrorCode, TenantryError } from '../domain/errors.ts';
import type { PlanFeature } from '../domain/plan-features.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { Authenticator, Caller } from './authenticate.ts';
import { isFromElsewhere } from './edge-requests.ts';
import { opensTo } from './embed-views.ts';
import { type Access, accessOf, mayUse } from './permissions.ts';
import type { PlanFeatures } from './plan-features-ports.ts';
import { gateOf, refuseBeyondPlan } from './plan-gates.ts';
import { PROBLEM_TYPE, problemSchema } from './problem.ts';
import type { RateLimits } from './rate-limit-callers.ts';
import { SCIM_PREFIX, SCIM_TYPE, scimErrorSchema } from './scim-errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that is not public before anything else of the request is looked at. */
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /** Errors that this route answers beside those that every route may answer; for /openapi.json. */
    errors?: readonly ErrorCode[];
  }
}

const CSRF_HEADER = 'x-tenantry-csrf';
const SAFE_METHODS = ['GET', 'HEAD'];
const ANY_ROUTE: readonly ErrorCode[] = ['BAD_REQUEST', 'URL_TOO_LONG', 'RATE_LIMITED', 'INTERNAL'];
const GUARDED_ROUTE: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'STORE_UNAVAILABLE',
  'QUERY_TOO_HEAVY',
  'QUERY_TIMEOUT',
];
const ROUTE_WITH_BODY: readonly ErrorCode[] = ['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

function unauthenticated(): TenantryError {
  return new TenantryError('UNAUTHENTICATED', 'There are no credentials on this request that are valid here.', {
    hint: 'Send "authorization: Bearer <token>", or sign in again.',
  });
}

function authorise(caller: Caller, access: Access, request: FastifyRequest): void {
  if (!mayUse(caller.actor, access)) {
    throw new TenantryError('FORBIDDEN', 'Your role may not do this.', {
      hint: 'Ask an admin; GET /v1/whoami shows your role.',
    });
  }
  if (caller.via === 'embed' && !opensTo(caller.views ?? [], request.method, request.routeOptions.url ?? '')) {
    throw new TenantryError('FORBIDDEN', 'A token for a frame does not open this.', {
      hint: 'It opens what its views show, and reads only.',
    });
  }
  const forgeable = caller.via === 'session' && !SAFE_METHODS.includes(request.method);
  if (forgeable && (request.headers[CSRF_HEADER] !== '1' || isFromElsewhere(request))) {
    throw new TenantryError('FORBIDDEN', 'A change by session cookie must come from the dashboards.', {
      hint: `Send the header "${CSRF_HEADER}: 1".`,
    });
  }
}

/** Guesses cost the address that makes them; who is known is never refused for what others at the address do. */
async function knownCaller(
  authenticator: Authenticator,
  request: FastifyRequest,
  onRefused: () => void,
): Promise<Caller> {
  try {
    const caller = await authenticator.identify(request);
    if (caller === undefined) throw unauthenticated();
    return caller;
  } catch (error) {
    if (error instanceof TenantryError && error.code === 'UNAUTHENTICATED') onRefused();
    throw error;
  }
}

/** Response schemas of every error that the route may answer, by status. */
function errorResponses(route: RouteOptions, access: Access, gate: PlanFeature | undefined): Record<string, unknown> {
  const codes = [
    ...ANY_ROUTE,
    ...(access === 'public' ? [] : GUARDED_ROUTE),
    ...(route.schema?.body === undefined ? [] : ROUTE_WITH_BODY),
    ...(gate === undefined ? [] : ['PLAN_LACKS_FEATURE' as const]),
    ...(route.config?.errors ?? []),
  ];
  const content = route.url.startsWith(SCIM_PREFIX)
    ? { [SCIM_TYPE]: { schema: scimErrorSchema } }
    : { [PROBLEM_TYPE]: { schema: problemSchema } };
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const named = [...new Set(codes)].filter((code) => ERRORS[code].status === status);
      const description = named.map((code) => `${code}: ${ERRORS[code].title}`).join('. ');
      return [status, { description, content }];
    }),
  );
}

/** What /openapi.json says about who may use the route. */
function documentation(access: Access, gate: PlanFeature | undefined) {
  if (access === 'public') return { security: [] };
  const schemes = [
    ...(access.roles.length === 0 ? [] : [{ bearer: [] }, { session: [] }]),
    ...(access.keyScopes.length === 0 ? [] : [{ key: [] }]),
  ];
  const bearsKey = access.roles.length === 0 ? [{ bearer: [] }] : [];
  return {
    security: [...bearsKey, ...schemes],
    'x-tenantry-roles': access.roles,
    'x-tenantry-key-scopes': access.keyScopes,
    ...(gate === undefined ? {} : { 'x-tenantry-plan-feature': gate }),
  };
}

/**
 * Puts a lock on every route that is registered after this call: one without a row in the permission table cannot
 * be registered at all, one that is not public authenticates and authorises before it reads a body or a parameter.
 */
export function guardRoutes(
  app: FastifyInstance,
  authenticator: Authenticator,
  limits?: RateLimits,
  plans?: PlanFeatures,
): void {
  app.decorateRequest('caller', null);
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const access = accessOf(method, route.url);
      if (access === undefined) throw new Error(`${method} ${route.url} has no row in the permission table`);
      const schema = route.schema;
      if (schema?.hide !== true) {
        if (schema?.querystring === undefined) throw new Error(`${method} ${route.url} has no schema for its query`);
        const response = {
          ...(schema.response as object | undefined),
          ...errorResponses(route, access, gateOf(method, route.url)),
        };
        route.schema = { ...schema, ...documentation(access, gateOf(method, route.url)), response };
      }
      if (access === 'public') continue;
      const lock: onRequestAsyncHookHandler = async (request, reply: FastifyReply) => {
        const caller = await knownCaller(authenticator, request, () => limits?.admitAddress(request, reply));
        limits?.admit(request, reply, caller);
        authorise(caller, access, request);
        if (plans !== undefined) await refuseBeyondPlan(plans, caller, method, route.url);
        limits?.holdStream(request, reply, caller);
        request.caller = { ...caller, actor: { ...caller.actor, requestId: request.id } };
      };
      route.onRequest = [lock, ...[route.onRequest ?? []].flat()];
    }
  });
}

/** Who calls. @throws when used on a public route, which is a mistake in the program */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error('a public route has no caller');
  return request.caller;
}

export function staffOf(request: FastifyRequest): StaffActor {
  const { actor } = callerOf(request);
  if (actor.kind !== 'staff') throw new TenantryError('FORBIDDEN', 'Your role may not do this.');
  return actor;
}

/** Somebody of the operator's or of a tenant's people; keys are nobody. */
export function personOf(request: FastifyRequest): StaffActor | TenantActor {
  const { actor } = callerOf(request);
  if (actor.kind === 'key') throw new TenantryError('FORBIDDEN', 'Your role may not do this.');
  return actor;
}

/** The one tenant that the caller may see; undefined: every tenant. */
export function ownTenantOf(actor: Actor): TenantId | undefined {
  return actor.kind === 'tenant' || actor.kind === 'key' ? actor.tenantId : undefined;
}

/** One text for "not there" and "not yours", so that nobody learns which tenants exist. */
export function noSuchTenant(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no such tenant, or it is not yours to see.', {
    hint: 'GET /v1/tenants lists the tenants that you can see.',
  });
}

/**
 * The tenant that a filter narrows an answer to: a tenant caller's own, or the one that staff asked for.
 * @throws TenantryError NOT_FOUND when a tenant caller names any other tenant
 */
export function narrowTo(actor: Actor, asked: string | undefined): TenantId | undefined {
  const own = ownTenantOf(actor);
  if (own === undefined) return parseTenantId(asked);
  if (asked !== undefined && asked !== own) throw noSuchTenant();
  return own;
}

/**
 * The one tenant that a request is about.
 * @throws TenantryError BAD_REQUEST when staff name none, NOT_FOUND as `narrowTo`
 */
export function oneTenantOf(actor: Actor, asked: string | undefined): TenantId {
  const tenantId = narrowTo(actor, asked);
  if (tenantId !== undefined) return tenantId;
  throw new TenantryError('BAD_REQUEST', '"tenant_id" is missing: this is about one tenant.', {
    hint: 'Name the tenant; only its own people need not.',
  });
}

/**
 * The last net under invariant "nothing of one tenant is readable by another": an answer for one tenant with a row of
 * any other is not sent.
 * @throws TenantryError TENANT_MIXUP
 */
export function refuseForeignRows(only: TenantId | undefined, tenants: Iterable<string>): void {
  if (only === undefined) return;
  for (const tenant of tenants) {
    if (tenant !== only) throw new TenantryError('TENANT_MIXUP', 'a port answered with rows of another tenant');
  }
}
