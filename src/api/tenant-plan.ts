import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';

const PLAN_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;

export const newTenantPlanSchema = z
  .strictObject({
    plan: z
      .string()
      .regex(PLAN_NAME, 'must be a plan name: 1 to 64 letters, digits, spaces and . _ - , first a letter or digit')
      .nullable()
      .describe('null: on no plan'),
  })
  .meta({ id: 'NewTenantPlan' });

export const tenantPlanSchema = z
  .object({ tenant_id: z.string(), plan: z.string().nullable() })
  .meta({ id: 'TenantPlan' });

export function tenantPlanRoutes({ ports: { plans } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'PUT',
      url: '/v1/tenants/:id/plan',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'setTenantPlan',
        tags: ['tenants'],
        summary: 'Put a tenant on a plan; either may be new',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        body: newTenantPlanSchema,
        response: { 200: tenantPlanSchema },
      },
      handler: async (request) => {
        // A tenant may have a plan before its first request, so any well-formed id will do.
        const tenantId = parseTenantId(request.params.id);
        if (tenantId === undefined) throw noSuchTenant();
        const { plan } = request.body;
        await plans.setPlan(staffOf(request), tenantId, plan);
        return { tenant_id: tenantId, plan };
      },
    });
    done();
  };
}
