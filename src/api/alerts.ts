import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { alertToWire, muteToWire } from './alert-convert.ts';
import {
  alertItemSchema,
  alertKind,
  alertListSchema,
  alertStatus,
  muteListSchema,
  muteSchema,
  newMuteSchema,
} from './alert-schemas.ts';
import type { ApiContext } from './context.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { instant, noQuery, tenantIdText, wholeNumber } from './parameters.ts';
import { resolveWindow } from './time-range.ts';

const listQuery = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  tenant_id: tenantIdText.optional(),
  kind: alertKind.optional(),
  status: alertStatus.optional(),
  limit: wholeNumber(1, 500).default(100),
});

export function alertRoutes({ ports: { alerting }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/alerts',
      schema: {
        operationId: 'listAlerts',
        tags: ['alerts'],
        summary: 'Alerts that were open in the window, newest first, with what was told to which route',
        querystring: listQuery,
        response: { 200: alertListSchema },
      },
      handler: async (request) => {
        const { tenant_id: asked, kind, status, limit, ...range } = request.query;
        const tenantId = parseTenantId(asked);
        const found = await alerting.list(staffOf(request), {
          window: resolveWindow(range, now()),
          ...(tenantId === undefined ? {} : { tenantId }),
          ...(kind === undefined ? {} : { kind }),
          ...(status === undefined ? {} : { status }),
          limit,
        });
        return { items: found.map(alertToWire) };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/alerts/:id/ack',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'acknowledgeAlert',
        tags: ['alerts'],
        summary: 'Take an alert on: it is neither escalated nor repeated any more',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        response: { 200: alertItemSchema },
      },
      handler: async (request) => {
        const alert = await alerting.acknowledge(staffOf(request), request.params.id);
        if (alert === undefined) {
          throw new TenantryError('NOT_FOUND', 'There is no open alert with this id.', {
            hint: 'GET /v1/alerts shows the alerts; one that has ended needs nobody.',
          });
        }
        return alertToWire({ ...alert, notices: [] });
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/mutes',
      schema: {
        operationId: 'listMutes',
        tags: ['alerts'],
        summary: 'Tenants whose alerts are held back now',
        querystring: noQuery,
        response: { 200: muteListSchema },
      },
      handler: async (request) => ({ items: (await alerting.mutes(staffOf(request))).map(muteToWire) }),
    });

    app.route({
      method: 'POST',
      url: '/v1/mutes',
      schema: {
        operationId: 'muteTenant',
        tags: ['alerts'],
        summary: "Hold back one tenant's alerts for a while; what is still so afterwards is told then",
        querystring: noQuery,
        body: newMuteSchema,
        response: { 201: muteSchema },
      },
      handler: async (request, reply) => {
        const { tenant_id: id, kind = null, expires_in_seconds: expiresInSeconds, reason } = request.body;
        const tenantId = parseTenantId(id);
        if (tenantId === undefined) throw noSuchTenant();
        const mute = await alerting.mute(staffOf(request), { tenantId, kind, expiresInSeconds, reason });
        return reply.code(201).send(muteToWire(mute));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/mutes/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'unmuteTenant',
        tags: ['alerts'],
        summary: 'End a mute before its time',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        response: { 204: z.undefined().describe('It is over') },
      },
      handler: async (request, reply) => {
        if (!(await alerting.unmute(staffOf(request), request.params.id))) {
          throw new TenantryError('NOT_FOUND', 'There is no mute in force with this id.', {
            hint: 'GET /v1/mutes shows those in force.',
          });
        }
        return reply.code(204).send();
      },
    });
    done();
  };
}
