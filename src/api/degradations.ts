import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { type DegradeOrder, ORDERED_STEPS } from '../domain/degrade-order.ts';
import { TenantryError } from '../domain/errors.ts';
import { DEGRADE_STEPS } from '../domain/flags.ts';
import { isDegradeFeature } from '../domain/spend.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { flagStatus, rfc3339 } from './convert.ts';
import { degradationReasonForTenant } from './customer-words.ts';
import type { DegradationItem } from './degradation-contract.ts';
import { callerOf, narrowTo, noSuchTenant, refuseForeignRows, staffOf } from './guard.ts';
import { flagLifeSeconds, lineOfText, noQuery, tenantIdText, UUID, wholeNumber } from './parameters.ts';

const feature = z
  .string()
  .refine(
    isDegradeFeature,
    'must be ai, ai.key.<key>, ai.model.<model> or ai.key.<key>.model.<model>: what apps ask for',
  )
  .describe('ai: all of it; or the part that is counted for one key or model, as caps name them');

export const degradationSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    feature: z.string(),
    step: z.enum(DEGRADE_STEPS),
    automatic: z.boolean().describe('It follows from a spend cap; else a person has ordered it'),
    reason: z.string(),
    created_by: z.string(),
    created_at: z.string(),
    expires_at: z.string(),
    status: z.enum(['active', 'expired', 'lifted']),
    ended_at: z.string().nullable(),
    revision: z.int(),
  })
  .meta({ id: 'Degradation' });

export const degradationListSchema = z
  .object({ items: z.array(degradationSchema), total: z.int() })
  .meta({ id: 'DegradationList' });

export const newDegradationSchema = z
  .strictObject({
    tenant_id: tenantIdText,
    feature,
    step: z
      .enum(ORDERED_STEPS, {
        error: ({ input }) =>
          input === 'ok'
            ? 'ok is no order: lift what is in force, DELETE /v1/degradations/{id}'
            : `must be one of ${ORDERED_STEPS.join(', ')}`,
      })
      .describe('warn: apps may tell the user; cached_only: answers from stored results; blocked: calls are refused'),
    expires_in_seconds: flagLifeSeconds,
    reason: lineOfText(1, 500).describe('One sentence for people'),
  })
  .meta({ id: 'NewDegradation' });

const listQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  limit: wholeNumber(1, 1_000).default(100),
});

/** As `reader` may see it: tenants learn what is taken from them and for how long, not what staff wrote. */
function toWire(order: DegradeOrder, reader: Actor, now: number): DegradationItem {
  const isTenant = reader.kind === 'tenant';
  return {
    id: order.id,
    tenant_id: order.tenantId,
    feature: order.feature,
    step: order.step,
    automatic: order.automatic,
    reason: isTenant ? degradationReasonForTenant(order) : order.reason,
    created_by: isTenant ? 'operator' : order.createdBy,
    created_at: rfc3339(order.createdAt),
    expires_at: rfc3339(order.expiresAt),
    ...flagStatus(order, now),
    revision: order.revision,
  };
}

function noSuchDegradation(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no degradation in force with this id.', {
    hint: 'GET /v1/degradations shows those in force; one that has ended cannot be lifted.',
  });
}

export function degradationRoutes({ ports: { degradations }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/degradations',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listDegradations',
        tags: ['degradations'],
        summary: 'Features that are taken from tenants now, by people and by spend caps; newest first',
        querystring: listQuery,
        response: { 200: degradationListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { tenant_id: asked, limit } = request.query;
        const tenantId = narrowTo(actor, asked);
        const all = await degradations.list(actor, tenantId === undefined ? {} : { tenantId });
        refuseForeignRows(
          tenantId,
          all.map((one) => one.tenantId),
        );
        return { items: all.slice(0, limit).map((one) => toWire(one, actor, now())), total: all.length };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/degradations',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'orderDegradation',
        tags: ['degradations'],
        summary: 'Take a feature from one tenant for a while; takes the place of what holds for that feature',
        description:
          'Also of what a spend cap has set, stricter or milder. The cap goes on refusing calls beyond its amount, and ' +
          'sets its own step again when the order is over.',
        querystring: noQuery,
        body: newDegradationSchema,
        response: { 201: degradationSchema },
      },
      handler: async (request, reply) => {
        const actor = staffOf(request);
        const { tenant_id: id, expires_in_seconds: expiresInSeconds, ...order } = request.body;
        const tenantId = parseTenantId(id);
        if (tenantId === undefined) throw noSuchTenant();
        const made = await degradations.order(actor, { ...order, tenantId, expiresInSeconds });
        return reply.code(201).send(toWire(made, actor, now()));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/degradations/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'liftDegradation',
        tags: ['degradations'],
        summary: 'End a degradation before its time; one that a spend cap has set does not come back in its period',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        response: { 200: degradationSchema },
      },
      handler: async (request) => {
        const actor = staffOf(request);
        const { id } = request.params;
        const lifted = UUID.test(id) ? await degradations.lift(actor, id) : undefined;
        if (lifted === undefined) throw noSuchDegradation();
        return toWire(lifted, actor, now());
      },
    });
    done();
  };
}
