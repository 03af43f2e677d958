import { Readable } from 'node:stream';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Costs } from '../domain/cost.ts';
import { isCurrency } from '../domain/cost-currency.ts';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { alignOutwards, DAY_MS, type Window } from '../domain/window.ts';
import { type ExplainedCost, FOCUS_EXPORT_VERSIONS, type LedgerReader } from './bills-ports.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import type { CostList, ExplainedCostItem } from './costs-contract.ts';
import { COST_GROUPS, costExplanationSchema, costListSchema } from './costs-schemas.ts';
import { noSuchTenant } from './guard.ts';
import { instant, lineOfText, tenantIdText, wholeNumber } from './parameters.ts';
import { resolveWindow } from './time-range.ts';

const FILE_TIMEOUT_MS = 10 * 60_000;
const MOST_TENANTS = 100_000;

const range = { from: instant.optional().describe('Default: the beginning of this month'), to: instant.optional() };
const currency = z.string().refine(isCurrency, 'must be a currency of ISO 4217 such as USD').optional();
const part = lineOfText(1, 64).optional();

const costsQuery = z.strictObject({
  ...range,
  group_by: z.enum(COST_GROUPS).default('tenant'),
  currency: currency.describe('Default: that of most bills of the window'),
  plan: lineOfText(1, 64).optional().describe('Only tenants of this plan'),
  tenant_id: tenantIdText.optional(),
  limit: wholeNumber(1, MOST_TENANTS).default(10_000),
  estimates: z.enum(['true', 'false']).default('true').describe('With AI usage that no bill covers, at book prices'),
});
const explainQuery = z.strictObject({
  ...range,
  ...{ part, currency },
  limit: wholeNumber(1, 500).default(50),
  lines: wholeNumber(0, 100).default(10).describe('Lines of each share that are told'),
  cursor: z.string().max(500).optional(),
});
const focusQuery = z.strictObject({
  ...range,
  currency,
  focus_version: z.enum(FOCUS_EXPORT_VERSIONS).default('1.3'),
  format: z.enum(['csv', 'parquet']).default('csv'),
});

/** Whole days; without `from` those of the month so far. */
function costWindow({ from, to }: { from?: string | undefined; to?: string | undefined }, now: number): Window {
  const end = to === undefined ? now : Date.parse(to);
  const last = new Date(end - 1);
  const month = new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth())).toISOString();
  return alignOutwards(resolveWindow({ from: from ?? month, ...(to === undefined ? {} : { to }) }, now), DAY_MS);
}

function notesOf({ currency: used, otherCurrencies, estimatedMicro, items }: Costs): string[] {
  const notes: string[] = [];
  if (otherCurrencies.length > 0) {
    notes.push(
      `Other bills of this time are in ${otherCurrencies.join(', ')}: ask with currency=…, or import them with rates.`,
    );
  }
  if (estimatedMicro !== 0n) {
    notes.push(
      'AI usage that no bill covers is in the part ai at the prices of the price book (estimated_micro). Where a bill is shared by ai_cost, its money counts and not the estimate.',
    );
  }
  if (used !== 'USD') notes.push('AI usage outside of bills is priced in USD and not in this answer.');
  if (items.some(({ unpricedCalls }) => unpricedCalls > 0)) {
    notes.push('Some AI calls have no known price: what they cost is missing, not 0.');
  }
  return notes;
}

async function answerCosts(costs: LedgerReader, query: z.infer<typeof costsQuery>, now: number): Promise<CostList> {
  const tenantId = parseTenantId(query.tenant_id);
  const found = await costs.costs({
    window: costWindow(query, now),
    estimates: query.estimates === 'true',
    ...(tenantId === undefined ? {} : { tenants: [tenantId] }),
    ...(query.plan === undefined ? {} : { plan: query.plan }),
    ...(query.currency === undefined ? {} : { currency: query.currency }),
  });
  const { window, currency: used, billMicro, estimatedMicro, sharedMicro, idleMicro, unallocatedMicro } = found;
  const by = query.group_by;
  const groups = by === 'tenant' ? [] : await costs.sums({ window, currency: used, by });
  const ordered = found.items.toSorted(
    (a, b) => Number(b.costMicro - a.costMicro) || compareText(a.tenantId, b.tenantId),
  );
  const shown = by === 'tenant' ? ordered.slice(0, query.limit) : [];
  const rest = by === 'tenant' ? ordered.slice(query.limit) : [];
  return {
    ...{ currency: used, from: rfc3339(window.from), to: rfc3339(window.to), group_by: by },
    ...{ bill_micro: Number(billMicro), estimated_micro: Number(estimatedMicro) },
    items: shown.map((item) => ({
      ...{ tenant_id: item.tenantId, cost_micro: Number(item.costMicro), estimated_micro: Number(item.estimatedMicro) },
      unpriced_calls: item.unpricedCalls,
      parts: Object.fromEntries(
        [...item.parts].toSorted(([a], [b]) => compareText(a, b)).map(([name, micro]) => [name, Number(micro)]),
      ),
    })),
    more_tenants: rest.length,
    more_micro: Number(rest.reduce((sum, { costMicro }) => sum + costMicro, 0n)),
    groups: groups.map((group) => ({
      ...{ name: group.name, bill_micro: Number(group.billMicro), tenants_micro: Number(group.tenantsMicro) },
      ...{ shared_micro: Number(group.sharedMicro), idle_micro: Number(group.idleMicro) },
      unallocated_micro: Number(group.unallocatedMicro),
    })),
    ...{
      shared_micro: Number(sharedMicro),
      idle_micro: Number(idleMicro),
      unallocated_micro: Number(unallocatedMicro),
    },
    residual_micro: found.residualMicro === null ? null : Number(found.residualMicro),
    other_currencies: [...found.otherCurrencies],
    notes: notesOf(found),
  };
}

function explainedToWire(cost: ExplainedCost): ExplainedCostItem {
  const { rule, part: name, provider, service, formula, lineCount, lines } = cost;
  return {
    ...{ bill_id: cost.billId, rules_version: cost.rulesVersion, rule, part: name, provider, service, formula },
    charge_category: cost.chargeCategory,
    ...{ from: rfc3339(cost.from), to: rfc3339(cost.to), booked: rfc3339(cost.booked) },
    ...{
      group_micro: Number(cost.groupMicro),
      idle_micro: Number(cost.idleMicro),
      cost_micro: Number(cost.shareMicro),
    },
    usage: cost.bases.map(({ key, weight, usage, total }) => ({
      key,
      weight,
      tenant: String(usage),
      total: String(total),
    })),
    line_count: lineCount,
    lines: lines.map((line) => ({ ...line })),
  };
}

/** What tenants cost, and why. Staff only: a tenant's cost is the operator's business. */
export function costRoutes({ ports: { costs }, cursors, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/costs',
      schema: {
        operationId: 'listCosts',
        tags: ['costs'],
        summary: 'What every tenant cost; with shared, idle and unallocated it adds up to the bills',
        querystring: costsQuery,
        response: { 200: costListSchema },
      },
      handler: (request) => answerCosts(costs, request.query, now()),
    });

    app.route({
      method: 'GET',
      url: '/v1/costs/:tenant_id/explain',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'explainCosts',
        tags: ['costs'],
        summary: 'Why a tenant costs what it costs: lines, rule, usage and formula of each share, the largest first',
        params: z.object({ tenant_id: z.string() }),
        querystring: explainQuery,
        response: { 200: costExplanationSchema },
      },
      handler: async (request) => {
        const tenantId = parseTenantId(request.params.tenant_id);
        if (tenantId === undefined) throw noSuchTenant();
        const { cursor, limit, lines, part: asked, currency: given, ...times } = request.query;
        const binding = ['explain', tenantId, asked ?? null, given ?? null, times.from ?? null, times.to ?? null];
        const position =
          cursor === undefined ? { ...costWindow(times, now()), offset: 0 } : cursors.open(cursor, binding);
        const window = { from: position.from, to: position.to };
        const used = given ?? (await costs.costs({ window, tenants: [tenantId], estimates: false })).currency;
        const page = { limit: limit + 1, offset: position.offset, lines };
        const found = await costs.explain({ tenantId, window, part: asked, currency: used, ...page });
        const next = { ...window, offset: position.offset + limit };
        return {
          ...{ tenant_id: tenantId, currency: used, from: rfc3339(window.from), to: rfc3339(window.to) },
          items: found.slice(0, limit).map(explainedToWire),
          next_cursor: found.length > limit ? cursors.seal(next, binding) : null,
        };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/export/focus',
      handlerTimeout: FILE_TIMEOUT_MS,
      schema: {
        operationId: 'exportFocus',
        tags: ['costs'],
        summary:
          'The bills as they were shared out, in FOCUS with its columns for split costs; SubAccountId is the tenant',
        querystring: focusQuery,
        response: {
          200: {
            description: 'The file',
            content: {
              'text/csv': { schema: z.string() },
              'application/vnd.apache.parquet': { schema: z.string().describe('Binary') },
            },
          },
        },
      },
      handler: async (request, reply) => {
        const { focus_version: version, format, currency: given, ...times } = request.query;
        const window = costWindow(times, now());
        const pieces = costs.focus({ window, currency: given, version, format })[Symbol.asyncIterator]();
        // The first piece is made before anything is sent, so that an error is still an answer of its own.
        const first = await pieces.next();
        if (first.done === true) throw new TenantryError('INTERNAL', 'An export has no beginning');
        const name = `tenantry-focus-${rfc3339(window.from).slice(0, 10)}.${format}`;
        return reply
          .header('content-disposition', `attachment; filename="${name}"`)
          .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/vnd.apache.parquet')
          .send(Readable.from(andThen(first.value, pieces)) as never);
      },
    });
    done();
  };
}

async function* andThen(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
