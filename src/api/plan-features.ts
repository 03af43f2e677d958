import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { includesFeature, PLAN_FEATURE_NAMES, PLAN_FEATURES } from '../domain/plan-features.ts';
import type { ApiContext } from './context.ts';
import { oneTenantOf, personOf } from './guard.ts';
import { tenantIdText } from './parameters.ts';

export const planFeatureListSchema = z
  .object({
    tenant_id: z.string(),
    plan: z.string().nullable(),
    items: z.array(
      z.object({
        feature: z.enum(PLAN_FEATURE_NAMES),
        about: z.string(),
        included: z.boolean().describe('false: routes that need it answer PLAN_LACKS_FEATURE'),
      }),
    ),
  })
  .meta({ id: 'PlanFeatureList' });

export function planFeatureRoutes({ ports: { planFeatures } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/plan-features',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listPlanFeatures',
        tags: ['tenants'],
        summary: "Which of Tenantry's features a tenant's plan includes for the tenant's own people",
        querystring: z.strictObject({
          tenant_id: tenantIdText.optional().describe("Needed from the operator's people"),
        }),
        response: { 200: planFeatureListSchema },
      },
      handler: async (request) => {
        const tenantId = oneTenantOf(personOf(request), request.query.tenant_id);
        const included = await planFeatures.of(tenantId);
        const items = PLAN_FEATURE_NAMES.map((feature) => ({
          ...{ feature, about: PLAN_FEATURES[feature], included: includesFeature(included, feature) },
        }));
        return { tenant_id: tenantId, plan: included.plan, items };
      },
    });
    done();
  };
}
