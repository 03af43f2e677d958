import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { DAY_MS, type Window } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, ownTenantOf, refuseForeignRows } from './guard.ts';
import { instant, lineOfText, wholeNumber } from './parameters.ts';
import { visibleTenant } from './queries.ts';
import { resolveWindow } from './time-range.ts';
import { traceDetailToWire, traceToWire } from './traces-convert.ts';
import { traceDetailSchema, traceListSchema } from './traces-schemas.ts';

/** Spans are looked through one by one, unlike rollups: a longer question would not be answered in time. */
const MAX_RANGE_MS = 7 * DAY_MS;
/** Whoever looks for the two-thousandth slowest needs a filter, not a page more. */
const MAX_OFFSET = 2_000;
const MAX_DURATION_MS = 86_400_000;

const listQuery = z.strictObject({
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now; at most 7 days after from'),
  order: z.enum(['slowest', 'failed', 'newest']).default('slowest').describe('failed: those alone, newest first'),
  route: lineOfText(1, 512).optional(),
  service: lineOfText(1, 256).optional(),
  min_ms: wholeNumber(0, MAX_DURATION_MS).optional().describe('The request took at least so long'),
  max_ms: wholeNumber(1, MAX_DURATION_MS).optional().describe('The request took less than that'),
  limit: wholeNumber(1, 200).default(50),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});
type ListQuery = z.infer<typeof listQuery>;

const tenantParams = z.object({ id: z.string().describe('Tenant id') });
const traceParams = tenantParams.extend({
  trace_id: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/, 'must be 32 hexadecimal digits')
    .describe('As in the W3C traceparent header'),
});
const traceQuery = z.strictObject({
  at: instant.optional().describe('A time within a day of the trace; makes finding it faster'),
});

function bindingOf(actor: Actor, tenant: string, query: ListQuery): readonly unknown[] {
  const { cursor: _, ...asked } = query;
  return ['traces', ownTenantOf(actor) ?? null, tenant, ...Object.entries(asked).toSorted().flat()];
}

function boundedWindow(query: ListQuery, now: number): Window {
  const window = resolveWindow(query, now);
  if (window.to - window.from > MAX_RANGE_MS) {
    throw new TenantryError(
      'BAD_REQUEST',
      `query parameters "from" and "to" span more than ${MAX_RANGE_MS / DAY_MS} days`,
      { hint: 'Traces are searched in at most 7 days at a time; ask for a shorter time.' },
    );
  }
  return window;
}

/** One text for a trace that is not there and one that is another tenant's. */
function noSuchTrace(): TenantryError {
  return new TenantryError('NOT_FOUND', 'This tenant has no span in such a trace.', {
    hint: 'Spans are kept for some days only (TENANTRY_RETAIN_SPANS_DAYS); GET /v1/tenants/{id}/traces lists those there are.',
  });
}

/** A tenant's traces: which there are, and what happened in one. */
export function traceRoutes({ ports: { traces }, cursors, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/traces',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listTenantTraces',
        tags: ['traces'],
        summary: "A tenant's slowest, failed or newest requests, each with its trace, as long as spans are kept",
        params: tenantParams,
        querystring: listQuery,
        response: { 200: traceListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { query } = request;
        const tenantId = visibleTenant(actor, request.params.id);
        const binding = bindingOf(actor, tenantId, query);
        const { offset, ...window } =
          query.cursor === undefined
            ? { offset: 0, ...boundedWindow(query, now()) }
            : cursors.open(query.cursor, binding);
        const { order, route, service, limit, min_ms: minMs, max_ms: maxMs } = query;
        const { items, more } = await traces.list({
          ...{ tenantId, window, order, route, service, minMs, maxMs, limit, offset },
        });
        refuseForeignRows(
          tenantId,
          items.map((item) => item.tenantId),
        );
        const next = offset + limit;
        return {
          from: rfc3339(window.from),
          to: rfc3339(window.to),
          items: items.map((item) => traceToWire(item, ownTenantOf(actor) !== undefined)),
          next_cursor: more && next < MAX_OFFSET ? cursors.seal({ offset: next, ...window }, binding) : null,
        };
      },
    });
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/traces/:trace_id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantTrace',
        tags: ['traces'],
        summary: "A tenant's spans of one trace",
        params: traceParams,
        querystring: traceQuery,
        response: { 200: traceDetailSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const tenantId = visibleTenant(actor, request.params.id);
        const traceId = request.params.trace_id.toLowerCase();
        const forTenant = ownTenantOf(actor) !== undefined;
        const { at } = request.query;
        const near = at === undefined ? undefined : Date.parse(at);
        const trace = await traces.trace({ tenantId, traceId, near, withOthers: !forTenant });
        if (trace === undefined) throw noSuchTrace();
        refuseForeignRows(
          tenantId,
          trace.spans.map((span) => span.tenantId),
        );
        return traceDetailToWire({ tenantId, traceId }, trace, forTenant);
      },
    });
    done();
  };
}
