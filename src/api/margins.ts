import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { staffOf } from './guard.ts';
import { featureListSchema, forecastSchema, marginAnswerSchema, newFeatureListSchema } from './margins-schemas.ts';
import { instant, noQuery, tenantIdText } from './parameters.ts';
import { money } from './revenue.ts';
import type { MarginFigures, MarginSums, RevenueFeature } from './revenue-ports.ts';
import { resolveWindow } from './time-range.ts';
import { valueToWire } from './usage-convert.ts';

const PPM_PER_PERCENT = 10_000;
const time = (at: number) => new Date(at).toISOString();

function figuresToWire({ revenueMicro, costMicro, marginMicro, marginPpm, gap }: MarginFigures) {
  return {
    revenue_micro: valueToWire(revenueMicro),
    cost_micro: valueToWire(costMicro),
    margin_micro: valueToWire(marginMicro),
    margin_percent: marginPpm === null ? null : Number(marginPpm) / PPM_PER_PERCENT,
    gap,
  };
}

function sumsToWire(sums: MarginSums) {
  return {
    ...figuresToWire(sums),
    tenants: sums.tenants,
    unknown_tenants: sums.unknownTenants,
    unknown_revenue_micro: money(sums.unknownRevenueMicro),
    unknown_cost_micro: money(sums.unknownCostMicro),
  };
}

function featureToWire({ name, routes, plans }: RevenueFeature) {
  return { name, routes: routes.map(({ service, route }) => ({ service, route })), plans: [...plans] };
}

export function marginRoutes({ ports: { revenue }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/margins',
      schema: {
        operationId: 'getMargins',
        tags: ['revenue'],
        summary: 'What is left of the revenue of whole days after cost, by tenant, plan or feature',
        querystring: z.strictObject({
          from: instant.optional(),
          to: instant.optional(),
          group_by: z.enum(['tenant', 'plan', 'feature']).default('tenant'),
          feature_usage: z
            .enum(['requests', 'busy_ns', 'bytes'])
            .default('busy_ns')
            .describe("By what a tenant's cost is shared over features"),
          tenant_id: tenantIdText.optional().describe('Only its row of `tenants`; the total stays that of all'),
        }),
        response: { 200: marginAnswerSchema },
      },
      handler: async (request) => {
        const { group_by: groupBy, feature_usage: measure, tenant_id: only, ...range } = request.query;
        const answer = await revenue.margins({ window: resolveWindow(range, now()), groupBy, measure });
        return {
          from: time(answer.window.from),
          to: time(answer.window.to),
          currency: answer.currency,
          group_by: groupBy,
          total: sumsToWire(answer.total),
          tenants: answer.tenants
            .filter(({ tenantId }) => only === undefined || tenantId === only)
            .map((margin) => ({ ...figuresToWire(margin), tenant_id: margin.tenantId, plan: margin.plan })),
          plans: answer.plans.map((margin) => ({ ...sumsToWire(margin), plan: margin.plan })),
          features: answer.features.map((margin) => ({ ...figuresToWire(margin), feature: margin.feature })),
        };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/margins/features',
      schema: {
        operationId: 'listFeatures',
        tags: ['revenue'],
        summary: 'Which requests and plans belong to which feature, in the order in which they are tried',
        querystring: noQuery,
        response: { 200: featureListSchema },
      },
      handler: async (request) => ({ items: (await revenue.features(staffOf(request))).map(featureToWire) }),
    });

    app.route({
      method: 'PUT',
      url: '/v1/margins/features',
      schema: {
        operationId: 'setFeatures',
        tags: ['revenue'],
        summary: 'Say which requests and plans belong to which feature; takes the place of what was said before',
        querystring: noQuery,
        body: newFeatureListSchema,
        response: { 200: featureListSchema },
      },
      handler: async (request) => {
        await revenue.setFeatures(staffOf(request), request.body.items);
        return { items: request.body.items };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/forecasts',
      schema: {
        operationId: 'getForecast',
        tags: ['revenue'],
        summary: 'What the current month (UTC) will come to, with a range where the past allows one',
        querystring: z.strictObject({
          of: z.enum(['cost', 'revenue']).default('cost'),
          tenant_id: tenantIdText.optional(),
        }),
        response: { 200: forecastSchema },
      },
      handler: async (request) => {
        const { of, tenant_id: asked } = request.query;
        const tenant = parseTenantId(asked);
        const forecast = await revenue.forecast({ of, tenant, now: now() });
        return {
          of,
          tenant_id: tenant ?? null,
          currency: forecast.currency,
          month_from: time(forecast.monthFrom),
          month_to: time(forecast.monthTo),
          known_until: time(forecast.knownUntil),
          to_date_micro: money(forecast.toDateMicro),
          expected_micro: valueToWire(forecast.expectedMicro),
          low_micro: valueToWire(forecast.lowMicro),
          high_micro: valueToWire(forecast.highMicro),
          coverage: forecast.coverage,
          basis_days: forecast.basisDays,
          gap: forecast.gap,
        };
      },
    });
    done();
  };
}
