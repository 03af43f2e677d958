import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PRICE_LAYERS } from '../domain/price.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { instant, lineOfText, noQuery, STORED_ID, wholeNumber } from './parameters.ts';
import { contractRoutes } from './prices-contracts.ts';
import { importFromWire, priceFromWire, priceToWire, termsToWire } from './prices-convert.ts';
import { monthRoutes } from './prices-months.ts';
import { endQuery, noSuchPrice } from './prices-parameters.ts';
import type { ImportPreview } from './prices-ports.ts';
import {
  bookWriteSchema,
  importBody,
  importPreviewBody,
  importPreviewSchema,
  newPricesSchema,
  priceListSchema,
  unpricedListSchema,
  versionListSchema,
} from './prices-schemas.ts';
import { resolveWindow } from './time-range.ts';

/** LiteLLM's file as a JSON string, every character of which may be escaped. */
const IMPORT_BODY_BYTES = 8 * 1024 * 1024;
/** Of each kind of line in a preview; the counts are of all. */
const SHOWN = 1_000;
const SHOWN_UNPRICED = 1_000;

const listQuery = z.strictObject({
  q: lineOfText(1, 200).optional().describe('Part of provider or model'),
  layer: z.enum(PRICE_LAYERS).optional(),
  at: instant.optional().describe('Only what holds at this moment'),
  limit: wholeNumber(1, 1_000).default(100),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});
export function priceRoutes(context: ApiContext): FastifyPluginCallbackZod {
  const { ports, cursors, now } = context;
  const { prices } = ports;

  return (app, _options, done) => {
    app.register(contractRoutes(context));
    app.register(monthRoutes(context));

    app.route({
      method: 'GET',
      url: '/v1/prices',
      schema: {
        operationId: 'listPrices',
        tags: ['prices'],
        summary: 'The price book: what each model costs, since when, and who says so',
        querystring: listQuery,
        response: { 200: priceListSchema },
      },
      handler: async (request) => {
        const { q, layer, at, limit, cursor } = request.query;
        const binding = ['prices', q ?? null, layer ?? null, at ?? null, limit];
        const offset = cursor === undefined ? 0 : cursors.open(cursor, binding).offset;
        const { items, total, version } = prices.list({
          search: q,
          layers: layer === undefined ? PRICE_LAYERS : [layer],
          owner: undefined,
          at: at === undefined ? undefined : Date.parse(at),
          offset,
          limit,
        });
        const next = offset + limit < total ? cursors.seal({ offset: offset + limit, from: 0, to: 0 }, binding) : null;
        return { items: items.map(priceToWire), next_cursor: next, total, version };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/prices',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'addPrices',
        tags: ['prices'],
        summary: 'Write prices into the book, in the place of what it says for the same thing and time',
        querystring: noQuery,
        body: newPricesSchema,
        response: { 201: bookWriteSchema },
      },
      handler: async (request, reply) => {
        const { prices: given, reason } = request.body;
        const written = await prices.add(
          staffOf(request),
          { layer: 'book' },
          { prices: given.map(priceFromWire), reason },
        );
        return reply.code(201).send(written);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/prices/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'endPrice',
        tags: ['prices'],
        summary: 'End a price of the book',
        params: z.object({ id: z.string() }),
        querystring: endQuery,
        response: { 200: bookWriteSchema },
      },
      handler: async (request) => {
        const { id } = request.params;
        const { effective_to: at, reason } = request.query;
        if (!STORED_ID.test(id)) throw noSuchPrice();
        const price = { id, at: at === undefined ? null : Date.parse(at), reason };
        const actor = staffOf(request);
        const written = (await prices.end(actor, 'book', price)) ?? (await prices.end(actor, 'seed', price));
        if (written === undefined) throw noSuchPrice();
        return written;
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/prices/versions',
      schema: {
        operationId: 'listPriceVersions',
        tags: ['prices'],
        summary: 'Who changed the price book when, newest first',
        querystring: z.strictObject({ limit: wholeNumber(1, 1_000).default(100) }),
        response: { 200: versionListSchema },
      },
      handler: async (request) => {
        const versions = await prices.versions(staffOf(request), request.query.limit);
        return { items: versions.map(({ at, ...version }) => ({ ...version, at: rfc3339(at) })) };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/prices/unpriced',
      schema: {
        operationId: 'listUnpriced',
        tags: ['prices'],
        summary: 'Models that were called and have no known price: their cost is in no figure',
        querystring: z.strictObject({ from: instant.optional(), to: instant.optional() }),
        response: { 200: unpricedListSchema },
      },
      handler: async (request) => {
        const window = resolveWindow(request.query, now());
        const items = await prices.unpriced(window);
        return { from: rfc3339(window.from), to: rfc3339(window.to), items: items.slice(0, SHOWN_UNPRICED) };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/prices/imports/preview',
      bodyLimit: IMPORT_BODY_BYTES,
      schema: {
        operationId: 'previewPriceImport',
        tags: ['prices'],
        summary: 'What a price list would change; nothing is written',
        querystring: noQuery,
        body: importPreviewBody,
        response: { 200: importPreviewSchema },
      },
      handler: async (request) => previewToWire(prices.preview(importFromWire(request.body, now()))),
    });

    app.route({
      method: 'POST',
      url: '/v1/prices/imports',
      bodyLimit: IMPORT_BODY_BYTES,
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'importPrices',
        tags: ['prices'],
        summary: 'Take a price list into the book, all of it or nothing',
        querystring: noQuery,
        body: importBody,
        response: { 201: bookWriteSchema },
      },
      handler: async (request, reply) => {
        const { expected_version: expectedVersion, reason } = request.body;
        const wanted = importFromWire(request.body, now());
        return reply.code(201).send(await prices.apply(staffOf(request), wanted, { expectedVersion, reason }));
      },
    });

    done();
  };
}

function previewToWire({ version, added, changed, removed, unchanged, errors, skipped }: ImportPreview) {
  return {
    version,
    counts: {
      ...{ added: added.length, changed: changed.length, removed: removed.length, unchanged },
      ...{ errors: errors.length, skipped: skipped.length },
    },
    added: added.slice(0, SHOWN).map(termsToWire),
    changed: changed
      .slice(0, SHOWN)
      .map(({ before, after }) => ({ before: before.map(termsToWire), after: termsToWire(after) })),
    removed: removed.slice(0, SHOWN).map(termsToWire),
    errors: errors.slice(0, SHOWN).map(({ where, reason }) => ({ where, reason })),
    skipped: skipped.slice(0, SHOWN).map(({ where, reason }) => ({ where, reason })),
  };
}
