import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { DAY_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { deletionCertificateRoutes } from './deletions-certificates.ts';
import { deletionToWire, holdToWire } from './deletions-convert.ts';
import {
  deletionRequestListSchema,
  deletionRequestSchema,
  legalHoldListSchema,
  legalHoldSchema,
  newDeletionRequestSchema,
  newLegalHoldSchema,
} from './deletions-schemas.ts';
import { narrowTo, noSuchTenant, oneTenantOf, personOf, refuseForeignRows, staffOf } from './guard.ts';
import { noQuery, tenantIdText, UUID, wholeNumber } from './parameters.ts';

/** Wishes to be deleted, what stands in their way, and their being carried out, which is done elsewhere. */
export function deletionRoutes({
  ports: { deletions, deletionCertificates: certificates },
}: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/deletion-requests',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listDeletionRequests',
        tags: ['deletion'],
        summary: 'Requests to delete tenants, newest first, and what happens with each now',
        querystring: z.strictObject({
          tenant_id: tenantIdText.optional(),
          open: z.enum(['true', 'false']).default('false').describe('true: only those that stand'),
          limit: wholeNumber(1, 1_000).default(100),
        }),
        response: { 200: deletionRequestListSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const { tenant_id: asked, open, limit } = request.query;
        const tenantId = narrowTo(actor, asked);
        const items = await deletions.list(actor, { tenantId, openOnly: open === 'true', limit });
        refuseForeignRows(
          tenantId,
          items.map((item) => item.tenantId),
        );
        const { terms } = deletions;
        return {
          items: items.map((item) => deletionToWire(item, actor, terms)),
          ...{ waiting_days: terms.waitingDays, automatic: terms.automatic },
        };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/deletion-requests',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'requestDeletion',
        tags: ['deletion'],
        summary: 'Ask for a tenant to be deleted: it is closed to use at once, and deleted after the waiting period',
        querystring: noQuery,
        body: newDeletionRequestSchema,
        response: { 201: deletionRequestSchema },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.body.tenant_id);
        const { reason, legal_basis: legalBasis = '', waiting_days: days } = request.body;
        if (days !== undefined && actor.kind === 'tenant') {
          throw new TenantryError('FORBIDDEN', 'How long a request waits is the operator’s to say.', {
            hint: 'Leave "waiting_days" out.',
            pointer: '/waiting_days',
          });
        }
        const waitingMs = (days ?? deletions.terms.waitingDays) * DAY_MS;
        const made = await deletions.request(actor, tenantId, { reason, legalBasis, waitingMs });
        return reply.code(201).send(deletionToWire(made, actor, deletions.terms));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/deletion-requests/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'cancelDeletion',
        tags: ['deletion'],
        summary: 'Take back a request to be deleted, within the waiting period: the tenant is as it was',
        params: z.object({ id: z.string() }),
        querystring: z.strictObject({
          tenant_id: tenantIdText.optional().describe("Needed from the operator's people"),
        }),
        response: { 200: deletionRequestSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        const { id } = request.params;
        const cancelled = UUID.test(id) ? await deletions.cancel(actor, tenantId, id) : undefined;
        if (cancelled === undefined) {
          throw noSuchRequest();
        }
        return deletionToWire(cancelled, actor, deletions.terms);
      },
    });
    app.route({
      method: 'POST',
      url: '/v1/deletion-requests/:id/start',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'startDeletion',
        tags: ['deletion'],
        summary: 'Delete a tenant whose waiting period is over, or go on where it failed. Cannot be undone',
        params: z.object({ id: z.string() }),
        querystring: z.strictObject({ tenant_id: tenantIdText }),
        response: { 202: deletionRequestSchema },
      },
      handler: async (request, reply) => {
        const actor = staffOf(request);
        const tenantId = parseTenantId(request.query.tenant_id);
        const { id } = request.params;
        const started =
          tenantId !== undefined && UUID.test(id) ? await deletions.start(actor, tenantId, id) : undefined;
        if (started === undefined) throw noSuchRequest();
        return reply.code(202).send(deletionToWire(started, actor, deletions.terms));
      },
    });
    app.register(legalHolds(deletions));
    app.register(deletionCertificateRoutes(certificates));
    done();
  };
}

function noSuchRequest(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no request with this id that stands.', {
    hint: 'GET /v1/deletion-requests?open=true lists those that do.',
  });
}

function legalHolds(deletions: ApiContext['ports']['deletions']): FastifyPluginCallbackZod {
  const params = z.object({ tenant_id: z.string() });
  const tenantOf = (text: string) => {
    const tenantId = parseTenantId(text);
    if (tenantId === undefined) throw noSuchTenant();
    return tenantId;
  };
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/legal-holds',
      schema: {
        operationId: 'listLegalHolds',
        tags: ['deletion'],
        summary: 'Tenants of whom nothing may be deleted at present, and why',
        querystring: noQuery,
        response: { 200: legalHoldListSchema },
      },
      handler: async (request) => ({ items: (await deletions.holds(staffOf(request))).map(holdToWire) }),
    });

    app.route({
      method: 'PUT',
      url: '/v1/legal-holds/:tenant_id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'setLegalHold',
        tags: ['deletion'],
        summary: 'Refuse requests to delete a tenant, and let nothing of it be deleted',
        params,
        querystring: noQuery,
        body: newLegalHoldSchema,
        response: { 200: legalHoldSchema },
      },
      handler: async (request) =>
        holdToWire(await deletions.hold(staffOf(request), tenantOf(request.params.tenant_id), request.body.reason)),
    });

    app.route({
      method: 'DELETE',
      url: '/v1/legal-holds/:tenant_id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'releaseLegalHold',
        tags: ['deletion'],
        summary: 'End a legal hold',
        params,
        querystring: noQuery,
        response: { 204: z.undefined().describe('Released') },
      },
      handler: async (request, reply) => {
        if (!(await deletions.release(staffOf(request), tenantOf(request.params.tenant_id)))) {
          throw new TenantryError('NOT_FOUND', 'There is no legal hold on this tenant.', {
            hint: 'GET /v1/legal-holds lists them.',
          });
        }
        return reply.code(204).send();
      },
    });
    done();
  };
}
