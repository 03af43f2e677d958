import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { decimalText } from '../domain/decimal.ts';
import { TenantryError } from '../domain/errors.ts';
import { canonicalJsonPath } from '../domain/json-path.ts';
import { METER_SLUG, METER_WINDOWS, type Meter, type MeterDefinition } from '../domain/meter.ts';
import { METER_PLACES } from '../domain/usage-event.ts';
import { MINUTE_MS, type Window } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { callerOf, narrowTo, refuseForeignRows, staffOf } from './guard.ts';
import type { MeterItem, MeterValueItem } from './meters-contract.ts';
import type { Meters, MeterValuePoint } from './meters-ports.ts';
import {
  meterItemSchema,
  meterListSchema,
  meterValuesSchema,
  newMeterSchema,
  rejectedEventListSchema,
  TENANT_GROUP,
} from './meters-schemas.ts';
import { instant, noQuery, tenantIdText, wholeNumber } from './parameters.ts';
import { resolveWindow } from './time-range.ts';

const range = { from: instant.optional(), to: instant.optional(), tenant_id: tenantIdText.optional() };
const valuesQuery = z.strictObject({
  ...range,
  window_size: z
    .enum(METER_WINDOWS)
    .optional()
    .describe('Calendar steps in UTC; absent: one value over the whole time'),
  group_by: z.string().max(1_000).optional().describe(`Names of the meter's groups and ${TENANT_GROUP}, with commas`),
});
const rejectedQuery = z.strictObject({ ...range, limit: wholeNumber(1, 1_000).default(100) });
const params = z.object({ slug: z.string() });

/** The meter as entered, with its paths in the one way to write them. */
function definitionOf(body: z.infer<typeof newMeterSchema>): MeterDefinition {
  const { slug, event_type: eventType, aggregation, value_property: value, group_by: groups = {} } = body;
  return {
    slug,
    eventType,
    aggregation,
    valuePath: value === undefined ? null : (canonicalJsonPath(value) ?? null),
    groupBy: Object.fromEntries(Object.entries(groups).map(([name, path]) => [name, canonicalJsonPath(path) ?? path])),
    unit: body.unit ?? (aggregation === 'count' ? 'events' : 'units'),
    description: body.description ?? '',
  };
}

function meterToWire(meter: Meter, reader: Actor): MeterItem {
  return {
    slug: meter.slug,
    event_type: meter.eventType,
    aggregation: meter.aggregation,
    value_property: meter.valuePath,
    group_by: { ...meter.groupBy },
    unit: meter.unit,
    description: meter.description,
    created_by: reader.kind === 'tenant' ? 'operator' : meter.createdBy,
    created_at: new Date(meter.createdAt).toISOString(),
  };
}

function valueToWire({ window, tenantId, group, value, rejected }: MeterValuePoint): MeterValueItem {
  const exact = value === null ? null : decimalText(value, METER_PLACES);
  return {
    window_start: new Date(window.from).toISOString(),
    window_end: new Date(window.to).toISOString(),
    tenant_id: tenantId,
    group: { ...group },
    value: exact === null ? null : Number(exact),
    exact,
    rejected_events: rejected,
  };
}

/** @throws TenantryError BAD_REQUEST: events are counted by minute, and half of one cannot be answered */
function wholeMinutes(window: Window): Window {
  if (window.from % MINUTE_MS === 0 && window.to % MINUTE_MS === 0) return window;
  throw new TenantryError('BAD_REQUEST', 'query parameters "from" and "to" must be whole minutes', {
    hint: 'Events are counted by minute; without "to" the last whole minute is the end.',
  });
}

function groupsOf(text: string | undefined, meter: Meter): { byTenant: boolean; groupBy: readonly string[] } {
  const names = [...new Set((text ?? '').split(',').filter((name) => name !== ''))];
  const unknown = names.find((name) => name !== TENANT_GROUP && !Object.hasOwn(meter.groupBy, name));
  if (unknown !== undefined) {
    throw new TenantryError('BAD_REQUEST', 'query parameter "group_by" names a group that the meter does not have', {
      hint: `It has: ${[TENANT_GROUP, ...Object.keys(meter.groupBy)].join(', ')}.`,
    });
  }
  return { byTenant: names.includes(TENANT_GROUP), groupBy: names.filter((name) => name !== TENANT_GROUP) };
}

async function meterOf(meters: Meters, actor: Actor, slug: string): Promise<Meter> {
  const meter = METER_SLUG.test(slug) ? await meters.find(actor, slug) : undefined;
  if (meter === undefined) throw noSuchMeter();
  return meter;
}

function noSuchMeter(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no meter with this slug.', { hint: 'GET /v1/meters lists them.' });
}

/** An absent end is the last whole minute. */
function windowOf(asked: { from?: string | undefined; to?: string | undefined }, now: number): Window {
  const end = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  return wholeMinutes(resolveWindow(asked, end));
}

export function meterRoutes({ ports: { meters }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/meters',
      schema: {
        operationId: 'listMeters',
        tags: ['meters'],
        summary: 'What is counted out of usage events',
        querystring: noQuery,
        response: { 200: meterListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        return { items: (await meters.list(actor)).map((meter) => meterToWire(meter, actor)) };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/meters',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'createMeter',
        tags: ['meters'],
        summary: 'Define a meter; it counts events that are there already as well as those that come',
        querystring: noQuery,
        body: newMeterSchema,
        response: { 201: meterItemSchema },
      },
      handler: async (request, reply) => {
        const actor = staffOf(request);
        return reply.code(201).send(meterToWire(await meters.create(actor, definitionOf(request.body)), actor));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/meters/:slug',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'deleteMeter',
        tags: ['meters'],
        summary: 'Remove a meter; events stay, and the same meter made again counts the same',
        params,
        querystring: noQuery,
        response: { 204: z.undefined().describe('Removed') },
      },
      handler: async (request, reply) => {
        const { slug } = request.params;
        if (!(METER_SLUG.test(slug) && (await meters.remove(staffOf(request), slug)))) throw noSuchMeter();
        return reply.code(204).send();
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/meters/:slug/query',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'queryMeter',
        tags: ['meters'],
        summary: 'What a meter has counted, by calendar step, tenant and group',
        params,
        querystring: valuesQuery,
        response: { 200: meterValuesSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { window_size: step, tenant_id: asked, group_by: groups, ...times } = request.query;
        const tenant = narrowTo(actor, asked);
        const window = windowOf(times, now());
        const meter = await meterOf(meters, actor, request.params.slug);
        const points = await meters.values({ meter, window, step, tenant, ...groupsOf(groups, meter) });
        refuseForeignRows(
          tenant,
          points.map((point) => point.tenantId ?? ''),
        );
        return {
          slug: meter.slug,
          aggregation: meter.aggregation,
          unit: meter.unit,
          from: new Date(window.from).toISOString(),
          to: new Date(window.to).toISOString(),
          window_size: step ?? null,
          items: points.map(valueToWire),
        };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/meters/:slug/rejected',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listRejectedEvents',
        tags: ['meters'],
        summary: 'Events of the type that a meter finds no usable value in, newest first',
        params,
        querystring: rejectedQuery,
        response: { 200: rejectedEventListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { tenant_id: asked, limit, ...times } = request.query;
        const tenant = narrowTo(actor, asked);
        const window = windowOf(times, now());
        const meter = await meterOf(meters, actor, request.params.slug);
        const events = await meters.rejected({ meter, window, tenant, limit });
        refuseForeignRows(
          tenant,
          events.map(({ tenantId }) => tenantId),
        );
        return {
          items: events.map(({ tenantId, source, id, time }) => ({
            tenant_id: tenantId,
            source,
            id,
            time: new Date(time).toISOString(),
          })),
        };
      },
    });
    done();
  };
}
