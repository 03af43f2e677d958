import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Caller } from './authenticate.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, ownTenantOf } from './guard.ts';
import { noQuery } from './parameters.ts';

export const whoAmISchema = z
  .object({
    subject: z.string(),
    role: z.string().describe('A staff or tenant role; "key" for keys'),
    tenant_id: z.string().nullable().describe('null: not bound to one tenant'),
    tenants: z
      .array(z.string())
      .nullable()
      .describe(
        'Every tenant that the token lists for this person; the open one is tenant_id, and another is opened by a token that names it. null: the token lists none',
      ),
    expires_at: z.string().nullable().describe('null: the credentials do not expire by themselves'),
  })
  .meta({ id: 'WhoAmI' });

function describeCaller({ actor, tenants, expiresAt }: Caller): z.infer<typeof whoAmISchema> {
  return {
    subject: actor.subject,
    role: actor.kind === 'key' ? 'key' : actor.role,
    tenant_id: ownTenantOf(actor) ?? null,
    tenants: tenants === undefined ? null : [...tenants],
    expires_at: expiresAt === null ? null : rfc3339(expiresAt),
  };
}

export function whoAmIRoutes(): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/whoami',
      schema: {
        operationId: 'whoAmI',
        tags: ['identity'],
        summary: 'What the credentials on this request stand for',
        querystring: noQuery,
        response: { 200: whoAmISchema },
      },
      handler: async (request) => describeCaller(callerOf(request)),
    });
    done();
  };
}
