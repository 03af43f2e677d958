/** Users and groups over HTTP: the same six routes for both (RFC 7644, 3). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TenantKeyActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { matchesEtag } from './flags.ts';
import { callerOf, refuseForeignRows } from './guard.ts';
import { SCIM_TYPE } from './scim-errors.ts';
import type { Json } from './scim-filter.ts';
import { applyPatch } from './scim-patch.ts';
import type { ScimResources } from './scim-ports.ts';
import { listOf, listQuery, type ShownQuery, searchOf, shownOf, shownQuery } from './scim-query.ts';
import { etagOf } from './scim-resource.ts';
import type { ScimResourceType } from './scim-schema.ts';

export const SCIM_ROOT = '/scim/v2';
/** A group with as many members as there can be users. */
const BODY_LIMIT_BYTES = 1024 * 1024;
const CONSUMES = [SCIM_TYPE, 'application/json'];

const params = z.object({ id: z.string().max(256) });
const shown = z.object(shownQuery);
/** Names of attributes have no case and directories send more than is kept, so the schema says little. */
const body = z
  .record(z.string(), z.unknown())
  .meta({ id: 'ScimBody', description: 'RFC 7643, or for PATCH RFC 7644, 3.5.2' });
export const scimResourceSchema = z
  .looseObject({ schemas: z.array(z.string()) })
  .meta({ id: 'ScimResource', description: 'RFC 7643; GET /scim/v2/Schemas describes its attributes' });
export const scimListSchema = z
  .object({
    schemas: z.array(z.string()),
    ...{ totalResults: z.int(), startIndex: z.int(), itemsPerPage: z.int() },
    Resources: z.array(scimResourceSchema),
  })
  .meta({ id: 'ScimList', description: 'RFC 7644, 3.4.2' });

/** The key of a directory. The permission table lets nobody else in, and no such key is made for every tenant. */
function directoryOf(request: FastifyRequest): TenantKeyActor {
  const { actor } = callerOf(request);
  if (actor.kind === 'key' && actor.tenantId !== undefined) return { ...actor, tenantId: actor.tenantId };
  throw new TenantryError('FORBIDDEN', 'Only the key of a directory may do this.');
}

/** One answer for what is not there and for what is another tenant's. */
function noSuchResource(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no resource with this id.');
}

/** Addresses of resources begin with where the caller asked. */
export function scimBaseOf(request: FastifyRequest): string {
  return `${request.protocol}://${request.host}${SCIM_ROOT}`;
}

/** @throws TenantryError PRECONDITION_FAILED when the caller has seen another version than there is */
function refuseStale(request: FastifyRequest, resource: { readonly version: number }): void {
  const wanted = request.headers['if-match'];
  if (wanted === undefined || matchesEtag(wanted, etagOf(resource))) return;
  throw new TenantryError('PRECONDITION_FAILED', 'The resource has changed since that version.', {
    hint: 'Read it again.',
  });
}

interface Stored {
  readonly tenantId: TenantId;
  readonly version: number;
}

export interface ScimKind<Resource extends Content & Stored, Content> {
  readonly type: ScimResourceType;
  readonly store: ScimResources<Resource, Content>;
  /** As it is sent. */
  toWire(resource: Resource, base: string): Json;
  /** What a body says is to be kept; `before`: the one that it changes. @throws ScimError */
  read(body: unknown, before: Resource | undefined): Content;
}

export function scimResourceRoutes<Resource extends Content & Stored, Content>(
  kind: ScimKind<Resource, Content>,
): FastifyPluginCallbackZod {
  const { type, store, toWire, read } = kind;
  const { name, endpoint } = type;
  const collection = `${SCIM_ROOT}${endpoint}`;

  const send = (request: FastifyRequest, reply: FastifyReply, query: ShownQuery, resource: Resource) => {
    refuseForeignRows(directoryOf(request).tenantId, [resource.tenantId]);
    const wire = toWire(resource, scimBaseOf(request));
    return reply.header('etag', etagOf(resource)).type(SCIM_TYPE).send(shownOf(query, type)(wire));
  };
  const found = (resource: Resource | undefined): Resource => {
    if (resource === undefined) throw noSuchResource();
    return resource;
  };

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: collection,
      schema: {
        operationId: `listScim${name}s`,
        tags: ['scim'],
        summary: `The ${name.toLowerCase()}s of a tenant's directory that a filter matches`,
        querystring: listQuery,
        response: { 200: scimListSchema },
      },
      handler: async (request, reply) => {
        const actor = directoryOf(request);
        const search = searchOf(request.query, type);
        const resources = await store.list(actor, actor.tenantId, search.narrowing);
        refuseForeignRows(
          actor.tenantId,
          resources.map(({ tenantId }) => tenantId),
        );
        const base = scimBaseOf(request);
        const list = listOf(resources, (one) => toWire(one, base), search, request.query, type);
        return reply.type(SCIM_TYPE).send(list as z.infer<typeof scimListSchema>);
      },
    });

    app.route({
      method: 'POST',
      url: collection,
      bodyLimit: BODY_LIMIT_BYTES,
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: `createScim${name}`,
        tags: ['scim'],
        summary: `Tell of a ${name.toLowerCase()}`,
        ...{ querystring: shown, consumes: CONSUMES, body, response: { 201: scimResourceSchema } },
      },
      handler: async (request, reply) => {
        const made = await store.create(directoryOf(request), read(request.body, undefined));
        const { meta } = toWire(made, scimBaseOf(request)) as { meta: { location: string } };
        return send(request, reply.code(201).header('location', meta.location), request.query, made);
      },
    });

    app.route({
      method: 'GET',
      url: `${collection}/:id`,
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: `getScim${name}`,
        tags: ['scim'],
        summary: `One ${name.toLowerCase()} (If-None-Match)`,
        ...{ params, querystring: shown },
        response: { 200: scimResourceSchema, 304: z.undefined().describe('Not changed since that ETag') },
      },
      handler: async (request, reply) => {
        const actor = directoryOf(request);
        const resource = found(await store.find(actor, actor.tenantId, request.params.id));
        if (matchesEtag(request.headers['if-none-match'], etagOf(resource))) return reply.code(304).send();
        return send(request, reply, request.query, resource);
      },
    });

    app.route({
      method: 'PUT',
      url: `${collection}/:id`,
      bodyLimit: BODY_LIMIT_BYTES,
      config: { errors: ['NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED'] },
      schema: {
        operationId: `replaceScim${name}`,
        tags: ['scim'],
        summary: `Replace a ${name.toLowerCase()} (If-Match)`,
        ...{ params, querystring: shown, consumes: CONSUMES, body, response: { 200: scimResourceSchema } },
      },
      handler: async (request, reply) => {
        const changed = await store.change(directoryOf(request), request.params.id, (before) => {
          refuseStale(request, before);
          return read(request.body, before);
        });
        return send(request, reply, request.query, found(changed));
      },
    });

    app.route({
      method: 'PATCH',
      url: `${collection}/:id`,
      bodyLimit: BODY_LIMIT_BYTES,
      config: { errors: ['NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED'] },
      schema: {
        operationId: `changeScim${name}`,
        tags: ['scim'],
        summary: `Change parts of a ${name.toLowerCase()} (If-Match); all operations or none`,
        ...{ params, querystring: shown, consumes: CONSUMES, body, response: { 200: scimResourceSchema } },
      },
      handler: async (request, reply) => {
        const base = scimBaseOf(request);
        const changed = await store.change(directoryOf(request), request.params.id, (before) => {
          refuseStale(request, before);
          return read(applyPatch(toWire(before, base), request.body, type), before);
        });
        return send(request, reply, request.query, found(changed));
      },
    });

    app.route({
      method: 'DELETE',
      url: `${collection}/:id`,
      config: { errors: ['NOT_FOUND', 'PRECONDITION_FAILED'] },
      schema: {
        operationId: `deleteScim${name}`,
        tags: ['scim'],
        summary: `Forget a ${name.toLowerCase()} (If-Match); access through it ends at once`,
        ...{ params, querystring: shown, response: { 204: z.undefined().describe('Forgotten') } },
      },
      handler: async (request, reply) => {
        const check = (before: Resource) => refuseStale(request, before);
        if (!(await store.remove(directoryOf(request), request.params.id, check))) throw noSuchResource();
        return reply.code(204).send();
      },
    });
    done();
  };
}
