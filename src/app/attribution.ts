import { type AttributionStepRow, attributionSteps } from '../aggregate/queries/across-tenants/attribution-steps.ts';
import { type BareRouteRow, routesWithoutTenant } from '../aggregate/queries/across-tenants/routes-without-tenant.ts';
import { type TenantSourceRow, tenantSources } from '../aggregate/queries/across-tenants/tenant-sources.ts';
import { type WaitingSpansRow, waitingSpans } from '../aggregate/queries/across-tenants/waiting-spans.ts';
import type { Attribution, AttributionAnswer, ServiceAttribution } from '../api/attribution-ports.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { MINUTE_MS, type Window } from '../domain/window.ts';

const ROUTES_A_SERVICE = 5;
const ROUTES = 500;
const SOURCES = 2_000;
const SERVICES = 1_000;
/** No rollup knows how tenants were found; so long is read of the spans themselves. */
const SAMPLE_MS = 15 * MINUTE_MS;

type Steps = ServiceAttribution['steps'];

/** How much of each service's telemetry names its tenant, how it was found, and where it was not. */
export function attributionDesk(clickhouse: AnalyticsReader): Attribution {
  return {
    async look(window, stepSeconds): Promise<AttributionAnswer> {
      const sample: Window = { from: Math.max(window.from, window.to - SAMPLE_MS), to: window.to };
      const [steps, routes, sources, waiting] = await Promise.all([
        clickhouse.rows<AttributionStepRow>(attributionSteps(window, stepSeconds)),
        clickhouse.rows<BareRouteRow>(routesWithoutTenant(window, ROUTES_A_SERVICE, ROUTES)),
        clickhouse.rows<TenantSourceRow>(tenantSources(sample, SOURCES)),
        clickhouse.rows<WaitingSpansRow>(waitingSpans(SERVICES)),
      ]);
      const names = new Set(steps.map(({ service }) => service));
      const services = [...names].map((service): ServiceAttribution => {
        const own = steps.filter((row) => row.service === service);
        const told: Steps = own.map(({ at, spans, attributed, adopted }) => ({
          ...{ at: at * 1_000, spans: Number(spans), attributed: Number(attributed), adopted: Number(adopted) },
        }));
        return {
          ...{ service, steps: told, spans: sum(told, 'spans'), attributed: sum(told, 'attributed') },
          adopted: sum(told, 'adopted'),
          waiting: Number(waiting.find((row) => row.service === service)?.spans ?? 0),
          sources: sources
            .filter((row) => row.service === service)
            .map(({ source, spans }) => ({ source: source === '' ? null : source, spans: Number(spans) })),
          bareRoutes: routes
            .filter((row) => row.service === service)
            .map(({ route, requests }) => ({ route, requests: Number(requests) })),
        };
      });
      // Where most is missing, most is won.
      const missing = ({ spans, attributed }: ServiceAttribution) => spans - attributed;
      return {
        sample,
        waiting: waiting.reduce((total, { spans }) => total + Number(spans), 0),
        services: services.toSorted((a, b) => missing(b) - missing(a)),
      };
    },
  };
}

function sum(steps: Steps, of: 'spans' | 'attributed' | 'adopted'): number {
  return steps.reduce((total, step) => total + step[of], 0);
}
