import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { SECOND_MS, type Window } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { callerOf, refuseForeignRows } from './guard.ts';
import { instant, lineOfText, wholeNumber } from './parameters.ts';
import { visibleTenant } from './queries.ts';
import { resolveWindow } from './time-range.ts';
import { heatToWire } from './traces-convert.ts';
import { latencyHeatSchema } from './traces-schemas.ts';

/** Each of them divides the next, so that the columns of a longer range are made of those of a shorter one. */
const AUTO_STEPS_SECONDS = [60, 300, 900, 3_600, 14_400, 86_400] as const;
/** As many columns as can be told apart and pointed at. */
const AUTO_COLUMNS = 100;
const MAX_COLUMNS = 400;

const heatQuery = z.strictObject({
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  step: wholeNumber(60, 86_400)
    .refine((seconds) => seconds % 60 === 0, 'must be a multiple of 60')
    .optional()
    .describe(`Seconds a column, a multiple of 60; default gives at most ${AUTO_COLUMNS} columns`),
  route: lineOfText(1, 512).optional().describe('This route alone; default all together'),
  routes: wholeNumber(0, 50).default(20).describe('How many of the busiest routes to list; 0: none'),
});

/** @throws TenantryError BAD_REQUEST when an asked step gives more columns than anybody can look at */
function stepOf(window: Window, asked: number | undefined): number {
  const columns = (step: number) => Math.ceil((window.to - window.from) / (step * SECOND_MS));
  if (asked === undefined) return AUTO_STEPS_SECONDS.find((step) => columns(step) <= AUTO_COLUMNS) ?? 86_400;
  if (columns(asked) <= MAX_COLUMNS) return asked;
  throw new TenantryError('BAD_REQUEST', `query parameter "step": ${columns(asked)} columns, at most ${MAX_COLUMNS}`, {
    hint: 'Use a larger step or a shorter time; without "step" a fitting one is chosen.',
  });
}

/** How a tenant's latencies are distributed over time, all together and by route. */
export function latencyHeatRoutes({ ports: { traces }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/latency-heat',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantLatencyHeat',
        tags: ['traces'],
        summary: "A tenant's requests counted by time and latency, and percentiles of its routes over time",
        params: z.object({ id: z.string().describe('Tenant id') }),
        querystring: heatQuery,
        response: { 200: latencyHeatSchema },
      },
      handler: async (request) => {
        const tenantId = visibleTenant(callerOf(request).actor, request.params.id);
        const { route, routes, step } = request.query;
        const window = resolveWindow(request.query, now());
        const stepSeconds = stepOf(window, step);
        const heat = await traces.heat({ tenantId, window, stepSeconds, route, routes });
        refuseForeignRows(
          tenantId,
          heat.routes.map((item) => item.tenantId),
        );
        return heatToWire(tenantId, stepSeconds, heat);
      },
    });
    done();
  };
}
