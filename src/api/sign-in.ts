import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { STAFF_ROLES, TENANT_ROLES } from '../domain/roles.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import { SESSION_COOKIE } from './authenticate.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { callerOf } from './guard.ts';
import { CODE_LIFE_MS, type DevIssuer, SESSION_LIFE_MS } from './issuer.ts';
import { noQuery, tenantIdText } from './parameters.ts';

export const newSignInLinkSchema = z
  .strictObject({
    role: z.enum([...STAFF_ROLES, ...TENANT_ROLES]),
    tenant_id: tenantIdText.exactOptional().describe('Needed for the roles of a tenant, refused for staff'),
  })
  .meta({ id: 'NewSignInLink' });

export const signInLinkSchema = z
  .object({ link: z.string().describe('Signs one browser in, once'), expires_at: z.string() })
  .meta({ id: 'SignInLink' });

/** @throws TenantryError NOT_SUPPORTED_HERE where people sign in elsewhere */
export function ofThisServer(issuer: DevIssuer | undefined): DevIssuer {
  if (issuer !== undefined) return issuer;
  throw new TenantryError('NOT_SUPPORTED_HERE', 'Sign-in links are for development.', {
    hint: "Sign in at your organisation's identity provider.",
  });
}

export function signInRoutes({ auth: { issuer }, now }: ApiContext): FastifyPluginCallbackZod {
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
        const links = ofThisServer(issuer);
        const token = await links.redeem(request.query.code);
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
            secure: request.protocol === 'https' || links.isBehindHttps(),
            maxAge: SESSION_LIFE_MS / SECOND_MS,
          })
          .redirect('/', 303);
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/sign-in-links',
      config: { errors: ['NOT_SUPPORTED_HERE'] },
      schema: {
        operationId: 'createSignInLink',
        tags: ['identity'],
        summary: 'Make a link that signs somebody in with a role; for development',
        querystring: noQuery,
        body: newSignInLinkSchema,
        response: { 201: signInLinkSchema },
      },
      handler: async (request, reply) => {
        const { role, tenant_id: id } = request.body;
        const madeAt = now();
        const link = ofThisServer(issuer).createSignInLink(role, parseTenantId(id));
        return reply.code(201).send({ link, expires_at: rfc3339(madeAt + CODE_LIFE_MS) });
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
