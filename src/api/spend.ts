import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { SpendReceipt, SpendReport } from '../domain/spend-wire.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { callerOf, narrowTo, noSuchTenant } from './guard.ts';
import { noQuery } from './parameters.ts';
import { spendAnswerSchema, spendReceiptsSchema, spendReportsSchema, spendRequestSchema } from './spend-schemas.ts';

/** The tenant that a key speaks for. @throws TenantryError NOT_FOUND when the key is another tenant's */
function tenantFor(request: FastifyRequest, named: string): TenantId {
  narrowTo(callerOf(request).actor, named);
  const tenantId = parseTenantId(named);
  if (tenantId === undefined) throw noSuchTenant();
  return tenantId;
}

/** Where apps reserve budget for AI calls and settle what they cost. */
export function spendRoutes({ ports: { spend } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'POST',
      url: '/v1/spend/reservations',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'reserveSpend',
        tags: ['spend'],
        summary: 'Reserve budget for an AI call, or a slice of budget for calls to come',
        querystring: noQuery,
        body: spendRequestSchema,
        response: { 200: spendAnswerSchema },
      },
      handler: async (request) => {
        const { instance_id: instanceId, service } = request.body;
        const tenantId = tenantFor(request, request.body.tenant_id);
        return spend.reserve(tenantId, request.body, { keyId: callerOf(request).actor.subject, instanceId, service });
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/spend/settlements',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'settleSpend',
        tags: ['spend'],
        summary: 'Say what reservations have cost so far, renew or close them; may be repeated',
        querystring: noQuery,
        body: spendReportsSchema,
        response: { 200: spendReceiptsSchema },
      },
      handler: async (request) => {
        const { instance_id: instanceId, service, items } = request.body;
        const asker = { keyId: callerOf(request).actor.subject, instanceId, service };
        const byTenant = new Map<TenantId, SpendReport[]>();
        for (const item of items) {
          const tenantId = tenantFor(request, item.tenant_id);
          byTenant.set(tenantId, [...(byTenant.get(tenantId) ?? []), item]);
        }
        const receipts = await Promise.all(
          [...byTenant].map(([tenantId, reports]) => spend.report(tenantId, reports, asker)),
        );
        const byId = new Map(receipts.flat().map((receipt): [string, SpendReceipt] => [receipt.id, receipt]));
        return { items: items.map(({ id }) => byId.get(id) ?? { id, state: 'unknown' as const }) };
      },
    });
    done();
  };
}
