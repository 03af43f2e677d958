import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { Counter } from 'prom-client';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import {
  type BreakerOrder,
  type BreakerOverview,
  ERROR_CLASS_PATTERN,
  EVERY_TENANT,
  INTEGRATION_PATTERN,
  REPORT_MAX_BREAKERS,
  REPORT_MAX_OPENINGS,
} from '../domain/breaker.ts';
import { TenantryError } from '../domain/errors.ts';
import { isTenantId, parseTenantId, UNKNOWN_TENANT } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import type { BreakerItem, BreakerOrderItem } from './contract.ts';
import { flagStatus, nullableTime, rfc3339 } from './convert.ts';
import { ORDER_REASON_FOR_TENANT } from './customer-words.ts';
import { callerOf, narrowTo, noSuchTenant, ownTenantOf, refuseForeignRows, staffOf } from './guard.ts';
import { flagLifeSeconds, lineOfText, noQuery, STORED_ID, tenantIdText, wholeNumber } from './parameters.ts';

/** 200 breakers with the longest names and twenty openings each come to about 250 KB. */
const REPORT_LIMIT_BYTES = 320 * 1_024;
/** Ages beyond this are of a clock gone wrong; also keeps times within what the store can hold. */
const MAX_AGE_MS = 366 * 86_400_000;

const integration = z
  .string()
  .regex(INTEGRATION_PATTERN, 'must be 1 to 64 letters, digits and . _ -, first a letter or digit');
const phase = z.enum(['closed', 'open', 'half_open']);
const orderState = z.enum(['auto', 'open', 'closed']);
const count = z.int().min(0);
const age = z.number().min(0).max(MAX_AGE_MS);

export const breakerReportSchema = z
  .strictObject({
    instance_id: lineOfText(1, 128),
    service: lineOfText(1, 128),
    lost: count.describe('Changes that the instance could not tell since its last report that arrived'),
    breakers: z
      .array(
        // What a newer middleware says beside is passed over: apps and servers are not upgraded at the same moment.
        z.object({
          tenant_id: z
            .string()
            .refine((id) => isTenantId(id) || id === EVERY_TENANT || id === UNKNOWN_TENANT, 'must be a tenant id'),
          integration,
          state: phase,
          since_ms: age,
          calls: count,
          failures: count,
          last_error: z.string().regex(ERROR_CLASS_PATTERN, 'must be a class of errors, not a text').exactOptional(),
          openings: z.array(z.object({ number: count, ms_ago: age })).max(REPORT_MAX_OPENINGS),
        }),
      )
      .max(REPORT_MAX_BREAKERS),
  })
  .meta({ id: 'BreakerReport' });

export const breakerReceiptSchema = z.object({ accepted: z.int(), refused: z.int() }).meta({ id: 'BreakerReceipt' });

export const breakerOrderSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    integration: z.string(),
    state: orderState,
    reason: z.string(),
    created_by: z.string(),
    created_at: z.string(),
    expires_at: z.string(),
    status: z.enum(['active', 'expired', 'lifted']),
    ended_at: z.string().nullable(),
    revision: z.int(),
  })
  .meta({ id: 'BreakerOrder' });

export const newBreakerOrderSchema = z
  .strictObject({
    tenant_id: tenantIdText,
    integration,
    state: orderState.describe('auto: the breaker judges by itself, as without an order'),
    expires_in_seconds: flagLifeSeconds,
    reason: lineOfText(1, 500).describe('One sentence for people'),
  })
  .meta({ id: 'NewBreakerOrder' });

export const breakerItemSchema = z
  .object({
    tenant_id: z.string(),
    integration: z.string(),
    state: phase.describe('An order in force, else the worst that an app instance reports'),
    instances: z.object({ closed: z.int(), open: z.int(), half_open: z.int() }).nullable(),
    services: z.array(z.string()),
    since: z.string().nullable(),
    calls: z.int(),
    failures: z.int(),
    last_error: z.string().nullable().describe('A class of errors, never a message'),
    reported_at: z.string().nullable(),
    order: breakerOrderSchema.nullable(),
    flapping: z
      .object({
        instances: z.int(),
        openings: z.int(),
        window_seconds: z.int(),
        since: z.string(),
        reason: z.string(),
        offer: z.object({ state: z.literal('open'), expires_in_seconds: z.int() }),
      })
      .nullable()
      .describe('Opens and closes over and over; nothing is done about it unless somebody orders it'),
  })
  .meta({ id: 'Breaker' });

export const breakerListSchema = z
  .object({ items: z.array(breakerItemSchema), total: z.int() })
  .meta({ id: 'BreakerList' });

const listQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  integration: integration.optional(),
  state: phase.optional(),
  limit: wholeNumber(1, 1_000).default(100),
});

function orderToWire(order: BreakerOrder, reader: Actor, now: number): BreakerOrderItem {
  return {
    id: order.id,
    tenant_id: order.tenantId,
    integration: order.integration,
    state: order.state,
    reason: reader.kind === 'tenant' ? ORDER_REASON_FOR_TENANT : order.reason,
    created_by: reader.kind === 'tenant' ? 'operator' : order.createdBy,
    created_at: rfc3339(order.createdAt),
    expires_at: rfc3339(order.expiresAt),
    ...flagStatus(order, now),
    revision: order.revision,
  };
}

/** As `reader` may see it: tenants learn what their breakers do, not what the operator's instances look like. */
function breakerToWire(overview: BreakerOverview, reader: Actor, now: number): BreakerItem {
  const isTenant = reader.kind === 'tenant';
  const { flapping, order, instances } = overview;
  return {
    tenant_id: overview.tenantId,
    integration: overview.integration,
    state: overview.state,
    instances: isTenant ? null : { ...instances },
    services: isTenant ? [] : [...overview.services],
    since: nullableTime(overview.since),
    calls: overview.calls,
    failures: overview.failures,
    last_error: isTenant ? null : overview.lastError,
    reported_at: nullableTime(overview.reportedAt),
    order: order === null ? null : orderToWire(order, reader, now),
    flapping:
      isTenant || flapping === null
        ? null
        : {
            instances: flapping.instances,
            openings: flapping.openings,
            window_seconds: flapping.windowSeconds,
            since: rfc3339(flapping.since),
            reason: flapping.reason,
            offer: { state: flapping.offer.state, expires_in_seconds: flapping.offer.expiresInSeconds },
          },
  };
}

function noSuchOrder(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no order in force with this id.', {
    hint: 'GET /v1/breakers shows the orders in force; one that has ended cannot be lifted.',
  });
}

export function breakerRoutes({ ports: { breakers, registry }, now }: ApiContext): FastifyPluginCallbackZod {
  const lostChanges = new Counter({
    name: 'tenantry_breaker_changes_lost_total',
    help: 'Changes of breakers that app instances could not tell: too many at once, or refused',
    registers: [registry],
  });
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/breakers',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listBreakers',
        tags: ['breakers'],
        summary: 'Circuit breakers by tenant and integration over all app instances; what is open first',
        querystring: listQuery,
        response: { 200: breakerListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { tenant_id: asked, integration: name, state, limit } = request.query;
        const tenantId = narrowTo(actor, asked);
        const filter = {
          ...(tenantId === undefined ? {} : { tenantId }),
          ...(name === undefined ? {} : { integration: name }),
        };
        const all = await breakers.list(actor, filter, now());
        refuseForeignRows(
          tenantId,
          all.map((breaker) => breaker.tenantId),
        );
        const matching = all.filter((breaker) => state === undefined || breaker.state === state);
        const items = matching.slice(0, limit).map((breaker) => breakerToWire(breaker, actor, now()));
        return { items, total: matching.length };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/breakers/reports',
      bodyLimit: REPORT_LIMIT_BYTES,
      schema: {
        operationId: 'reportBreakers',
        tags: ['breakers'],
        summary: 'What one app instance says of its breakers: those that changed or are not closed, with ages',
        querystring: noQuery,
        body: breakerReportSchema,
        response: { 200: breakerReceiptSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        if (actor.kind !== 'key') throw new TenantryError('FORBIDDEN', 'Only app instances report breakers.');
        const own = ownTenantOf(actor);
        const mine = request.body.breakers.filter(({ tenant_id: id }) => own === undefined || id === own);
        await breakers.report(actor.subject, { ...request.body, breakers: mine });
        lostChanges.inc(request.body.lost);
        return { accepted: mine.length, refused: request.body.breakers.length - mine.length };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/breakers/orders',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'orderBreaker',
        tags: ['breakers'],
        summary: "Force one tenant's breaker open or closed, or back to its own judgement, for a while",
        querystring: noQuery,
        body: newBreakerOrderSchema,
        response: { 201: breakerOrderSchema },
      },
      handler: async (request, reply) => {
        const actor = staffOf(request);
        const { tenant_id: id, expires_in_seconds: expiresInSeconds, ...order } = request.body;
        const tenantId = parseTenantId(id);
        if (tenantId === undefined) throw noSuchTenant();
        const made = await breakers.order(actor, { ...order, tenantId, expiresInSeconds });
        return reply.code(201).send(orderToWire(made, actor, now()));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/breakers/orders/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'liftBreakerOrder',
        tags: ['breakers'],
        summary: 'End an order before its time: the breaker judges by itself again',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        response: { 200: breakerOrderSchema },
      },
      handler: async (request) => {
        const actor = staffOf(request);
        const { id } = request.params;
        const lifted = STORED_ID.test(id) ? await breakers.lift(actor, id) : undefined;
        if (lifted === undefined) throw noSuchOrder();
        return orderToWire(lifted, actor, now());
      },
    });
    done();
  };
}
