import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EMBED_VIEWS, type EmbedToken } from '../domain/embed.ts';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import type { EmbedTokenItem } from './embed-contract.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { lineOfText, noQuery, tenantIdText, UUID, wholeNumber } from './parameters.ts';

const DEFAULT_LIFE_SECONDS = 900;
/** A frame asks its host for a new one in time; a token that got out is worth little for long. */
const MAX_LIFE_SECONDS = 3_600;

const views = z.array(z.enum(EMBED_VIEWS));

export const embedTokenSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    user: z.string().nullable(),
    views,
    created_by: z.string(),
    created_at: z.string(),
    expires_at: z.string(),
    revoked_at: z.string().nullable(),
  })
  .meta({ id: 'EmbedToken' });

export const embedTokenListSchema = z.object({ items: z.array(embedTokenSchema) }).meta({ id: 'EmbedTokenList' });

export const newEmbedTokenSchema = z
  .strictObject({
    tenant_id: tenantIdText,
    user: lineOfText(1, 128).exactOptional().describe('Your name for whoever looks; for the audit log'),
    expires_in_seconds: z
      .int()
      .min(60)
      .max(MAX_LIFE_SECONDS)
      .exactOptional()
      .describe(`default ${DEFAULT_LIFE_SECONDS}`),
    views: views
      .min(1)
      .max(EMBED_VIEWS.length)
      .refine((names) => new Set(names).size === names.length, 'must name each view once')
      .exactOptional()
      .describe('Parts of the page that it opens; default all'),
  })
  .meta({ id: 'NewEmbedToken' });

export const createdEmbedTokenSchema = embedTokenSchema
  .extend({ token: z.string().describe('For the frame, after #token= in its address; shown this once') })
  .meta({ id: 'CreatedEmbedToken' });

function tokenToWire(token: EmbedToken): EmbedTokenItem {
  const { tokenId: id, tenantId, user, createdBy } = token;
  return {
    ...{ id, tenant_id: tenantId, user, views: [...token.views], created_by: createdBy },
    created_at: rfc3339(token.createdAt),
    expires_at: rfc3339(token.expiresAt),
    revoked_at: nullableTime(token.revokedAt),
  };
}

/** Short-lived tokens for a tenant's usage inside the operator's own product. */
export function embedRoutes({ ports: { embeds }, auth, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/embed-tokens',
      schema: {
        operationId: 'listEmbedTokens',
        tags: ['embedding'],
        summary: 'Tokens for frames that have not expired, newest first, without the tokens themselves',
        querystring: z.strictObject({
          tenant_id: tenantIdText.optional(),
          limit: wholeNumber(1, 1_000).default(100),
        }),
        response: { 200: embedTokenListSchema },
      },
      handler: async (request) => {
        const { tenant_id: asked, limit } = request.query;
        const tokens = await embeds.list(staffOf(request), { tenantId: parseTenantId(asked), limit });
        return { items: tokens.map(tokenToWire) };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/embed-tokens',
      config: { errors: ['NOT_FOUND', 'NOT_SUPPORTED_HERE'] },
      schema: {
        operationId: 'createEmbedToken',
        tags: ['embedding'],
        summary: "Make a token that shows one tenant's usage in a frame, as a viewer, for an hour at most",
        querystring: noQuery,
        body: newEmbedTokenSchema,
        response: { 201: createdEmbedTokenSchema },
      },
      handler: async (request, reply) => {
        const { tenant_id: id, user, expires_in_seconds: seconds, views: wanted } = request.body;
        const tenantId = parseTenantId(id);
        if (tenantId === undefined) throw noSuchTenant();
        if (auth.embed === undefined) {
          throw new TenantryError('NOT_SUPPORTED_HERE', 'This server signs no tokens for frames.');
        }
        // Whole seconds, as the token says them.
        const expiresAt = Math.floor(now() / SECOND_MS + (seconds ?? DEFAULT_LIFE_SECONDS)) * SECOND_MS;
        const made = await embeds.issue(staffOf(request), {
          ...{ tenantId, user: user ?? null, views: wanted ?? EMBED_VIEWS, expiresAt },
        });
        return reply.code(201).send({ ...tokenToWire(made), token: await auth.embed.sign(made) });
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/embed-tokens/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'revokeEmbedToken',
        tags: ['embedding'],
        summary: 'Take a token back; the next thing that its frame asks for is refused',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        response: { 204: z.undefined().describe('Revoked') },
      },
      handler: async (request, reply) => {
        const { id } = request.params;
        if (!UUID.test(id) || !(await embeds.revoke(staffOf(request), id))) {
          throw new TenantryError('NOT_FOUND', 'There is no token with this id that could be taken back.', {
            hint: 'GET /v1/embed-tokens lists them.',
          });
        }
        return reply.code(204).send();
      },
    });
    done();
  };
}
