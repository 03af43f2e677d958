import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { Counter, type Registry } from 'prom-client';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { ApiContext } from './context.ts';
import { CLOUD_EVENT_TYPE, CLOUD_EVENTS_BATCH_TYPE, eventsOf, JSON_TYPE, MOST_EVENTS } from './events-parse.ts';
import { callerOf } from './guard.ts';
import { noQuery } from './parameters.ts';

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

export const cloudEventSchema = z
  .strictObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1).max(512).describe('With source what the event is known by: sent again it counts no more'),
    source: z.string().min(1).max(512),
    type: z.string().min(1).max(256).describe('What happened; meters name it'),
    subject: z.string().describe('The tenant. A key that is bound to a tenant may name no other'),
    time: z.string().nullable().exactOptional().describe('RFC 3339; absent: when it is taken in'),
    data: z.record(z.string(), z.unknown()).nullable().exactOptional().describe('What meters look into'),
  })
  .meta({
    id: 'CloudEvent',
    description: 'CloudEvents 1.0. Further attributes (lower-case letters and digits) are taken and not kept.',
  });

const batchSchema = z.array(cloudEventSchema).max(MOST_EVENTS).meta({ id: 'CloudEventBatch' });

function counters(registry: Registry) {
  const registers = [registry];
  return {
    events: new Counter({
      name: 'tenantry_usage_events_total',
      help: 'Events of POST /v1/events: accepted, repeated (known already), conflicting (known with other content)',
      labelNames: ['outcome'],
      registers,
    }),
    refused: new Counter({
      name: 'tenantry_usage_event_requests_refused_total',
      help: 'Requests of POST /v1/events that were refused, by error code',
      labelNames: ['code'],
      registers,
    }),
  };
}

/** `POST /v1/events`. The body is checked here and not by a schema, so that errors name the event, numbers keep their digits. */
export function eventRoutes({ ports: { events, registry }, now }: ApiContext): FastifyPluginCallbackZod {
  const counted = counters(registry);
  return (app, _options, done) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      [JSON_TYPE, CLOUD_EVENT_TYPE, CLOUD_EVENTS_BATCH_TYPE],
      { parseAs: 'string' },
      (_request, body, parsed) => parsed(null, body),
    );
    app.addHook('onError', async (_request, _reply, error) => {
      counted.refused.inc({ code: error instanceof TenantryError ? error.code : 'UNREADABLE' });
    });
    app.route({
      method: 'POST',
      url: '/v1/events',
      bodyLimit: BODY_LIMIT_BYTES,
      validatorCompiler: () => (value: unknown) => ({ value }),
      schema: {
        operationId: 'sendEvents',
        tags: ['meters'],
        summary: 'Take in usage events: all of the request or none, each (source, id) of a tenant once',
        querystring: noQuery,
        consumes: [CLOUD_EVENT_TYPE, CLOUD_EVENTS_BATCH_TYPE, JSON_TYPE],
        body: z.union([cloudEventSchema, batchSchema]),
        response: { 204: z.undefined().describe('On disk; events that were known already are no error') },
      },
      handler: async (request, reply) => {
        const { actor } = callerOf(request);
        const { acceptPastMs, acceptFutureMs } = events;
        const at = now();
        const taken = eventsOf(String(request.body ?? ''), request.headers['content-type'] ?? '', actor, {
          now: at,
          acceptPastMs,
          acceptFutureMs,
        });
        const { accepted, repeated, conflicting } = await events.take(taken, actor.subject, at);
        counted.events.inc({ outcome: 'accepted' }, accepted);
        counted.events.inc({ outcome: 'repeated' }, repeated);
        counted.events.inc({ outcome: 'conflicting' }, conflicting);
        return reply.code(204).send();
      },
    });
    done();
  };
}
