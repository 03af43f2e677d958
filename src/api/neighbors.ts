import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { DAY_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import type { NeighborsAnswer } from './neighbors-contract.ts';
import type { NeighborLoad, NeighborVerdict } from './neighbors-ports.ts';
import { instant } from './parameters.ts';
import { resolveWindow } from './time-range.ts';

/** A day of minutes of 500 tenants is what can be worked out while somebody waits. */
const MAX_RANGE_MS = DAY_MS;

const verdictKind = z
  .enum(['culprit', 'global_slowdown', 'unclear', 'quiet'])
  .describe('culprit: the first suspect did it; global_slowdown: nobody in particular; quiet: nobody is hurt');

const victimSchema = z
  .object({
    tenant_id: z.string(),
    p95_ms: z.number(),
    usual_p95_ms: z.number(),
    requests: z.number().describe('In that minute'),
  })
  .meta({ id: 'Victim' });

const suspectSchema = z
  .object({
    tenant_id: z.string(),
    score: z.number().describe('0 to 1: its share of all excess use, times how much of its own use is excess'),
    evidence: z.object({
      meter: z
        .enum(['cpu', 'db', 'requests'])
        .describe('What shows the excess; requests where nothing else is metered'),
      now: z.number().describe('Milliseconds (requests: a count) a minute, over the last minutes'),
      usual: z.number(),
      excess_share: z.number().describe('Of all that tenants use above their usual'),
      requests_per_minute: z.number(),
      usual_requests_per_minute: z.number(),
    }),
  })
  .meta({ id: 'Suspect' });

const loadSchema = z
  .object({
    at: z.string().describe('Start of the minute; shares are of the last minutes up to it'),
    meter: z.enum(['cpu', 'db', 'requests']).describe('What the shares are of'),
    tenants: z.array(
      z.object({
        tenant_id: z.string(),
        now: z.number().describe('Milliseconds (requests: a count) a minute'),
        usual: z.number().nullable().describe('null: too little history'),
        share: z.number().describe('0 to 1 of what all tenants use'),
        usual_share: z.number().nullable(),
        requests_per_minute: z.number(),
        usual_requests_per_minute: z.number().nullable(),
        p95_ms: z.number().nullable(),
        usual_p95_ms: z.number().nullable(),
      }),
    ),
    others: z.int().describe('Tenants with a smaller share, who are not listed'),
    others_share: z.number(),
  })
  .meta({ id: 'NeighborLoad' });

export const neighborsSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    service: z.string().nullable().describe('null: no service answered requests in the window'),
    services: z.array(z.string()).describe('Services of the window, busiest first'),
    verdict: verdictKind,
    at: z.string().nullable().describe('Start of the minute that the verdict is about; null: nobody was hurt'),
    reason: z.string().describe('The verdict with its numbers, for people'),
    victims: z.array(victimSchema).describe('Whose P95 is at least twice its usual, worst first'),
    suspects: z.array(suspectSchema).describe('Most suspect first'),
    load: loadSchema
      .nullable()
      .describe('Of the minute of the verdict, else the newest; null: nobody used the service'),
    timeline: z
      .array(z.object({ at: z.string(), verdict: verdictKind, suspect: z.string().nullable(), victims: z.number() }))
      .describe('Every minute of the window in which tenants were hurt, oldest first'),
  })
  .meta({ id: 'Neighbors' });

const lookQuery = z.strictObject({
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  service: z.string().min(1).max(255).optional().describe('Default: the busy service in which tenants were hurt last'),
});

/** Tenants in one picture; whoever is hurt or suspected is among them whatever their share. */
const MOST_LISTED = 24;

const iso = (ms: number) => new Date(ms).toISOString();

function victimsOf({ victims }: NeighborVerdict): NeighborsAnswer['victims'] {
  return victims.map(({ tenantId, p95Ms, usualP95Ms, requests }) => ({
    tenant_id: tenantId,
    p95_ms: p95Ms,
    usual_p95_ms: usualP95Ms,
    requests,
  }));
}

function suspectsOf({ suspects }: NeighborVerdict): NeighborsAnswer['suspects'] {
  return suspects.map(({ tenantId, score, meter, now, usual, excessShare, ...requests }) => ({
    tenant_id: tenantId,
    score,
    evidence: {
      meter,
      now,
      usual,
      excess_share: excessShare,
      requests_per_minute: requests.requestsPerMinute,
      usual_requests_per_minute: requests.usualRequestsPerMinute,
    },
  }));
}

function loadOf(load: NeighborLoad | undefined, named: ReadonlySet<string>): NeighborsAnswer['load'] {
  if (load === undefined) return null;
  const listed = load.tenants.filter(({ tenantId }, place) => place < MOST_LISTED || named.has(tenantId));
  return {
    at: iso(load.at),
    meter: load.meter,
    tenants: listed.map((tenant) => ({
      tenant_id: tenant.tenantId,
      now: tenant.now,
      usual: tenant.usual,
      share: tenant.share,
      usual_share: tenant.usualShare,
      requests_per_minute: tenant.requestsPerMinute,
      usual_requests_per_minute: tenant.usualRequestsPerMinute,
      p95_ms: tenant.p95Ms,
      usual_p95_ms: tenant.usualP95Ms,
    })),
    others: load.tenants.length - listed.length,
    others_share: load.tenants
      .filter((tenant) => !listed.includes(tenant))
      .reduce((total, { share }) => total + share, 0),
  };
}

export function neighborRoutes({ ports: { neighbors }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/neighbors',
      schema: {
        operationId: 'lookAtNeighbors',
        tags: ['anomalies'],
        summary: 'Who hurts whom on a shared service: the last verdict of the window with its evidence',
        querystring: lookQuery,
        response: { 200: neighborsSchema },
      },
      handler: async (request) => {
        const window = resolveWindow(request.query, now());
        if (window.to - window.from > MAX_RANGE_MS) {
          throw new TenantryError('BAD_REQUEST', 'query parameters "from" and "to" span more than a day', {
            hint: 'Blame is worked out minute by minute: ask for a day or less.',
          });
        }
        const { service, services, verdicts, load } = await neighbors.look({ service: request.query.service, window });
        const last = verdicts.at(-1);
        const named = [...(last?.victims ?? []), ...(last?.suspects ?? [])].map(({ tenantId }) => tenantId);
        return {
          from: iso(window.from),
          to: iso(window.to),
          service: service ?? null,
          services: [...services],
          verdict: last?.kind ?? ('quiet' as const),
          at: last === undefined ? null : iso(last.at),
          reason: last?.reason ?? 'No tenant was slow for two minutes in a row.',
          victims: last === undefined ? [] : victimsOf(last),
          suspects: last === undefined ? [] : suspectsOf(last),
          load: loadOf(load, new Set(named)),
          timeline: verdicts.map(({ at, kind, suspects, victims }) => ({
            at: iso(at),
            verdict: kind,
            suspect: kind === 'culprit' ? (suspects[0]?.tenantId ?? null) : null,
            victims: victims.length,
          })),
        };
      },
    });
    done();
  };
}
