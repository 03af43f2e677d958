import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { DEFAULT_SPEND_LADDER, type SpendCapTerms } from '../domain/spend.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import type { CapItem } from './contract.ts';
import { callerOf, narrowTo, noSuchTenant, ownTenantOf, refuseForeignRows, staffOf } from './guard.ts';
import { noQuery, tenantIdText, wholeNumber } from './parameters.ts';
import { capToWire, planCapToWire } from './spend-convert.ts';
import {
  capItemSchema,
  capListSchema,
  newCapSchema,
  period,
  planCapListSchema,
  planCapSchema,
  spendLabel,
} from './spend-schemas.ts';

const PLAN_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;
const planName = z
  .string()
  .regex(PLAN_NAME, 'must be a plan name: 1 to 64 letters, digits, spaces and . _ - , first a letter or digit');
/** A tenant has a handful of caps; only bounds the look for the one just written. */
const CAPS_OF_A_TENANT = 1_000;

const which = z.strictObject({ period, key: spendLabel.exactOptional(), model: spendLabel.exactOptional() });
const listQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  limit: wholeNumber(1, 200).default(100),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});

/** A cap as it was sent, with what is left out at its default. */
export function capTermsOf(body: z.infer<typeof newCapSchema>, timeZone: string): SpendCapTerms {
  return {
    period: body.period,
    amountMicro: body.amount_micro,
    currency: body.currency,
    key: body.key ?? null,
    model: body.model ?? null,
    timeZone: body.time_zone ?? timeZone,
    ladder: body.ladder ?? DEFAULT_SPEND_LADDER,
    onUnavailable: body.on_unavailable ?? 'open',
    onUnpriced: body.on_unpriced ?? 'allow',
  };
}

function noSuchCap(where: string): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no cap for this period, key and model here.', {
    hint: `${where} lists those that there are; a cap that comes from a plan is removed from the plan.`,
  });
}

export function capRoutes({ ports: { caps }, cursors }: ApiContext): FastifyPluginCallbackZod {
  /** The cap just written, as GET would show it. */
  async function itemOf(actor: Actor, tenantId: TenantId, terms: SpendCapTerms): Promise<CapItem> {
    const all = await caps.standing(actor, { tenants: [tenantId], offset: 0, limit: CAPS_OF_A_TENANT });
    const own = all.find(
      ({ cap }) =>
        cap.plan === null && cap.period === terms.period && cap.key === terms.key && cap.model === terms.model,
    );
    if (own === undefined) throw noSuchCap('GET /v1/caps');
    return capToWire(own, actor);
  }

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/caps',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listCaps',
        tags: ['spend'],
        summary: 'AI spend caps in force, with what their current periods have cost and when they will be met',
        querystring: listQuery,
        response: { 200: capListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { tenant_id: asked, limit, cursor } = request.query;
        const tenantId = narrowTo(actor, asked);
        const binding = ['caps', actor.kind, ownTenantOf(actor) ?? null, asked ?? null, limit];
        const offset = cursor === undefined ? 0 : cursors.open(cursor, binding).offset;
        const page = { offset, limit: limit + 1, ...(tenantId === undefined ? {} : { tenants: [tenantId] }) };
        const standings = await caps.standing(actor, page);
        refuseForeignRows(
          tenantId,
          standings.map(({ cap }) => cap.tenantId),
        );
        const isLast = standings.length <= limit;
        return {
          items: standings.slice(0, limit).map((standing) => capToWire(standing, actor)),
          next_cursor: isLast ? null : cursors.seal({ offset: offset + limit, from: 0, to: 0 }, binding),
        };
      },
    });

    app.route({
      method: 'PUT',
      url: '/v1/caps/:tenant_id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'setCap',
        tags: ['spend'],
        summary: "Set a tenant's cap for a period, and for one key or model where named",
        params: z.object({ tenant_id: z.string() }),
        querystring: noQuery,
        body: newCapSchema,
        response: { 200: capItemSchema },
      },
      handler: async (request) => {
        const actor = staffOf(request);
        const tenantId = parseTenantId(request.params.tenant_id);
        if (tenantId === undefined) throw noSuchTenant();
        const terms = capTermsOf(request.body, caps.timeZone);
        await caps.put(actor, tenantId, terms);
        return itemOf(actor, tenantId, terms);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/caps/:tenant_id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'removeCap',
        tags: ['spend'],
        summary: "Take a tenant's own cap away; what was counted stays",
        params: z.object({ tenant_id: z.string() }),
        querystring: which,
        response: { 204: z.undefined().describe('Removed') },
      },
      handler: async (request, reply) => {
        const actor = staffOf(request);
        const tenantId = parseTenantId(request.params.tenant_id);
        if (tenantId === undefined) throw noSuchTenant();
        const { period: asked, key = null, model = null } = request.query;
        if (!(await caps.remove(actor, tenantId, { period: asked, key, model }))) throw noSuchCap('GET /v1/caps');
        return reply.code(204).send();
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/plan-caps',
      schema: {
        operationId: 'listPlanCaps',
        tags: ['spend'],
        summary: 'AI spend caps of plans, which hold for each tenant of the plan alone',
        querystring: noQuery,
        response: { 200: planCapListSchema },
      },
      handler: async (request) => ({ items: (await caps.listForPlans(staffOf(request))).map(planCapToWire) }),
    });

    app.route({
      method: 'PUT',
      url: '/v1/plan-caps/:plan',
      schema: {
        operationId: 'setPlanCap',
        tags: ['spend'],
        summary: 'Set a cap for every tenant of a plan that has none of its own',
        params: z.object({ plan: planName }),
        querystring: noQuery,
        body: newCapSchema,
        response: { 200: planCapSchema },
      },
      handler: async (request) =>
        planCapToWire(
          await caps.putForPlan(staffOf(request), request.params.plan, capTermsOf(request.body, caps.timeZone)),
        ),
    });

    app.route({
      method: 'DELETE',
      url: '/v1/plan-caps/:plan',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'removePlanCap',
        tags: ['spend'],
        summary: 'Take a cap of a plan away',
        params: z.object({ plan: planName }),
        querystring: which,
        response: { 204: z.undefined().describe('Removed') },
      },
      handler: async (request, reply) => {
        const { period: asked, key = null, model = null } = request.query;
        const removed = await caps.removeForPlan(staffOf(request), request.params.plan, { period: asked, key, model });
        if (!removed) throw noSuchCap('GET /v1/plan-caps');
        return reply.code(204).send();
      },
    });
    done();
  };
}
