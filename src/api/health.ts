import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { ApiContext } from './context.ts';
import { noQuery } from './parameters.ts';
import type { HealthPart } from './ports.ts';
import { PROBLEM_TYPE, problemOf, problemSchema } from './problem.ts';

/** A part that hangs is a part that does not work. */
const HEALTH_TIMEOUT_MS = 3_000;

const partSchema = z.object({
  name: z.string(),
  ok: z.boolean(),
  detail: z.string().exactOptional().describe('For staff only'),
});

const readySchema = z.object({ status: z.literal('ready'), parts: z.array(partSchema) }).meta({ id: 'Ready' });

const notReadySchema = problemSchema.extend({ parts: z.array(partSchema) }).meta({ id: 'NotReady' });

async function partsWithin(ms: number, ask: () => Promise<readonly HealthPart[]>): Promise<readonly HealthPart[]> {
  const failed = (detail: string): HealthPart[] => [{ name: 'health', ok: false, detail }];
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<readonly HealthPart[]>((resolve) => {
    timer = setTimeout(() => resolve(failed(`No answer within ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([ask(), timeout]);
  } catch {
    return failed('The check itself failed; see the log.');
  } finally {
    clearTimeout(timer);
  }
}

export function healthRoutes({ ports: { health, registry }, authenticator }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/healthz',
      schema: {
        operationId: 'isAlive',
        tags: ['health'],
        summary: 'The process answers',
        querystring: noQuery,
        response: { 200: z.object({ status: z.literal('alive') }) },
      },
      handler: async () => ({ status: 'alive' as const }),
    });

    app.route({
      method: 'GET',
      url: '/readyz',
      schema: {
        operationId: 'isReady',
        tags: ['health'],
        summary: 'Every part works; staff also read what to do if not',
        querystring: noQuery,
        response: {
          200: readySchema,
          503: {
            description: 'STORE_UNAVAILABLE: some part does not work',
            content: { [PROBLEM_TYPE]: { schema: notReadySchema } },
          },
        },
      },
      handler: async (request, reply) => {
        // Probes come without credentials; details may name hosts, so only staff read them.
        const caller = await authenticator.identify(request).catch(() => undefined);
        const isStaff = caller?.actor.kind === 'staff';
        const found = await partsWithin(HEALTH_TIMEOUT_MS, () => health.parts());
        const parts = found.map(({ name, ok, detail }) => ({ name, ok, ...(isStaff ? { detail } : {}) }));
        const broken = found.filter((part) => !part.ok).map((part) => part.name);
        if (broken.length === 0) return reply.send({ status: 'ready' as const, parts });
        const error = new TenantryError('STORE_UNAVAILABLE', `Not ready: ${broken.join(', ')}.`, {
          hint: 'Ask again with staff credentials to read what each part says.',
        });
        return reply
          .code(503)
          .type(PROBLEM_TYPE)
          .send({ ...problemOf(error, request.id), parts });
      },
    });

    app.route({
      method: 'GET',
      url: '/metrics',
      schema: {
        operationId: 'getMetrics',
        tags: ['health'],
        summary: 'What Tenantry measures about itself, for Prometheus',
        querystring: noQuery,
        response: { 200: { description: 'Prometheus text format', content: { 'text/plain': { schema: z.string() } } } },
      },
      handler: async (_request, reply) => {
        const text = await registry.metrics();
        return reply.type(registry.contentType).send(text);
      },
    });
    done();
  };
}
