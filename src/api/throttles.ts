import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { ThrottleScope } from '../domain/flags.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { throttleToWire } from './convert.ts';
import { callerOf, narrowTo, noSuchTenant, refuseForeignRows, staffOf } from './guard.ts';
import { flagLifeSeconds, lineOfText, noQuery, STORED_ID, tenantIdText, wholeNumber } from './parameters.ts';

const MAX_RATE = 1_000_000;

const mode = z.enum(['enforce', 'shadow']).describe('shadow counts what it would refuse and refuses nothing');

export const throttleItemSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    scope: z.object({
      service: z.string().exactOptional(),
      route: z.string().exactOptional(),
      cost_class: z.string().exactOptional(),
    }),
    limit: z.object({
      requests_per_second: z.number(),
      burst: z.number(),
      max_concurrent: z.number().exactOptional(),
    }),
    mode,
    reason: z.string(),
    created_by: z.string(),
    created_at: z.string(),
    expires_at: z.string(),
    status: z.enum(['active', 'expired', 'lifted']),
    ended_at: z.string().nullable(),
    revision: z.int(),
    anomaly_id: z.string().nullable().describe('The finding that led to it'),
    acks: z
      .array(z.object({ instance_id: z.string(), service: z.string(), acked_at: z.string() }))
      .describe('App instances that have said they obey this revision; empty for tenant roles'),
  })
  .meta({ id: 'Throttle' });

export const throttleListSchema = z.object({ items: z.array(throttleItemSchema) }).meta({ id: 'ThrottleList' });

export const newThrottleSchema = z
  .strictObject({
    tenant_id: tenantIdText,
    scope: z
      .strictObject({
        service: lineOfText(1, 128).exactOptional(),
        route: lineOfText(1, 256).exactOptional(),
        cost_class: lineOfText(1, 64).exactOptional().describe('Class that the app gives to expensive requests'),
      })
      .exactOptional()
      .describe('What it holds for; absent: every service, route and cost class'),
    limit: z.strictObject({
      requests_per_second: z
        .number()
        .min(0)
        .max(MAX_RATE)
        .describe('Sustained rate over all instances; 0 refuses everything'),
      burst: z.int().min(1).max(MAX_RATE).describe('Requests that may come at once'),
      max_concurrent: z
        .int()
        .min(1)
        .max(MAX_RATE)
        .exactOptional()
        .describe('Requests under way at the same time over all instances; absent: as many as come'),
    }),
    mode,
    expires_in_seconds: flagLifeSeconds,
    reason: lineOfText(1, 500).describe('One sentence for people'),
  })
  .meta({ id: 'NewThrottle' });

const listQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  active: z.enum(['true', 'false']).default('false').describe('true: only those in force now'),
  limit: wholeNumber(1, 1_000).default(100),
});

type AskedScope = NonNullable<z.infer<typeof newThrottleSchema>['scope']>;
type AskedLimit = z.infer<typeof newThrottleSchema>['limit'];

function scopeOf({ cost_class: costClass, ...scope }: AskedScope): ThrottleScope {
  return { ...scope, ...(costClass === undefined ? {} : { costClass }) };
}

function limitOf({ requests_per_second: requestsPerSecond, burst, max_concurrent: maxConcurrent }: AskedLimit) {
  return { requestsPerSecond, burst, ...(maxConcurrent === undefined ? {} : { maxConcurrent }) };
}

function noSuchThrottle(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no throttle in force with this id.', {
    hint: 'GET /v1/throttles?active=true lists those in force; one that has ended cannot be lifted.',
  });
}

export function throttleRoutes({ ports: { throttles }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/throttles',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listThrottles',
        tags: ['throttles'],
        summary: 'Throttles, newest first',
        querystring: listQuery,
        response: { 200: throttleListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { tenant_id: asked, active, limit } = request.query;
        const tenantId = narrowTo(actor, asked);
        const filter = { activeOnly: active === 'true', limit, ...(tenantId === undefined ? {} : { tenantId }) };
        const records = await throttles.list(actor, filter);
        refuseForeignRows(
          tenantId,
          records.map((record) => record.flag.tenantId),
        );
        return { items: records.map((record) => throttleToWire(record, actor, now())) };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/throttles',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'createThrottle',
        tags: ['throttles'],
        summary: 'Hold a tenant back for a while; it ends by itself',
        querystring: noQuery,
        body: newThrottleSchema,
        response: { 201: throttleItemSchema },
      },
      handler: async (request, reply) => {
        const actor = staffOf(request);
        const { tenant_id: id, scope = {}, limit, mode: wanted, expires_in_seconds: seconds, reason } = request.body;
        const tenantId = parseTenantId(id);
        if (tenantId === undefined) throw noSuchTenant();
        const record = await throttles.create(actor, {
          tenantId,
          scope: scopeOf(scope),
          limit: limitOf(limit),
          mode: wanted,
          expiresInSeconds: seconds,
          reason,
        });
        return reply.code(201).send(throttleToWire(record, actor, now()));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/throttles/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'liftThrottle',
        tags: ['throttles'],
        summary: 'End a throttle before its time',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        response: { 200: throttleItemSchema },
      },
      handler: async (request) => {
        const actor = staffOf(request);
        const { id } = request.params;
        const record = STORED_ID.test(id) ? await throttles.lift(actor, id) : undefined;
        if (record === undefined) throw noSuchThrottle();
        return throttleToWire(record, actor, now());
      },
    });
    done();
  };
}
