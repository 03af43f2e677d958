import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type CostReader, type Costs, costsAreKnown } from '../domain/cost.ts';
import { isCurrency } from '../domain/cost-currency.ts';
import type { Window } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import type { CostTrend } from './costs-contract.ts';
import { wholeNumber } from './parameters.ts';

const MOST_MONTHS = 13;

const trendQuery = z.strictObject({
  until: z
    .string()
    .regex(/^20\d{2}-(?:0[1-9]|1[0-2])$/, 'must be a month such as 2026-01')
    .optional()
    .describe('The last month, in UTC; default: this one'),
  months: wholeNumber(2, MOST_MONTHS).default(6),
  currency: z.string().refine(isCurrency, 'must be a currency of ISO 4217 such as USD').optional(),
});

export const costTrendSchema = z
  .object({
    currency: z.string(),
    months: z.array(z.string()).describe('Oldest first'),
    known: z.array(z.boolean()).describe('Whether any bill or priced call tells of the month: where not, nothing is 0'),
    items: z
      .array(z.object({ tenant_id: z.string(), costs_micro: z.array(z.int().nullable()) }))
      .describe('By tenant id; of each month, null where the month is not known'),
  })
  .meta({ id: 'CostTrend' });

/** What every tenant cost, month by month. Staff only, as costs are. */
export function costTrendRoutes({ ports: { costs }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/costs/trend',
      schema: {
        operationId: 'getCostTrend',
        tags: ['costs'],
        summary: 'What every tenant cost in each of the last months, in one currency',
        querystring: trendQuery,
        response: { 200: costTrendSchema },
      },
      handler: async (request) => {
        const { until, months: count, currency } = request.query;
        const last = until === undefined ? now() : Date.parse(`${until}-01T00:00:00Z`);
        return trendOf(costs, monthsUntil(last, count), currency);
      },
    });
    done();
  };
}

function monthsUntil(last: number, count: number): readonly Window[] {
  const date = new Date(last);
  const begin = (back: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - back);
  return Array.from({ length: count }, (_, index) => ({
    from: begin(count - 1 - index),
    to: begin(count - 2 - index),
  }));
}

async function trendOf(reader: CostReader, months: readonly Window[], asked: string | undefined): Promise<CostTrend> {
  // The newest first: where no currency is asked for, it is that of the month that people look at.
  const answers: Costs[] = [];
  let currency = asked;
  for (const window of months.toReversed()) {
    const answer = await reader.costs({ window, ...(currency === undefined ? {} : { currency }) });
    currency ??= answer.currency;
    answers.unshift(answer);
  }
  const known = answers.map(costsAreKnown);
  const costs = new Map<string, (number | null)[]>();
  for (const [index, { items }] of answers.entries()) {
    for (const { tenantId, costMicro } of items) {
      const row = costs.get(tenantId) ?? known.map((isKnownMonth) => (isKnownMonth ? 0 : null));
      costs.set(tenantId, row);
      if (known[index] === true) row[index] = Number(costMicro);
    }
  }
  return {
    currency: currency ?? '',
    months: months.map(({ from }) => new Date(from).toISOString().slice(0, 7)),
    known,
    items: [...costs]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([tenant_id, costs_micro]) => ({ tenant_id, costs_micro })),
  };
}
