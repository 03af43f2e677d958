import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiContext } from './context.ts';
import { anomalyToWire } from './convert.ts';
import { callerOf, narrowTo, refuseForeignRows } from './guard.ts';
import { instant, tenantIdText, wholeNumber } from './parameters.ts';
import { resolveWindow } from './time-range.ts';

export const anomalyItemSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    metric: z.string(),
    started_at: z.string(),
    detected_at: z.string(),
    ended_at: z.string().nullable().describe('null: still going on'),
    value: z.number().describe('Per second, averaged over the intervals above the line'),
    baseline: z.number().describe("Per second, the tenant's own"),
    ratio: z.number(),
    rule: z.string(),
    reason: z.string(),
    throttle_id: z.string().nullable().describe('The throttle that this finding led to'),
  })
  .meta({ id: 'Anomaly' });

export const anomalyListSchema = z.object({ items: z.array(anomalyItemSchema) }).meta({ id: 'AnomalyList' });

const listQuery = z.strictObject({
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  tenant_id: tenantIdText.optional(),
  limit: wholeNumber(1, 1_000).default(100),
});

export function anomalyRoutes({ ports: { anomalies }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/anomalies',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listAnomalies',
        tags: ['anomalies'],
        summary: 'Findings of the detector that overlap the window, newest first',
        querystring: listQuery,
        response: { 200: anomalyListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { tenant_id: asked, limit } = request.query;
        const tenantId = narrowTo(actor, asked);
        const window = resolveWindow(request.query, now());
        const found = await anomalies.list(actor, { window, limit, ...(tenantId === undefined ? {} : { tenantId }) });
        refuseForeignRows(
          tenantId,
          found.map((anomaly) => anomaly.tenantId),
        );
        return { items: found.map((anomaly) => anomalyToWire(anomaly, actor)) };
      },
    });
    done();
  };
}
