import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { TenantPlanStanding } from '../domain/tenant-plan.ts';
import type { ApiContext } from './context.ts';
import type { TenantPlan } from './contract.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { callerOf, narrowTo, noSuchTenant, staffOf } from './guard.ts';
import { instant, noQuery } from './parameters.ts';
import { planName } from './plans-schemas.ts';

export const newTenantPlanSchema = z
  .strictObject({
    plan: planName.nullable().describe('null: on no plan'),
    effective: z
      .union([z.enum(['now', 'period_end']), instant])
      .exactOptional()
      .describe(
        "Default: now. period_end: when the tenant's running month ends; a moment: from then on. What is to come later must be a plan that there is",
      ),
  })
  .meta({ id: 'NewTenantPlan' });

export const tenantPlanSchema = z
  .object({
    tenant_id: z.string(),
    plan: z.string().nullable().describe('On it now'),
    trial_ends_at: z.string().nullable(),
    scheduled: z
      .object({
        plan: z.string().nullable(),
        effective_from: z.string(),
        why: z.enum(['change', 'trial_end']),
        set_by: z.string(),
      })
      .nullable()
      .describe('The change that comes next; null: none'),
    history: z
      .array(z.object({ plan: z.string().nullable(), effective_from: z.string(), set_by: z.string() }))
      .describe('Newest first'),
  })
  .meta({ id: 'TenantPlan' });

/** Tenants do not learn who of the operator's people did something. */
function planToWire({ tenantId, plan, trialEndsAt, scheduled, steps }: TenantPlanStanding, reader: Actor): TenantPlan {
  const by = (subject: string) => (reader.kind === 'staff' ? subject : 'operator');
  return {
    ...{ tenant_id: tenantId, plan, trial_ends_at: nullableTime(trialEndsAt) },
    scheduled: scheduled && {
      ...{ plan: scheduled.plan, effective_from: rfc3339(scheduled.effectiveFrom), why: scheduled.why },
      set_by: by(scheduled.setBy),
    },
    history: steps.map((step) => ({
      ...{ plan: step.plan, effective_from: rfc3339(step.effectiveFrom), set_by: by(step.setBy) },
    })),
  };
}

/** A tenant's way through the plans: now, before, and what comes next. */
export function tenantPlanRoutes({ ports: { lifecycle } }: ApiContext): FastifyPluginCallbackZod {
  const params = z.object({ id: z.string() });
  const tenantOf = (text: string): TenantId => {
    const tenantId = parseTenantId(text);
    if (tenantId === undefined) throw noSuchTenant();
    return tenantId;
  };
  const standingOf = async (actor: Actor, tenantId: TenantId): Promise<TenantPlan> => {
    const standing = await lifecycle.plans.standing(actor, tenantId);
    if (standing === undefined || standing.tenantId !== tenantId) throw noSuchTenant();
    return planToWire(standing, actor);
  };
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/plan',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantPlan',
        tags: ['tenants'],
        summary: 'The plan of a tenant, those before, and the change that comes next',
        params,
        querystring: noQuery,
        response: { 200: tenantPlanSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const tenantId = tenantOf(request.params.id);
        narrowTo(actor, tenantId);
        return standingOf(actor, tenantId);
      },
    });

    app.route({
      method: 'PUT',
      url: '/v1/tenants/:id/plan',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'setTenantPlan',
        tags: ['tenants'],
        summary: 'Put a tenant on a plan, at once or later; at once, either may be new',
        params,
        querystring: noQuery,
        body: newTenantPlanSchema,
        response: { 200: tenantPlanSchema },
      },
      handler: async (request) => {
        // A tenant may have a plan before its first request, so any well-formed id will do.
        const tenantId = tenantOf(request.params.id);
        const { plan, effective = 'now' } = request.body;
        const moment = effective === 'now' || effective === 'period_end' ? effective : Date.parse(effective);
        const actor = staffOf(request);
        await lifecycle.plans.change(actor, tenantId, plan, moment);
        return standingOf(actor, tenantId);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/tenants/:id/plan/scheduled',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'cancelTenantPlan',
        tags: ['tenants'],
        summary: 'Drop the change of plan that was to come',
        params,
        querystring: noQuery,
        response: { 204: z.undefined().describe('Dropped') },
      },
      handler: async (request, reply) => {
        if (!(await lifecycle.plans.cancel(staffOf(request), tenantOf(request.params.id)))) {
          throw new TenantryError('NOT_FOUND', 'No change of plan is to come.', {
            hint: 'GET /v1/tenants/{id}/plan shows what holds.',
          });
        }
        return reply.code(204).send();
      },
    });
    done();
  };
}
