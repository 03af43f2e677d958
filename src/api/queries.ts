import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { isReservedTenant, parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, noSuchTenant, ownTenantOf, refuseForeignRows } from './guard.ts';
import { instant, wholeNumber } from './parameters.ts';
import { resolveWindow } from './time-range.ts';
import type { QueryItem, QueryList, SlowQueryItem } from './usage-contract.ts';
import type { Queries, QueryVolume, SlowQuery } from './usage-ports.ts';
import { queryListSchema, slowQueryListSchema } from './usage-schemas.ts';

const NS_PER_MS = 1_000_000n;
const SORTS = ['total_ms', 'calls', 'errors', 'slow_calls', 'rows', 'mean_ms', 'p95_ms'] as const;

const range = {
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
};
const volumeQuery = {
  ...range,
  sort: z.enum(SORTS).default('total_ms').describe('Most first; what was not measured comes last'),
  limit: wholeNumber(1, 1_000).default(50),
};
const tenantVolumeQuery = z.strictObject(volumeQuery);
const staffVolumeQuery = z.strictObject({
  ...volumeQuery,
  group_by: z
    .enum(['tenant', 'query'])
    .default('tenant')
    .describe('tenant: a row for each statement of each tenant; query: for each statement, all tenants together'),
});
const slowQuery = z.strictObject({
  ...range,
  min_duration_ms: wholeNumber(0, 86_400_000)
    .optional()
    .describe('Default: what counts as slow (TENANTRY_SLOW_DB_CALL_MS)'),
  limit: wholeNumber(1, 500).default(50),
});
const params = z.object({ id: z.string().describe('Tenant id') });

function queryToWire(query: QueryVolume): QueryItem {
  return {
    tenant_id: query.tenantId,
    query_hash: query.hash,
    query: query.query,
    db_system: query.dbSystem,
    services: [...query.services],
    tenants: query.tenants,
    calls: query.calls,
    errors: query.errors,
    slow_calls: query.slowCalls,
    total_ms: query.totalMs,
    mean_ms: query.calls === 0 ? 0 : query.totalMs / query.calls,
    p50_ms: query.p50Ms,
    p95_ms: query.p95Ms,
    p99_ms: query.p99Ms,
    rows: query.rows,
    time_share: query.timeShare,
  };
}

function slowToWire(query: SlowQuery): SlowQueryItem {
  return {
    tenant_id: query.tenantId,
    trace_id: query.traceId,
    span_id: query.spanId,
    started_at: rfc3339(query.startedAt),
    duration_ms: query.durationMs,
    service: query.service,
    db_system: query.dbSystem,
    query_hash: query.hash,
    query: query.query,
    failed: query.failed,
    rows: query.rows,
  };
}

function listToWire({ window, items, total }: Awaited<ReturnType<Queries['volume']>>): QueryList {
  return { from: rfc3339(window.from), to: rfc3339(window.to), items: items.map(queryToWire), total };
}

/** @throws TenantryError NOT_FOUND for malformed and other tenants' ids alike, before a store is asked */
export function visibleTenant(actor: Actor, id: string): TenantId {
  const own = ownTenantOf(actor);
  const tenant = own ?? (isReservedTenant(id) ? id : parseTenantId(id));
  if (tenant === undefined || tenant !== id) throw noSuchTenant();
  return tenant;
}

/** Which statements cost whom how much database time, and the slowest single calls. */
export function queryRoutes({ ports: { queries }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/queries',
      schema: {
        operationId: 'listQueries',
        tags: ['queries'],
        summary: 'The statements that cost most database time, by tenant or over all tenants',
        querystring: staffVolumeQuery,
        response: { 200: queryListSchema },
      },
      handler: async ({ query }) => {
        const { sort, limit, group_by: by } = query;
        return listToWire(await queries.volume({ window: resolveWindow(query, now()), sort, limit, by }));
      },
    });
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/queries',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listTenantQueries',
        tags: ['queries'],
        summary: "A tenant's statements that cost most database time",
        params,
        querystring: tenantVolumeQuery,
        response: { 200: queryListSchema },
      },
      handler: async (request) => {
        const { sort, limit } = request.query;
        const tenant = visibleTenant(callerOf(request).actor, request.params.id);
        const answer = await queries.volume({
          window: resolveWindow(request.query, now()),
          ...{ sort, limit, tenant, by: 'tenant' },
        });
        refuseForeignRows(
          tenant,
          answer.items.map(({ tenantId }) => tenantId ?? ''),
        );
        return listToWire(answer);
      },
    });
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/slow-queries',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listTenantSlowQueries',
        tags: ['queries'],
        summary: "A tenant's slowest database calls, each with its trace, as long as spans are kept",
        params,
        querystring: slowQuery,
        response: { 200: slowQueryListSchema },
      },
      handler: async (request) => {
        const tenantId = visibleTenant(callerOf(request).actor, request.params.id);
        const window = resolveWindow(request.query, now());
        const leastMs = request.query.min_duration_ms ?? queries.slowMs;
        const items = await queries.slow({
          ...{ tenantId, window, limit: request.query.limit },
          minDurationNs: BigInt(Math.ceil(leastMs)) * NS_PER_MS,
        });
        refuseForeignRows(
          tenantId,
          items.map((item) => item.tenantId),
        );
        return {
          from: rfc3339(window.from),
          to: rfc3339(window.to),
          min_duration_ms: leastMs,
          items: items.map(slowToWire),
        };
      },
    });
    done();
  };
}
