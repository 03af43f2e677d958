import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { QuarantinedRequest } from '../domain/quarantine.ts';
import { SEGMENT_SIGNALS } from '../domain/spool-format.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { noQuery, wholeNumber } from './parameters.ts';
import type { QuarantineItem, SetAsideItem } from './quarantine-contract.ts';
import type { SetAsideGroup } from './quarantine-ports.ts';

const count = z.int().min(0);

const itemSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['refused', 'corrupt']).describe('refused: can be replayed; corrupt: can only be dropped'),
    signal: z.enum(SEGMENT_SIGNALS),
    reason: z.string(),
    bytes: count,
    quarantined_at: z.string().nullable(),
    received_at: z.string().nullable(),
    key_id: z.string().nullable(),
    key_tenant: z.string().nullable().describe('The tenant that the key is bound to'),
  })
  .meta({ id: 'QuarantineItem' });

export const quarantineListSchema = z
  .object({
    items: z.array(itemSchema),
    total: count,
    set_aside: z
      .array(
        z.object({
          kind: z.enum(['spans', 'data points']),
          reason: z.string(),
          service: z.string(),
          key_id: z.string(),
          count,
          first_at: z.string(),
          last_at: z.string(),
          example: z.string().describe('Name of one of them'),
        }),
      )
      .describe('Of the last seven days: kept beside the others, with the reason'),
  })
  .meta({ id: 'QuarantineList' });

export const quarantineDetailSchema = itemSchema
  .extend({ texts: z.array(z.string()).describe('Readable texts from the bytes, in their order') })
  .meta({ id: 'QuarantineDetail' });

function itemToWire({ quarantinedAt, receivedAt, keyId, keyTenant, ...rest }: QuarantinedRequest): QuarantineItem {
  const { id, kind, signal, reason, bytes } = rest;
  return {
    ...{ id, kind, signal, reason, bytes, key_id: keyId, key_tenant: keyTenant },
    ...{ quarantined_at: nullableTime(quarantinedAt), received_at: nullableTime(receivedAt) },
  };
}

function setAsideToWire({ keyId, firstAt, lastAt, ...rest }: SetAsideGroup): SetAsideItem {
  return { ...rest, key_id: keyId, first_at: rfc3339(firstAt), last_at: rfc3339(lastAt) };
}

function notThere(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is nothing in quarantine with this id.', {
    hint: 'GET /v1/quarantine lists what there is; somebody may have replayed or dropped it.',
  });
}

const params = z.object({ id: z.string() });

/** Requests that ClickHouse refused, and telemetry that has no place in time. */
export function quarantineRoutes({ ports: { quarantine } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/quarantine',
      {
        schema: {
          operationId: 'listQuarantine',
          tags: ['ingest'],
          summary: 'Requests that ClickHouse refused, newest first, and spans and data points that were set aside',
          querystring: z.strictObject({ limit: wholeNumber(1, 1_000).default(200) }),
          response: { 200: quarantineListSchema },
        },
      },
      async (request) => {
        const [{ items, total }, aside] = await Promise.all([
          quarantine.list(request.query.limit),
          quarantine.setAside(),
        ]);
        return { items: items.map(itemToWire), total, set_aside: aside.map(setAsideToWire) };
      },
    );
    app.get(
      '/v1/quarantine/:id',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'getQuarantined',
          tags: ['ingest'],
          summary: 'One request in quarantine with what can be read of it',
          params,
          querystring: noQuery,
          response: { 200: quarantineDetailSchema },
        },
      },
      async (request) => {
        const found = await quarantine.show(request.params.id);
        if (found === undefined) throw notThere();
        return { ...itemToWire(found), texts: [...found.texts] };
      },
    );
    app.post(
      '/v1/quarantine/:id/replay',
      {
        config: { errors: ['NOT_FOUND', 'CONFLICT'] },
        schema: {
          operationId: 'replayQuarantined',
          tags: ['ingest'],
          summary: 'Put a request back into the queue; it is loaded once, or comes back with the reason',
          params,
          querystring: noQuery,
          response: { 204: z.undefined().describe('It waits to be loaded') },
        },
      },
      async (request, reply) => {
        if (!(await quarantine.replay(staffOf(request), request.params.id))) throw notThere();
        return reply.code(204).send();
      },
    );
    app.delete(
      '/v1/quarantine/:id',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'dropQuarantined',
          tags: ['ingest'],
          summary: 'Delete a request for good',
          params,
          querystring: noQuery,
          response: { 204: z.undefined().describe('It is gone') },
        },
      },
      async (request, reply) => {
        if (!(await quarantine.drop(staffOf(request), request.params.id))) throw notThere();
        return reply.code(204).send();
      },
    );
    done();
  };
}
