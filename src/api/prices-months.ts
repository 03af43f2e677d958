import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { noQuery, tenantIdText, wholeNumber } from './parameters.ts';
import { dollars, monthFromWire, monthToWire } from './prices-convert.ts';
import type { MonthStanding, RepricingPreview, RepricingRecord } from './prices-ports.ts';
import {
  monthCostListSchema,
  monthItemSchema,
  monthListSchema,
  monthText,
  repricingBody,
  repricingItemSchema,
  repricingListSchema,
  repricingPreviewBody,
  repricingPreviewSchema,
} from './prices-schemas.ts';

const SHOWN = 10_000;
const byMonth = z.object({ month: z.string() });

function monthOf(text: string): number {
  const month = monthText.safeParse(text);
  if (month.success) return monthFromWire(month.data);
  throw new TenantryError('NOT_FOUND', 'The path names no month.', { hint: 'Months are written as 2026-10.' });
}

/** @throws TenantryError BAD_REQUEST when the range is empty */
function rangeOf(body: { from: string; to: string }): { from: number; to: number } {
  const range = { from: monthFromWire(body.from), to: monthFromWire(body.to) };
  if (range.from < range.to) return range;
  throw new TenantryError('BAD_REQUEST', '"from" must be before "to"', {
    hint: 'Ranges of months are half-open: October 2026 alone is from 2026-10 to 2026-11.',
  });
}

/** Closed months, and what a change of prices does to them. */
export function monthRoutes({ ports: { months } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/months',
      schema: {
        operationId: 'listClosedMonths',
        tags: ['prices'],
        summary: 'Months whose AI costs are closed',
        querystring: noQuery,
        response: { 200: monthListSchema },
      },
      handler: async () => ({ items: (await months.list()).map(monthItem) }),
    });

    app.route({
      method: 'POST',
      url: '/v1/months/:month/close',
      config: { errors: ['CONFLICT', 'NOT_FOUND'] },
      schema: {
        operationId: 'closeMonth',
        tags: ['prices'],
        summary: 'Write down what AI calls cost in a month that is over, for good; later changes become corrections',
        params: byMonth,
        querystring: noQuery,
        response: { 201: monthItemSchema },
      },
      handler: async (request, reply) =>
        reply.code(201).send(monthItem(await months.close(staffOf(request), monthOf(request.params.month)))),
    });

    app.route({
      method: 'GET',
      url: '/v1/months/:month/ai-costs',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listMonthCosts',
        tags: ['prices'],
        summary: 'What a closed month says of each tenant: the figure at the close, and every correction',
        params: byMonth,
        querystring: z.strictObject({ tenant_id: tenantIdText.optional() }),
        response: { 200: monthCostListSchema },
      },
      handler: async (request) => {
        const month = monthOf(request.params.month);
        const figures = await months.figures(staffOf(request), month, parseTenantId(request.query.tenant_id));
        if (figures === undefined) {
          throw new TenantryError('NOT_FOUND', 'The month is not closed.', {
            hint: 'GET /v1/months lists those that are.',
          });
        }
        const items = figures.map(({ tenantId, closedMicro, corrections, unpricedCalls }) => ({
          tenant_id: tenantId,
          closed_micro: closedMicro,
          corrections: corrections.map(({ repricing, micro }) => ({ repricing_id: repricing, micro })),
          cost_micro: corrections.reduce((sum, { micro }) => sum + micro, closedMicro),
          unpriced_calls: unpricedCalls,
        }));
        return { month: monthToWire(month), items };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/repricings/preview',
      schema: {
        operationId: 'previewRepricing',
        tags: ['prices'],
        summary:
          'What the prices of today change in months that are over, by month, tenant and model; nothing is written',
        querystring: noQuery,
        body: repricingPreviewBody,
        response: { 200: repricingPreviewSchema },
      },
      handler: async (request) => {
        const { from_version: fromVersion } = request.body;
        const range = { ...rangeOf(request.body), ...(fromVersion === undefined ? {} : { fromVersion }) };
        return previewToWire(await months.preview(range));
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/repricings',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'applyRepricing',
        tags: ['prices'],
        summary: 'Write what the preview shows as corrections beside the figures of closed months',
        querystring: noQuery,
        body: repricingBody,
        response: { 201: repricingItemSchema },
      },
      handler: async (request, reply) => {
        const { expected_version: expectedVersion, reason } = request.body;
        const range = rangeOf(request.body);
        const record = await months.apply(staffOf(request), range, { expectedVersion, reason });
        return reply.code(201).send(repricingItem(record));
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/repricings',
      schema: {
        operationId: 'listRepricings',
        tags: ['prices'],
        summary: 'Repricings that were applied, newest first',
        querystring: z.strictObject({ limit: wholeNumber(1, 1_000).default(100) }),
        response: { 200: repricingListSchema },
      },
      handler: async (request) => ({
        items: (await months.repricings(staffOf(request), request.query.limit)).map(repricingItem),
      }),
    });

    done();
  };
}

function monthItem({ month, closedBy, closedAt, bookVersion }: MonthStanding) {
  return {
    month: monthToWire(month),
    closed_by: closedBy,
    closed_at: rfc3339(closedAt),
    book_version: bookVersion,
  };
}

function repricingItem({ id, from, to, bookVersion, reason, lines, differenceMicro, by, at }: RepricingRecord) {
  return {
    ...{ id, from: monthToWire(from), to: monthToWire(to), book_version: bookVersion },
    ...{ reason, lines, difference_micro: differenceMicro, by, at: rfc3339(at) },
  };
}

function previewToWire({ version, fromVersion, correctionMicro, items }: RepricingPreview) {
  return {
    ...{ version, from_version: fromVersion, correction_micro: correctionMicro, total: items.length },
    items: items.slice(0, SHOWN).map((item) => ({
      month: monthToWire(item.month),
      closed: item.closed,
      ...{ tenant_id: item.tenantId, provider: item.provider, model: item.model },
      before_usd: dollars(item.beforePico),
      after_usd: dollars(item.afterPico),
      difference_usd: dollars(item.afterPico - item.beforePico),
      calls: item.calls,
      unpriced_calls_before: item.unpricedCallsBefore,
      unpriced_calls_after: item.unpricedCallsAfter,
    })),
  };
}
