import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiContext } from './context.ts';
import { noQuery } from './parameters.ts';
import { tenantMetricsText } from './tenant-metrics-exposition.ts';

/** Tenants' figures for Prometheus, apart from `/metrics`: they are other people's ids, and may be scraped less often. */
export function tenantMetricsPrometheusRoutes({ ports, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/metrics/tenants',
      schema: {
        operationId: 'getTenantMetrics',
        tags: ['health'],
        summary: 'The tenants with the most requests, and all others as one, for Prometheus',
        querystring: noQuery,
        response: { 200: { description: 'Prometheus text format', content: { 'text/plain': { schema: z.string() } } } },
      },
      handler: async (_request, reply) => {
        const { type, text } = await tenantMetricsText(await ports.tenantMetrics.read(now()));
        return reply.type(type).send(text);
      },
    });
    done();
  };
}
