import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { PUSHED_HOLD_MS, type StorageGauge } from '../domain/storage.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, narrowTo, noSuchTenant, ownTenantOf, refuseForeignRows } from './guard.ts';
import { noQuery } from './parameters.ts';
import { storageItemToWire } from './storage-convert.ts';
import { pushedStorageSchema, storageListSchema, storageQuery } from './storage-schemas.ts';
import { resolveWindow } from './time-range.ts';

/** A late gauge changes byte-hours from its moment on; bills of older months are closed. */
const OLDEST_PUSH_MS = 35 * DAY_MS;
const CLOCKS_DIFFER_MS = 5 * MINUTE_MS;
const BODY_LIMIT_BYTES = 256 * 1024;

type Pushed = z.infer<typeof pushedStorageSchema>['gauges'][number];

/** @throws TenantryError BAD_REQUEST, NOT_FOUND for a tenant that the key may not speak for */
function gaugeOf(pushed: Pushed, index: number, actor: Actor, now: number): StorageGauge {
  const tenantId = parseTenantId(pushed.tenant_id);
  const own = ownTenantOf(actor);
  if (tenantId === undefined || (own !== undefined && own !== tenantId)) throw noSuchTenant();
  const at = pushed.at === undefined ? now : Date.parse(pushed.at);
  if (at > now + CLOCKS_DIFFER_MS || at < now - OLDEST_PUSH_MS) {
    throw new TenantryError('BAD_REQUEST', `gauges[${index}].at is in the future or more than 35 days ago.`, {
      hint: 'Nothing was taken in. Send times as RFC 3339 with their zone.',
    });
  }
  return {
    tenantId,
    store: pushed.store,
    kind: 'pushed',
    at,
    bytes: BigInt(pushed.bytes),
    errorBytes: null,
    objects: pushed.objects === undefined ? null : BigInt(pushed.objects),
    method: 'told by the app',
    holdMs: pushed.valid_for_seconds === undefined ? PUSHED_HOLD_MS : pushed.valid_for_seconds * SECOND_MS,
  };
}

export function storageRoutes({ ports: { storage }, cursors, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/storage',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listStorage',
        tags: ['storage'],
        summary: 'What tenants store, store by store, with byte-hours and how much of the window is known',
        querystring: storageQuery,
        response: { 200: storageListSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const { query } = request;
        const tenantId = narrowTo(actor, query.tenant_id);
        const { from, to, store, limit, cursor } = query;
        const binding = ['storage', actor.kind, tenantId ?? null, from ?? null, to ?? null, store ?? null, limit];
        const place = cursor === undefined ? undefined : cursors.open(cursor, binding);
        const window = place === undefined ? resolveWindow(query, now()) : { from: place.from, to: place.to };
        const offset = place?.offset ?? 0;
        const { items, total } = await storage.list({ window, tenantId, store, limit, offset });
        refuseForeignRows(
          tenantId,
          items.map((item) => item.tenantId),
        );
        const end = offset + items.length;
        const isLastPage = items.length === 0 || end >= total;
        return {
          items: items.map(storageItemToWire),
          next_cursor: isLastPage ? null : cursors.seal({ offset: end, ...window }, binding),
          total,
          from: rfc3339(window.from),
          to: rfc3339(window.to),
        };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/storage',
      bodyLimit: BODY_LIMIT_BYTES,
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'pushStorage',
        tags: ['storage'],
        summary:
          'Tell how many bytes tenants store; a second value for the same tenant, store and time replaces the first',
        querystring: noQuery,
        body: pushedStorageSchema,
        response: { 204: z.undefined().describe('Taken in, all of it') },
      },
      handler: async (request, reply) => {
        const { actor } = callerOf(request);
        const at = now();
        await storage.push(request.body.gauges.map((pushed, index) => gaugeOf(pushed, index, actor, at)));
        return reply.code(204).send();
      },
    });
    done();
  };
}
