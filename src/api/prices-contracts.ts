import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { PRICE_LAYERS } from '../domain/price.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { lineOfText, noQuery, STORED_ID, tenantIdText, wholeNumber } from './parameters.ts';
import { contractToWire, periodFromWire, priceFromWire, priceToWire } from './prices-convert.ts';
import { endQuery, noSuchPrice } from './prices-parameters.ts';
import type { BookWrite } from './prices-ports.ts';
import {
  bookWriteSchema,
  contractListSchema,
  contractName,
  membershipBody,
  newContractSchema,
  newOverridesSchema,
  newPricesSchema,
  priceListSchema,
} from './prices-schemas.ts';

const why = z.strictObject({ reason: lineOfText(1, 1_000).default('ended by hand') });
const byName = z.object({ name: z.string() });
const byId = z.object({ id: z.string() });

function noSuchContract(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no contract of this name, or the tenant is not under it.', {
    hint: 'GET /v1/contracts lists them.',
  });
}

function found(written: BookWrite | undefined): BookWrite {
  if (written === undefined) throw noSuchContract();
  return written;
}

/** A path's contract; any other text names none, and is not looked for. */
function nameOf(text: string): string {
  const name = contractName.safeParse(text);
  if (!name.success) throw noSuchContract();
  return name.data;
}

/** What is agreed with single tenants, and with all that are under a contract. */
export function contractRoutes({ ports: { prices }, cursors }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/price-overrides',
      schema: {
        operationId: 'listPriceOverrides',
        tags: ['prices'],
        summary: 'Prices that were promised to single tenants',
        querystring: z.strictObject({
          tenant_id: tenantIdText.optional(),
          limit: wholeNumber(1, 1_000).default(100),
          cursor: z.string().min(1).max(512).optional(),
        }),
        response: { 200: priceListSchema },
      },
      handler: async (request) => {
        const { tenant_id: owner, limit, cursor } = request.query;
        const binding = ['price-overrides', owner ?? null, limit];
        const offset = cursor === undefined ? 0 : cursors.open(cursor, binding).offset;
        const layers = PRICE_LAYERS.filter((layer) => layer === 'tenant');
        const page = prices.list({ search: undefined, layers, owner, at: undefined, offset, limit });
        const isLast = offset + limit >= page.total;
        return {
          items: page.items.map(priceToWire),
          next_cursor: isLast ? null : cursors.seal({ offset: offset + limit, from: 0, to: 0 }, binding),
          ...{ total: page.total, version: page.version },
        };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/price-overrides',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'addPriceOverrides',
        tags: ['prices'],
        summary: 'Promise prices to a tenant; they overrule its contract and the book',
        querystring: noQuery,
        body: newOverridesSchema,
        response: { 201: bookWriteSchema },
      },
      handler: async (request, reply) => {
        const { tenant_id, prices: given, reason } = request.body;
        const owner = parseTenantId(tenant_id);
        if (owner === undefined) throw noSuchTenant();
        const wanted = { prices: given.map(priceFromWire), reason };
        return reply.code(201).send(await prices.add(staffOf(request), { layer: 'tenant', owner }, wanted));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/price-overrides/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'endPriceOverride',
        tags: ['prices'],
        summary: 'End a price that was promised to a tenant',
        params: byId,
        querystring: endQuery,
        response: { 200: bookWriteSchema },
      },
      handler: async (request) => {
        const { effective_to: at, reason } = request.query;
        const { id } = request.params;
        if (!STORED_ID.test(id)) throw noSuchPrice();
        const price = { id, at: at === undefined ? null : Date.parse(at), reason };
        const written = await prices.end(staffOf(request), 'tenant', price);
        if (written === undefined) throw noSuchPrice();
        return written;
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/contracts',
      schema: {
        operationId: 'listContracts',
        tags: ['prices'],
        summary: 'Contracts with their discounts, tenants and prices',
        querystring: noQuery,
        response: { 200: contractListSchema },
      },
      handler: async () => ({ items: prices.contracts().map(contractToWire) }),
    });

    app.route({
      method: 'PUT',
      url: '/v1/contracts/:name',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'setContract',
        tags: ['prices'],
        summary: 'Make a contract, or change its discount and dates',
        params: byName,
        querystring: noQuery,
        body: newContractSchema,
        response: { 200: bookWriteSchema },
      },
      handler: async (request) => {
        const { discount_percent, reason } = request.body;
        const discountBps = Math.round(discount_percent * 100);
        const terms = { name: nameOf(request.params.name), discountBps, ...periodFromWire(request.body) };
        return prices.putContract(staffOf(request), terms, reason);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/contracts/:name',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'removeContract',
        tags: ['prices'],
        summary:
          'Take a contract away with its prices and tenants, as if it had never been; to end one, set its effective_to',
        params: byName,
        querystring: why,
        response: { 200: bookWriteSchema },
      },
      handler: async (request) =>
        found(await prices.removeContract(staffOf(request), nameOf(request.params.name), request.query.reason)),
    });

    app.route({
      method: 'POST',
      url: '/v1/contracts/:name/prices',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'addContractPrices',
        tags: ['prices'],
        summary: 'Agree prices in a contract; they overrule the book, and its discount does not touch them',
        params: byName,
        querystring: noQuery,
        body: newPricesSchema,
        response: { 201: bookWriteSchema },
      },
      handler: async (request, reply) => {
        const { prices: given, reason } = request.body;
        const owner = { layer: 'contract', owner: nameOf(request.params.name) } as const;
        const written = await prices.add(staffOf(request), owner, { prices: given.map(priceFromWire), reason });
        return reply.code(201).send(written);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/contracts/:name/prices/:id',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'endContractPrice',
        tags: ['prices'],
        summary: 'End a price of a contract',
        params: z.object({ name: z.string(), id: z.string() }),
        querystring: endQuery,
        response: { 200: bookWriteSchema },
      },
      handler: async (request) => {
        const { effective_to: at, reason } = request.query;
        const { id, name } = request.params;
        if (!STORED_ID.test(id)) throw noSuchPrice();
        const price = { id, owner: nameOf(name), at: at === undefined ? null : Date.parse(at), reason };
        const written = await prices.end(staffOf(request), 'contract', price);
        if (written === undefined) throw noSuchPrice();
        return written;
      },
    });

    app.route({
      method: 'PUT',
      url: '/v1/contracts/:name/tenants/:tenant_id',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'attachTenant',
        tags: ['prices'],
        summary: 'Put a tenant under a contract for a time; one contract at a time',
        params: z.object({ name: z.string(), tenant_id: z.string() }),
        querystring: noQuery,
        body: membershipBody,
        response: { 200: bookWriteSchema },
      },
      handler: async (request) => {
        const tenantId = parseTenantId(request.params.tenant_id);
        if (tenantId === undefined) throw noSuchTenant();
        const member = { contract: nameOf(request.params.name), tenantId, ...periodFromWire(request.body) };
        return found(await prices.attach(staffOf(request), member, request.body.reason));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/contracts/:name/tenants/:tenant_id',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'detachTenant',
        tags: ['prices'],
        summary: 'Take a tenant out of a contract, as if it had never been under it; to end it, set its effective_to',
        params: z.object({ name: z.string(), tenant_id: z.string() }),
        querystring: why,
        response: { 200: bookWriteSchema },
      },
      handler: async (request) => {
        const { name, tenant_id } = request.params;
        return found(await prices.detach(staffOf(request), nameOf(name), tenant_id, request.query.reason));
      },
    });

    done();
  };
}
