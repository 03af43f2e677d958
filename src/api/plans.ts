import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { ApiContext } from './context.ts';
import type { PlanItem } from './contract.ts';
import { staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import { planTermsOf, planToWire } from './plans-convert.ts';
import { newPlanTermsSchema, planItemSchema, planListSchema, planName } from './plans-schemas.ts';

/** What plans include: quotas, rates, features and price, each version from its moment on. */
export function planRoutes({ ports: { sales }, now }: ApiContext): FastifyPluginCallbackZod {
  async function planOf(actor: StaffActor, plan: string): Promise<PlanItem> {
    const [record] = await sales.plans.list(actor, plan);
    if (record !== undefined) return planToWire(record, now());
    throw new TenantryError('NOT_FOUND', 'There is no such plan.', { hint: 'GET /v1/plans lists them.' });
  }

  return (app, _options, done) => {
    app.get(
      '/v1/plans',
      {
        schema: {
          operationId: 'listPlans',
          tags: ['plans'],
          summary: 'Plans with what they include, now and before',
          querystring: noQuery,
          response: { 200: planListSchema },
        },
      },
      async (request) => ({ items: (await sales.plans.list(staffOf(request))).map((plan) => planToWire(plan, now())) }),
    );
    app.get(
      '/v1/plans/:plan',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'getPlan',
          tags: ['plans'],
          summary: 'One plan with what it includes, now and before',
          params: z.object({ plan: planName }),
          querystring: noQuery,
          response: { 200: planItemSchema },
        },
      },
      (request) => planOf(staffOf(request), request.params.plan),
    );
    app.put(
      '/v1/plans/:plan',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'setPlan',
          tags: ['plans'],
          summary: 'Say what a plan includes from a moment on; what held before stays and judges the past',
          params: z.object({ plan: planName }),
          querystring: noQuery,
          body: newPlanTermsSchema,
          response: { 200: planItemSchema },
        },
      },
      async (request) => {
        const { effective_from: from, ...body } = request.body;
        const actor = staffOf(request);
        const begin = from === undefined ? undefined : Date.parse(from);
        await sales.plans.put(actor, request.params.plan, planTermsOf(body), begin);
        return planOf(actor, request.params.plan);
      },
    );
    done();
  };
}
