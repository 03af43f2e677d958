import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import type { TenantFigures } from './contract.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, ownTenantOf, refuseForeignRows } from './guard.ts';
import { instant, lineOfText, wholeNumber } from './parameters.ts';
import type { MeasuredFigures } from './ports.ts';
import { resolveWindow } from './time-range.ts';

/** More throttles in force at once than any policy allows; only bounds the join. */
const MAX_ACTIVE_THROTTLES = 10_000;
const SORTS = [
  'requests',
  'errors',
  'p95_ms',
  'db_calls',
  'db_ms',
  'ai_input_tokens',
  'ai_output_tokens',
  'ai_cost_micro',
  'cpu_seconds',
  'tenant_id',
] as const;

const count = z.number().min(0);

export const tenantFiguresSchema = z
  .object({
    tenant_id: z.string(),
    plan: z.string().nullable(),
    requests: count,
    errors: count,
    p50_ms: count.nullable().describe('null: no request in the window'),
    p95_ms: count.nullable(),
    p99_ms: count.nullable(),
    request_bytes: count,
    response_bytes: count,
    db_calls: count,
    db_ms: count,
    db_slow_calls: count,
    cache_hits: count,
    cache_misses: count,
    ai_calls: count,
    ai_input_tokens: count,
    ai_output_tokens: count,
    ai_cache_read_tokens: count,
    ai_cache_write_tokens: count,
    ai_reasoning_tokens: count,
    ai_cost_micro: z
      .int()
      .nullable()
      .describe('Micro-units of US dollars for what could be priced; null: nothing could be'),
    ai_unpriced_calls: count.describe('AI calls whose model has no known price'),
    cpu_seconds: count.nullable().describe('CPU time charged to the tenant by sampling; null: none was measured'),
    cpu_error_ratio: count.nullable().describe('Relative standard error of cpu_seconds; null: no sample'),
    requests_spark: z.array(count).describe('Requests per spark_step_seconds, oldest first'),
    throttles: z
      .array(z.object({ id: z.string(), mode: z.enum(['enforce', 'shadow']), expires_at: z.string() }))
      .describe('Throttles in force now'),
  })
  .meta({ id: 'TenantFigures' });

export const tenantListSchema = z
  .object({
    items: z.array(tenantFiguresSchema),
    next_cursor: z.string().nullable(),
    total: z.int().min(0).describe('Tenants that match, over all pages'),
    from: z.string(),
    to: z.string(),
    spark_step_seconds: z.number(),
    attributed_share: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .describe('Share of spans that carried a tenant; null: no spans, or a tenant asks'),
    data_until: z.number().nullable().describe('End of the newest minute with data, Unix milliseconds'),
  })
  .meta({ id: 'TenantList' });

const listQuery = z.strictObject({
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  sort: z.enum(SORTS).default('requests'),
  order: z.enum(['asc', 'desc']).optional().describe('Default asc for tenant_id, else desc'),
  q: lineOfText(0, 128).optional().describe('Case-insensitive part of the tenant id'),
  limit: wholeNumber(1, 1_000).default(100),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});
type ListQuery = z.infer<typeof listQuery>;

/** Which list this is and for whom: a cursor of one list is refused on another. */
function bindingOf(query: ListQuery, actor: Actor): readonly unknown[] {
  const { from, to, sort, order, q, limit } = query;
  return [
    'tenants',
    actor.kind,
    ownTenantOf(actor) ?? null,
    from ?? null,
    to ?? null,
    sort,
    order ?? null,
    q ?? null,
    limit,
  ];
}

/** Adds what the control plane knows to what was measured. */
async function withControlPlane(
  { plans, throttles }: ApiContext['ports'],
  actor: Actor,
  items: readonly MeasuredFigures[],
): Promise<TenantFigures[]> {
  const own = ownTenantOf(actor);
  const ids = items.map((item) => item.tenant_id).filter(isTenantId);
  const [planOf, active] = await Promise.all([
    plans.plans(actor, ids),
    throttles.list(actor, {
      activeOnly: true,
      limit: MAX_ACTIVE_THROTTLES,
      ...(own === undefined ? {} : { tenantId: own }),
    }),
  ]);
  refuseForeignRows(
    own,
    active.map((record) => record.flag.tenantId),
  );
  const throttlesOf = new Map<string, TenantFigures['throttles']>();
  for (const { flag } of active) {
    const throttle = { id: flag.id, mode: flag.mode, expires_at: rfc3339(flag.expiresAt) };
    throttlesOf.set(flag.tenantId, [...(throttlesOf.get(flag.tenantId) ?? []), throttle]);
  }
  return items.map((item) => ({
    ...item,
    plan: planOf.get(item.tenant_id as TenantId) ?? null,
    throttles: throttlesOf.get(item.tenant_id) ?? [],
  }));
}

export function tenantRoutes(context: ApiContext): FastifyPluginCallbackZod {
  const { ports, cursors, now } = context;

  function pageOf(query: ListQuery, actor: Actor): { window: Window; offset: number } {
    if (query.cursor === undefined) return { window: resolveWindow(query, now()), offset: 0 };
    const { from, to, offset } = cursors.open(query.cursor, bindingOf(query, actor));
    return { window: { from, to }, offset };
  }

  async function listTenants(request: FastifyRequest, query: ListQuery): Promise<z.infer<typeof tenantListSchema>> {
    const { actor } = callerOf(request);
    const onlyTenant = ownTenantOf(actor);
    const { window, offset } = pageOf(query, actor);
    const answer = await ports.figures.tenants({
      window,
      sort: query.sort,
      order: query.order ?? (query.sort === 'tenant_id' ? 'asc' : 'desc'),
      search: query.q === '' ? undefined : query.q,
      limit: query.limit,
      offset,
      onlyTenant,
    });
    refuseForeignRows(
      onlyTenant,
      answer.items.map((item) => item.tenant_id),
    );
    const items = await withControlPlane(ports, actor, answer.items);
    const end = offset + items.length;
    const isLastPage = items.length === 0 || end >= answer.total;
    return {
      items,
      next_cursor: isLastPage ? null : cursors.seal({ offset: end, ...window }, bindingOf(query, actor)),
      total: answer.total,
      from: rfc3339(window.from),
      to: rfc3339(window.to),
      spark_step_seconds: answer.sparkStepSeconds,
      // A share over all tenants' spans would tell one tenant about the others.
      attributed_share: onlyTenant === undefined ? answer.attributedShare : null,
      data_until: answer.dataUntil,
    };
  }

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/tenants',
      schema: {
        operationId: 'listTenants',
        tags: ['tenants'],
        summary: 'Key figures of every tenant that the caller may see',
        querystring: listQuery,
        response: { 200: tenantListSchema },
      },
      handler: (request) => listTenants(request, request.query),
    });
    done();
  };
}
