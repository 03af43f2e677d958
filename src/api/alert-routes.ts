import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { routeFromWire, routeToWire } from './alert-convert.ts';
import { alertRouteListSchema, alertRouteSchema, alertRouteTestSchema, newAlertRouteSchema } from './alert-schemas.ts';
import type { ApiContext } from './context.ts';
import { staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';

const params = z.object({ id: z.string() });

function noSuchRoute(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no alert route with this id.', {
    hint: 'GET /v1/alert-routes lists the routes.',
  });
}

/** Where alerts go. Targets (addresses, keys, secrets) are taken and never given back. */
export function alertRouteRoutes({ ports: { alerting }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/alert-routes',
      schema: {
        operationId: 'listAlertRoutes',
        tags: ['alerts'],
        summary: 'Routes that alerts take, without their secrets, and whether they work',
        querystring: noQuery,
        response: { 200: alertRouteListSchema },
      },
      handler: async (request) => ({ items: (await alerting.routes(staffOf(request))).map(routeToWire) }),
    });

    app.route({
      method: 'POST',
      url: '/v1/alert-routes',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'createAlertRoute',
        tags: ['alerts'],
        summary:
          'Send alerts of some tenants, plans, kinds or severities to Slack, PagerDuty, Alertmanager, a webhook or by e-mail',
        querystring: noQuery,
        body: newAlertRouteSchema,
        response: { 201: alertRouteSchema },
      },
      handler: async (request, reply) => {
        const route = await alerting.createRoute(staffOf(request), routeFromWire(request.body));
        return reply.code(201).send(routeToWire(route));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/alert-routes/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'deleteAlertRoute',
        tags: ['alerts'],
        summary: 'Delete a route, and what was still to be told by it',
        params,
        querystring: noQuery,
        response: { 204: z.undefined().describe('It is gone') },
      },
      handler: async (request, reply) => {
        if (!(await alerting.removeRoute(staffOf(request), request.params.id))) throw noSuchRoute();
        return reply.code(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/alert-routes/:id/test',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'testAlertRoute',
        tags: ['alerts'],
        summary: 'Send a message about nothing real, at once, and say what the receiver answered',
        params,
        querystring: noQuery,
        response: { 200: alertRouteTestSchema },
      },
      handler: async (request) => {
        const result = await alerting.testRoute(request.params.id, now());
        if (result === undefined) throw noSuchRoute();
        return result;
      },
    });
    done();
  };
}
