import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { isReservedTenant, parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import type { MetricGroup, MetricName } from './contract.ts';
import { callerOf, noSuchTenant, ownTenantOf } from './guard.ts';
import { instant, wholeNumber } from './parameters.ts';
import { resolveStep, resolveWindow } from './time-range.ts';

const HTTP_GROUPS = ['service', 'route'] as const;
const DB_GROUPS = ['db_system', 'db_operation'] as const;
const CACHE_GROUPS = ['service'] as const;
const RESOURCE_GROUPS = ['service'] as const;
const AI_GROUPS = ['provider', 'model', 'operation'] as const;

/** Every metric and what it can be grouped by. */
export const METRIC_GROUPS = {
  requests: HTTP_GROUPS,
  errors: HTTP_GROUPS,
  error_rate: HTTP_GROUPS,
  p50_ms: HTTP_GROUPS,
  p95_ms: HTTP_GROUPS,
  p99_ms: HTTP_GROUPS,
  request_bytes: HTTP_GROUPS,
  response_bytes: HTTP_GROUPS,
  db_calls: DB_GROUPS,
  db_ms: DB_GROUPS,
  db_slow_calls: DB_GROUPS,
  cache_hits: CACHE_GROUPS,
  cache_misses: CACHE_GROUPS,
  ai_calls: AI_GROUPS,
  ai_input_tokens: AI_GROUPS,
  ai_output_tokens: AI_GROUPS,
  ai_cache_read_tokens: AI_GROUPS,
  ai_cache_write_tokens: AI_GROUPS,
  ai_reasoning_tokens: AI_GROUPS,
  cpu_seconds: RESOURCE_GROUPS,
  cpu_samples: RESOURCE_GROUPS,
  event_loop_seconds: RESOURCE_GROUPS,
  network_receive_bytes: RESOURCE_GROUPS,
  network_transmit_bytes: RESOURCE_GROUPS,
  memory_allocated_bytes: RESOURCE_GROUPS,
  resource_points_not_added: RESOURCE_GROUPS,
} as const satisfies Record<MetricName, readonly MetricGroup[]>;

const METRICS = Object.keys(METRIC_GROUPS) as MetricName[];
const GROUPS = [...HTTP_GROUPS, ...DB_GROUPS, ...AI_GROUPS] as const;
const UNITS = [
  'requests',
  'ratio',
  'ms',
  'bytes',
  'calls',
  'tokens',
  'lookups',
  'seconds',
  'samples',
  'points',
] as const;

export const metricSeriesSchema = z
  .object({
    metric: z.enum(METRICS),
    unit: z.enum(UNITS),
    step_seconds: z.number(),
    series: z.array(
      z.object({
        group: z.partialRecord(z.enum(GROUPS), z.string()),
        points: z
          .array(z.tuple([z.number(), z.number().nullable()]))
          .describe('[start of the step in Unix milliseconds, value]; null: no measurement'),
      }),
    ),
  })
  .meta({ id: 'MetricSeries' });

const step = wholeNumber(60, 86_400).refine((seconds) => seconds % 60 === 0, 'must be a multiple of 60');

const metricsQuery = z.strictObject({
  metric: z.enum(METRICS),
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  step: step.optional().describe('Seconds per point, a multiple of 60; default gives at most 500 points'),
  group_by: z.enum(GROUPS).optional().describe('One series per value; each metric has its own groups'),
});

function checkGroup(metric: MetricName, group: MetricGroup | undefined): void {
  const groups: readonly MetricGroup[] = METRIC_GROUPS[metric];
  if (group === undefined || groups.includes(group)) return;
  throw new TenantryError('BAD_REQUEST', `query parameter "group_by": ${metric} cannot be grouped by ${group}`, {
    hint: `Allowed for ${metric}: ${groups.join(', ')}.`,
  });
}

export function tenantMetricsRoutes({ ports, now }: ApiContext): FastifyPluginCallbackZod {
  /** Tenants may be known by a row of the control plane or by their telemetry alone. */
  async function isKnown(actor: Actor, tenant: TenantId, window: Window): Promise<boolean> {
    try {
      if (!isReservedTenant(tenant) && (await ports.plans.exists(actor, tenant))) return true;
    } catch (error) {
      // Figures stay readable while the control plane is down.
      if (!(error instanceof TenantryError && error.code === 'STORE_UNAVAILABLE')) throw error;
      return true;
    }
    const measured = await ports.figures.tenants({
      window,
      sort: 'tenant_id',
      order: 'asc',
      search: undefined,
      limit: 1,
      offset: 0,
      onlyTenant: tenant,
    });
    return measured.total > 0;
  }

  /** @throws TenantryError NOT_FOUND for malformed, absent and other tenants' ids alike, before a store is asked */
  async function visibleTenant(actor: Actor, id: string, window: Window): Promise<TenantId> {
    const own = ownTenantOf(actor);
    if (own !== undefined) {
      if (id !== own) throw noSuchTenant();
      return own;
    }
    const tenant = isReservedTenant(id) ? id : parseTenantId(id);
    if (tenant === undefined || !(await isKnown(actor, tenant, window))) throw noSuchTenant();
    return tenant;
  }

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/metrics',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantMetric',
        tags: ['tenants'],
        summary: 'One metric of one tenant over time',
        params: z.object({ id: z.string().describe('Tenant id') }),
        querystring: metricsQuery,
        response: { 200: metricSeriesSchema },
      },
      handler: async (request) => {
        const { metric, group_by: groupBy } = request.query;
        checkGroup(metric, groupBy);
        const window = resolveWindow(request.query, now());
        const stepSeconds = resolveStep(window, request.query.step);
        const tenantId = await visibleTenant(callerOf(request).actor, request.params.id, window);
        return ports.figures.metric({ tenantId, metric, window, stepSeconds, groupBy });
      },
    });
    done();
  };
}
