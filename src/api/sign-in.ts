import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { SECOND_MS } from '../domain/window.ts';
import { SESSION_COOKIE } from './authenticate.ts';
import type { ApiContext } from './context.ts';
import { callerOf } from './guard.ts';
import { SESSION_LIFE_MS } from './issuer.ts';
import { noQuery } from './parameters.ts';

export function signInRoutes({ auth: { issuer } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/signin',
      // A HEAD request (link previews send them) would use the code up.
      exposeHeadRoute: false,
      config: { errors: ['UNAUTHENTICATED', 'NOT_SUPPORTED_HERE'] },
      schema: {
        operationId: 'signIn',
        tags: ['identity'],
        summary: 'Exchange a one-time code for a session cookie',
        querystring: z.strictObject({ code: z.string().min(1).max(128) }),
        response: { 303: z.undefined().describe('Signed in: on to the dashboards') },
      },
      handler: async (request, reply) => {
        if (issuer === undefined) {
          throw new TenantryError('NOT_SUPPORTED_HERE', 'Sign-in links are for development.', {
            hint: "Sign in at your organisation's identity provider.",
          });
        }
        const token = await issuer.redeem(request.query.code);
        if (token === undefined) {
          throw new TenantryError('UNAUTHENTICATED', 'This sign-in link is unknown, has been used or is too old.', {
            hint: 'Each link works once, for 15 minutes. Ask for a new one.',
          });
        }
        return reply
          .setCookie(SESSION_COOKIE, token, {
            path: '/',
            httpOnly: true,
            sameSite: 'strict',
            secure: request.protocol === 'https' || issuer.isBehindHttps(),
            maxAge: SESSION_LIFE_MS / SECOND_MS,
          })
          .redirect('/', 303);
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/session/end',
      schema: {
        operationId: 'endSession',
        tags: ['identity'],
        summary: 'Sign out: the session cookie stops being valid everywhere',
        querystring: noQuery,
        response: { 204: z.undefined().describe('Signed out') },
      },
      handler: async (request, reply) => {
        const session = request.cookies[SESSION_COOKIE];
        if (callerOf(request).via === 'session' && session !== undefined) await issuer?.revoke(session);
        return reply.clearCookie(SESSION_COOKIE, { path: '/', httpOnly: true, sameSite: 'strict' }).code(204).send();
      },
    });
    done();
  };
}
