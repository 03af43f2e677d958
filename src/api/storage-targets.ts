import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { ApiContext } from './context.ts';
import { staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import { settingsFromWire, storageTargetToWire } from './storage-convert.ts';
import { newStorageTargetSchema, storageTargetListSchema, storageTargetSchema } from './storage-schemas.ts';

const params = z.object({ id: z.string() });

function noSuchTarget(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no storage target with this id.', {
    hint: 'GET /v1/storage/targets lists the targets.',
  });
}

/** What is asked how much tenants store. Only admins say where this server connects to. */
export function storageTargetRoutes({ ports: { storage } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/storage/targets',
      schema: {
        operationId: 'listStorageTargets',
        tags: ['storage'],
        summary: 'Databases, buckets and vector stores that are measured, and how their last run went',
        querystring: noQuery,
        response: { 200: storageTargetListSchema },
      },
      handler: async (request) => ({ items: (await storage.targets(staffOf(request))).map(storageTargetToWire) }),
    });

    app.route({
      method: 'POST',
      url: '/v1/storage/targets',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'createStorageTarget',
        tags: ['storage'],
        summary: 'Have a database, bucket or vector store measured; secrets are named by where they are kept',
        querystring: noQuery,
        body: newStorageTargetSchema,
        response: { 201: storageTargetSchema },
      },
      handler: async (request, reply) => {
        const { name, kind, interval_seconds: intervalSeconds, settings } = request.body;
        const target = await storage.createTarget(staffOf(request), {
          name,
          intervalSeconds,
          settings: settingsFromWire(kind, settings),
        });
        return reply.code(201).send(storageTargetToWire({ target, run: undefined }));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/storage/targets/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'deleteStorageTarget',
        tags: ['storage'],
        summary: 'Have it measured no more; what was measured stays',
        params,
        querystring: noQuery,
        response: { 204: z.undefined().describe('It is gone') },
      },
      handler: async (request, reply) => {
        if (!(await storage.removeTarget(staffOf(request), request.params.id))) throw noSuchTarget();
        return reply.code(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/storage/targets/:id/collect',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'collectStorage',
        tags: ['storage'],
        summary: 'Have it measured as soon as may be, whenever it was measured last',
        params,
        querystring: noQuery,
        response: { 202: z.object({ asked: z.literal(true) }) },
      },
      handler: async (request, reply) => {
        if (!(await storage.collect(staffOf(request), request.params.id))) throw noSuchTarget();
        return reply.code(202).send({ asked: true });
      },
    });
    done();
  };
}
