import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { StaffActor, TenantActor } from '../domain/actor.ts';
import { DELETION_WAITING_DAYS, type DeletionRequest, type LegalHold } from '../domain/deletion.ts';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import type { DeletionRequestItem, LegalHoldItem } from './deletions-contract.ts';
import { narrowTo, noSuchTenant, oneTenantOf, personOf, refuseForeignRows, staffOf } from './guard.ts';
import { lineOfText, noQuery, tenantIdText, UUID, wholeNumber } from './parameters.ts';

const reason = lineOfText(1, 500).describe('Why, in one sentence for people');

export const deletionRequestSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    state: z.enum(['requested', 'cancelled']),
    reason: z.string(),
    requested_by: z.string(),
    requested_at: z.string(),
    not_before: z.string().describe('Nothing is deleted before, and nothing by itself'),
    ended_at: z.string().nullable(),
    ended_by: z.string().nullable(),
    legal_hold: z.boolean().describe('Nothing of the tenant may be deleted while this holds'),
    next_step: z.string().describe('What happens now, in one sentence'),
  })
  .meta({ id: 'DeletionRequest' });

export const deletionRequestListSchema = z
  .object({ items: z.array(deletionRequestSchema), waiting_days: z.int() })
  .meta({ id: 'DeletionRequestList' });

export const newDeletionRequestSchema = z
  .strictObject({ reason, tenant_id: tenantIdText.exactOptional().describe("Needed from the operator's people") })
  .meta({ id: 'NewDeletionRequest' });

export const legalHoldSchema = z
  .object({ tenant_id: z.string(), reason: z.string(), set_by: z.string(), set_at: z.string() })
  .meta({ id: 'LegalHold' });

export const legalHoldListSchema = z.object({ items: z.array(legalHoldSchema) }).meta({ id: 'LegalHoldList' });

export const newLegalHoldSchema = z.strictObject({ reason }).meta({ id: 'NewLegalHold' });

/** Says only what this version really does. */
function nextStepOf({ state, legalHold, notBefore }: DeletionRequest): string {
  if (state === 'cancelled') return 'Cancelled: nothing was deleted.';
  if (legalHold) return 'The operator is obliged to keep this data at present, so nothing is deleted while that holds.';
  const day = rfc3339(notBefore).slice(0, 10);
  return `It stands in the operator's list, who deletes by hand and not before ${day}. Nothing is deleted by itself; until then this can be cancelled.`;
}

/** Tenants do not learn who of the operator's people did something. */
function deletionToWire(request: DeletionRequest, reader: StaffActor | TenantActor): DeletionRequestItem {
  const by = (subject: string, isOperator: boolean) => (isOperator && reader.kind === 'tenant' ? 'operator' : subject);
  return {
    ...{ id: request.requestId, tenant_id: request.tenantId, state: request.state, reason: request.reason },
    requested_by: by(request.requestedBy, request.requestedByOperator),
    requested_at: rfc3339(request.requestedAt),
    not_before: rfc3339(request.notBefore),
    ended_at: nullableTime(request.endedAt),
    ended_by: request.endedBy === null ? null : by(request.endedBy, request.endedByOperator === true),
    legal_hold: request.legalHold,
    next_step: nextStepOf(request),
  };
}

function holdToWire({ tenantId, reason: why, setBy, setAt }: LegalHold): LegalHoldItem {
  return { tenant_id: tenantId, reason: why, set_by: setBy, set_at: rfc3339(setAt) };
}

/** Wishes to be deleted. Nothing here deletes. */
export function deletionRoutes({ ports: { deletions } }: ApiContext): FastifyPluginCallbackZod {
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
        return { items: items.map((item) => deletionToWire(item, actor)), waiting_days: DELETION_WAITING_DAYS };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/deletion-requests',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'requestDeletion',
        tags: ['deletion'],
        summary: 'Ask for a tenant to be deleted. Deletes nothing: the operator does, after the waiting period',
        querystring: noQuery,
        body: newDeletionRequestSchema,
        response: { 201: deletionRequestSchema },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.body.tenant_id);
        const made = await deletions.request(actor, tenantId, request.body.reason);
        return reply.code(201).send(deletionToWire(made, actor));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/deletion-requests/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'cancelDeletion',
        tags: ['deletion'],
        summary: 'Take back a request to be deleted, within the waiting period',
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
          throw new TenantryError('NOT_FOUND', 'There is no request with this id that stands.', {
            hint: 'GET /v1/deletion-requests?open=true lists those that do.',
          });
        }
        return deletionToWire(cancelled, actor);
      },
    });
    app.register(legalHolds(deletions));
    done();
  };
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
