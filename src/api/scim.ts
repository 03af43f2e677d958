/** SCIM 2.0 (RFC 7643, RFC 7644): how a customer's directory tells who its people are. No bulk, no passwords. */
import type { FastifyInstance } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { SCIM_USERS_MAX } from '../domain/scim.ts';
import type { ApiContext } from './context.ts';
import { SCIM_TYPE, ScimError } from './scim-errors.ts';
import { LIST_SCHEMA } from './scim-query.ts';
import { groupToWire, readGroup, readUser, userToWire } from './scim-resource.ts';
import { SCIM_ROOT, scimBaseOf, scimListSchema, scimResourceRoutes, scimResourceSchema } from './scim-routes.ts';
import { describeResourceType, describeSchema, GROUP_TYPE, type ScimResourceType, USER_TYPE } from './scim-schema.ts';

const TYPES: readonly ScimResourceType[] = [USER_TYPE, GROUP_TYPE];
/** Some directories write switches of their own into the address, which then come with every request. */
const anyQuery = z.object({});
const params = z.object({ id: z.string().max(256) });

function providerConfig(base: string): z.infer<typeof scimResourceSchema> {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: SCIM_USERS_MAX },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A key with the scope scim, which is of one tenant',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

/** Bodies of both types; directories send the type of a body along with requests that have none. */
function readScimBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([SCIM_TYPE, 'application/json'], { parseAs: 'string' }, (request, text, parsed) => {
    if (text === '') parsed(null, undefined);
    else void parseJson(request, String(text), parsed);
  });
}

function discoveryRoutes(): FastifyPluginCallbackZod {
  const describe = {
    ResourceTypes: { word: 'resource type', as: describeResourceType, id: ({ name }: ScimResourceType) => name },
    Schemas: { word: 'schema', as: describeSchema, id: ({ schema }: ScimResourceType) => schema },
  } as const;

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: `${SCIM_ROOT}/ServiceProviderConfig`,
      schema: {
        operationId: 'getScimConfig',
        tags: ['scim'],
        summary: 'What of SCIM there is',
        querystring: anyQuery,
        response: { 200: scimResourceSchema },
      },
      handler: async (request, reply) => reply.type(SCIM_TYPE).send(providerConfig(scimBaseOf(request))),
    });

    for (const [name, { word, as, id }] of Object.entries(describe)) {
      app.route({
        method: 'GET',
        url: `${SCIM_ROOT}/${name}`,
        schema: {
          operationId: `listScim${name}`,
          tags: ['scim'],
          summary: `Every ${word}`,
          querystring: z.object({ filter: z.string().optional().describe('Refused, as RFC 7644, 4 asks for') }),
          response: { 200: scimListSchema },
        },
        handler: async (request, reply) => {
          if (request.query.filter !== undefined) {
            throw new ScimError('invalidFilter', 'These cannot be filtered.', 'FORBIDDEN');
          }
          const Resources = TYPES.map((type) => as(type, scimBaseOf(request))) as z.infer<typeof scimResourceSchema>[];
          const total = Resources.length;
          return reply
            .type(SCIM_TYPE)
            .send({ schemas: [LIST_SCHEMA], totalResults: total, startIndex: 1, itemsPerPage: total, Resources });
        },
      });

      app.route({
        method: 'GET',
        url: `${SCIM_ROOT}/${name}/:id`,
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: `getScim${name}`,
          tags: ['scim'],
          summary: `One ${word}`,
          ...{ params, querystring: anyQuery, response: { 200: scimResourceSchema } },
        },
        handler: async (request, reply) => {
          const type = TYPES.find((one) => id(one) === request.params.id);
          if (type === undefined) throw new TenantryError('NOT_FOUND', `There is no such ${word}.`);
          return reply.type(SCIM_TYPE).send(as(type, scimBaseOf(request)) as z.infer<typeof scimResourceSchema>);
        },
      });
    }
    done();
  };
}

export function scimRoutes({ ports: { scim } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    readScimBodies(app);
    app.register(discoveryRoutes());
    app.register(
      scimResourceRoutes({
        ...{ type: USER_TYPE, store: scim.users, toWire: userToWire },
        read: (body, before) => readUser(body, USER_TYPE, before?.active ?? true),
      }),
    );
    app.register(
      scimResourceRoutes({
        ...{ type: GROUP_TYPE, store: scim.groups, toWire: groupToWire },
        read: (body) => readGroup(body, GROUP_TYPE),
      }),
    );
    done();
  };
}
