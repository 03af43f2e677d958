import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { isReservedTenant, type TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { type TenantUsage, USAGE_UNITS, type UsageKey } from '../domain/usage.ts';
import { ceilTo, DAY_MS, floorTo, HOUR_MS, MINUTE_MS, type Window } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, narrowTo, ownTenantOf, refuseForeignRows } from './guard.ts';
import { instant, tenantIdText, wholeNumber } from './parameters.ts';
import { resolveWindow } from './time-range.ts';
import type { TenantUsageItem, UsageList } from './usage-contract.ts';
import { computeOfAll, computeToWire, ratiosOf, valuesToWire } from './usage-convert.ts';
import type { UsageDesk, UsageStep } from './usage-ports.ts';
import { usageListSchema } from './usage-schemas.ts';

const OWN_METRICS = Object.keys(USAGE_UNITS) as UsageKey[];
const METER = /^meter:[a-z0-9]+(?:_[a-z0-9]+)*$/;
const MAX_METRICS = 64;
const STEP_MS: Readonly<Record<UsageStep, number>> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: DAY_MS,
  month: 28 * DAY_MS,
};
/** Tenants times steps of a page; an answer of more would be megabytes. */
const MAX_POINTS = 20_000;

const isUsageKey = (text: string): text is UsageKey => text in USAGE_UNITS || METER.test(text);

const usageQuery = z.strictObject({
  from: instant
    .optional()
    .describe(
      'Start of the window, inclusive; edges are widened to whole minutes, or to the hours or days that are kept; default an hour before its end',
    ),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  step: z.enum(['minute', 'hour', 'day', 'month']).optional().describe('Calendar steps in UTC; default: totals alone'),
  metrics: z
    .string()
    .max(4_000)
    .optional()
    .describe(`Names with commas: ${OWN_METRICS.join(', ')}, or meter:<slug>; default all but meters`),
  tenant_id: tenantIdText.optional(),
  sort: z.string().max(128).optional().describe('A metric that is asked for, most first; default by tenant id'),
  limit: wholeNumber(1, 1_000).default(100),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});
type UsageQuery = z.infer<typeof usageQuery>;

/** @throws TenantryError BAD_REQUEST naming what is no metric */
function metricsOf({ metrics }: UsageQuery): UsageKey[] {
  if (metrics === undefined) return OWN_METRICS;
  const names = [...new Set(metrics.split(',').map((name) => name.trim()))];
  const unknown = names.find((name) => !isUsageKey(name));
  if (unknown !== undefined) {
    throw new TenantryError('BAD_REQUEST', `query parameter "metrics": there is no metric "${unknown.slice(0, 64)}"`, {
      hint: `Allowed: ${OWN_METRICS.join(', ')}, and meter:<slug>.`,
    });
  }
  if (names.length > MAX_METRICS) {
    throw new TenantryError(
      'BAD_REQUEST',
      `query parameter "metrics": ${names.length} metrics, at most ${MAX_METRICS}`,
    );
  }
  return names.filter(isUsageKey);
}

function sortOf({ sort }: UsageQuery, metrics: readonly UsageKey[]): UsageKey | undefined {
  const key = metrics.find((metric) => metric === sort);
  if (sort !== undefined && key === undefined) {
    throw new TenantryError('BAD_REQUEST', 'query parameter "sort" is not one of the metrics asked for', {
      hint: `Here that can be: ${metrics.join(', ')}.`,
    });
  }
  return key;
}

/**
 * The window with each edge widened to what is kept of its time: a minute, an hour or a day. Cut at finer edges, the rest
 * would be missing without a word.
 */
function answerable(window: Window, kept: UsageDesk['kept'], now: number): Window {
  const stepAt = (time: number) => {
    if (time < now - kept.hours) return DAY_MS;
    return time < now - kept.minutes ? HOUR_MS : MINUTE_MS;
  };
  return { from: floorTo(window.from, stepAt(window.from)), to: ceilTo(window.to, stepAt(window.to)) };
}

/** @throws TenantryError BAD_REQUEST when steps of this length are no longer kept */
function checkStep({ step }: UsageQuery, { from }: Window, kept: UsageDesk['kept'], now: number): void {
  const isGone = (step === 'minute' && from < now - kept.minutes) || (step === 'hour' && from < now - kept.hours);
  if (!isGone) return;
  throw new TenantryError('BAD_REQUEST', `query parameter "step": there are no longer ${step}s of the time asked for`, {
    hint: `Use a larger step. Minutes are kept for ${kept.minutes / DAY_MS} days, hours for ${kept.hours / DAY_MS}.`,
  });
}

/** @throws TenantryError BAD_REQUEST when a page would hold too many points */
function checkPoints(window: Window, { step, limit }: UsageQuery, onlyOne: boolean): void {
  if (step === undefined) return;
  const points = (Math.ceil((window.to - window.from) / STEP_MS[step]) + 1) * (onlyOne ? 1 : limit);
  if (points <= MAX_POINTS) return;
  throw new TenantryError(
    'BAD_REQUEST',
    `query parameters "step" and "limit": ${points} points, at most ${MAX_POINTS}`,
    {
      hint: 'Use a larger step, a shorter time, a smaller limit, or name one tenant.',
    },
  );
}

/** What is no tenant comes behind all that are; whoever was not measured comes behind whoever was. */
function inOrder(totals: readonly TenantUsage[], sort: UsageKey | undefined): TenantUsage[] {
  const amount = ({ values }: TenantUsage) => (sort === undefined ? 0n : (values.get(sort) ?? -1n));
  return totals.toSorted((left, right) => {
    const reserved = Number(isReservedTenant(left.tenantId)) - Number(isReservedTenant(right.tenantId));
    if (reserved !== 0) return reserved;
    const [more, less] = [amount(left), amount(right)];
    if (more !== less) return more > less ? -1 : 1;
    return compareText(left.tenantId, right.tenantId);
  });
}

export function usageRoutes({ ports, cursors, now }: ApiContext): FastifyPluginCallbackZod {
  const { usage } = ports;

  async function answer(request: FastifyRequest, query: UsageQuery): Promise<UsageList> {
    const { actor } = callerOf(request);
    const metrics = metricsOf(query);
    const sort = sortOf(query, metrics);
    const only = narrowTo(actor, query.tenant_id);
    const { window, offset } = pageOf(query, actor);
    checkPoints(window, query, only !== undefined);
    const question = { window, metrics, tenants: only === undefined ? undefined : [only] };
    const [totals, compute] = await Promise.all([usage.totals(question), usage.compute(question)]);
    const all = inOrder(totals, sort);
    const page = all.slice(offset, offset + query.limit);
    const series = await seriesOf(query.step, page, question);
    const byTenant = new Map(compute.tenants.map((tenant) => [tenant.tenantId, tenant]));
    refuseForeignRows(
      only,
      [...page, ...series.values(), ...compute.tenants].map(({ tenantId }) => tenantId),
    );
    const own = ownTenantOf(actor);
    const showsCompute = metrics.includes('cpu_ns') || metrics.includes('busy_ns');
    // Shares of everybody's use would tell one tenant about the others.
    const everybody = only === undefined ? computeOfAll(compute.tenants) : undefined;
    const used = own === undefined ? undefined : new Set(byTenant.get(own)?.services);
    const items = page.map(
      ({ tenantId, values }): TenantUsageItem => ({
        tenant_id: tenantId,
        values: valuesToWire(metrics, values),
        ratios: ratiosOf(values),
        compute: showsCompute ? computeToWire(byTenant.get(tenantId), everybody) : null,
        series:
          query.step === undefined
            ? null
            : (series.get(tenantId)?.steps ?? []).map((step) => ({
                at: rfc3339(step.at),
                values: valuesToWire(metrics, step.values),
              })),
      }),
    );
    const end = offset + items.length;
    return {
      from: rfc3339(window.from),
      to: rfc3339(window.to),
      step: query.step ?? null,
      units: Object.fromEntries(metrics.map((metric) => [metric, unitOf(metric)])),
      items,
      next_cursor:
        items.length === 0 || end >= all.length
          ? null
          : cursors.seal({ offset: end, ...window }, bindingOf(query, actor)),
      total: all.length,
      services: compute.services
        .filter(({ service }) => used === undefined || used.has(service))
        .map(({ service, measures, computeBasis }) => ({
          service,
          measures: [...measures],
          compute_basis: computeBasis,
        })),
    };
  }

  function pageOf(query: UsageQuery, actor: Actor): { window: Window; offset: number } {
    if (query.cursor === undefined) {
      const window = answerable(resolveWindow(query, now()), usage.kept, now());
      checkStep(query, window, usage.kept, now());
      return { window, offset: 0 };
    }
    const { from, to, offset } = cursors.open(query.cursor, bindingOf(query, actor));
    return { window: { from, to }, offset };
  }

  async function seriesOf(
    step: UsageStep | undefined,
    page: readonly TenantUsage[],
    question: { readonly window: Window; readonly metrics: readonly UsageKey[] },
  ) {
    if (step === undefined || page.length === 0) return new Map<TenantId, never>();
    const tenants = page.map(({ tenantId }) => tenantId);
    const series = await usage.series({ ...question, tenants, step });
    return new Map(series.map((one) => [one.tenantId, one]));
  }

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/usage',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listUsage',
        tags: ['usage'],
        summary: 'What each tenant used, exactly, as totals and by minute, hour, day or month',
        querystring: usageQuery,
        response: { 200: usageListSchema },
      },
      handler: (request) => answer(request, request.query),
    });
    done();
  };
}

/** The meter says its own unit: GET /v1/meters. */
function unitOf(metric: UsageKey): string {
  const own = Object.entries(USAGE_UNITS).find(([name]) => name === metric);
  return own?.[1] ?? 'meter';
}

function bindingOf({ cursor: _, ...query }: UsageQuery, actor: Actor): readonly unknown[] {
  return [
    'usage',
    actor.kind,
    ownTenantOf(actor) ?? null,
    Object.entries(query).toSorted(([a], [b]) => compareText(a, b)),
  ];
}
