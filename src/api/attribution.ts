import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AttributionBody, ServiceAttributionItem } from './attribution-contract.ts';
import type { ServiceAttribution } from './attribution-ports.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { instant } from './parameters.ts';
import { resolveStep, resolveWindow } from './time-range.ts';

const count = z.int().min(0);
const share = z.number().min(0).max(1);

const adopted = count.describe('Of those attributed: spans that named no tenant and have that of their trace');
const waiting = count.describe('Now: spans that wait for the tenant of their trace and are not counted yet');

export const attributionSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    step_seconds: count,
    spans: count,
    attributed: count,
    adopted,
    waiting,
    share: share.nullable().describe('null: there are no spans'),
    sample: z.object({ from: z.string(), to: z.string() }).describe('What `sources` are of: no rollup holds them'),
    services: z
      .array(
        z.object({
          service: z.string(),
          spans: count,
          attributed: count,
          adopted,
          waiting,
          share,
          points: z.array(z.tuple([z.number(), share])).describe('Unix ms and share; steps without a span are absent'),
          sources: z.array(
            z.object({ source: z.string().nullable().describe('null: nothing says how'), requests: count }),
          ),
          routes_without_tenant: z.array(z.object({ route: z.string(), requests: count })),
        }),
      )
      .describe('Those with most spans without a tenant first'),
  })
  .meta({ id: 'Attribution' });

function toWire({
  service,
  spans,
  attributed,
  adopted,
  waiting,
  steps,
  sources,
  bareRoutes,
}: ServiceAttribution): ServiceAttributionItem {
  return {
    ...{ service, spans, attributed, adopted, waiting, share: shareOf(attributed, spans) },
    points: steps.map((step) => [step.at, shareOf(step.attributed, step.spans)]),
    sources: sources.map((one) => ({ source: one.source, requests: one.spans })),
    routes_without_tenant: bareRoutes.map((one) => ({ ...one })),
  };
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.min(1, part / whole);
}

/** How much telemetry names its tenant, by service. */
export function attributionRoutes({ ports: { attribution }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/attribution',
      {
        schema: {
          operationId: 'getAttribution',
          tags: ['ingest'],
          summary:
            'The share of spans that name their tenant, by service: its trend, how tenants were found, where not',
          querystring: z.strictObject({ from: instant.optional(), to: instant.optional() }),
          response: { 200: attributionSchema },
        },
      },
      async (request): Promise<AttributionBody> => {
        const window = resolveWindow(request.query, now());
        const step = resolveStep(window, undefined);
        const { sample, waiting, services } = await attribution.look(window, step);
        const spans = services.reduce((sum, service) => sum + service.spans, 0);
        const attributed = services.reduce((sum, service) => sum + service.attributed, 0);
        const adopted = services.reduce((sum, service) => sum + service.adopted, 0);
        return {
          ...{ from: rfc3339(window.from), to: rfc3339(window.to), step_seconds: step, spans, attributed },
          ...{ adopted, waiting },
          share: spans === 0 ? null : shareOf(attributed, spans),
          sample: { from: rfc3339(sample.from), to: rfc3339(sample.to) },
          services: services.map(toWire),
        };
      },
    );
    done();
  };
}
