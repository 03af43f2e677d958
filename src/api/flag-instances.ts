import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiContext } from './context.ts';
import type { FlagInstanceItem } from './contract.ts';
import { rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import type { FlagInstance } from './ports.ts';

const flagInstanceSchema = z
  .object({
    service: z.string(),
    instance_id: z.string(),
    transport: z.enum(['stream', 'poll']),
    connected_at: z.string(),
    last_seen_at: z.string(),
    live: z.boolean().describe('Counted when a limit is split; false: gone for more than 30 s'),
    acked_revision: z.int().nullable().describe('Newest revision that it said it obeys'),
    acked_at: z.string().nullable(),
    up_to_date: z.boolean().describe('Whether that is the newest there is'),
  })
  .meta({ id: 'FlagInstance' });

export const flagInstanceListSchema = z
  .object({ revision: z.int().describe('The newest revision of the flags'), items: z.array(flagInstanceSchema) })
  .meta({ id: 'FlagInstanceList' });

function toWire(instance: FlagInstance, revision: number): FlagInstanceItem {
  const { ackedRevision, ackedAt } = instance;
  return {
    service: instance.service,
    instance_id: instance.instanceId,
    transport: instance.transport,
    connected_at: rfc3339(instance.connectedAt),
    last_seen_at: rfc3339(instance.seenAt),
    live: instance.isLive,
    acked_revision: ackedRevision,
    acked_at: ackedAt === null ? null : rfc3339(ackedAt),
    up_to_date: ackedRevision !== null && ackedRevision >= revision,
  };
}

export function flagInstanceRoutes({ ports: { instances } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/flags/instances',
      schema: {
        operationId: 'listFlagInstances',
        tags: ['flags'],
        summary: 'App instances that read flags, and which revision each of them obeys',
        querystring: noQuery,
        response: { 200: flagInstanceListSchema },
      },
      handler: async (request) => {
        const { revision, instances: found } = await instances.list(staffOf(request));
        return { revision, items: found.map((instance) => toWire(instance, revision)) };
      },
    });
    done();
  };
}
