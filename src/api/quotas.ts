import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { quotaUnit } from '../domain/plan.ts';
import type { QuotaStanding } from '../domain/quota.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import type { QuotaItem } from './contract.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, narrowTo, noSuchTenant, ownTenantOf, refuseForeignRows, staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import {
  billingDaySchema,
  newBillingDaySchema,
  newSeatsSchema,
  quotaListSchema,
  quotaQuery,
  seatsSchema,
} from './quotas-schemas.ts';
import { forecastToWire } from './spend-convert.ts';

function quotaToWire(standing: QuotaStanding): QuotaItem {
  const { tenantId, plan, quota, window, used, burstSpent, share, state, forecast } = standing;
  const { key, period, kind, limit } = quota;
  return {
    ...{ tenant_id: tenantId, plan, key, unit: quotaUnit(key), period, kind, limit: Number(limit) },
    ...{ used: used === null ? null : Number(used), share, state, burst_spent: Number(burstSpent) },
    period_start: rfc3339(window.from),
    period_end: rfc3339(window.to),
    forecast: forecast === null ? null : forecastToWire(forecast),
  };
}

export function tenantOf(text: string): TenantId {
  const tenantId = parseTenantId(text);
  if (tenantId === undefined) throw noSuchTenant();
  return tenantId;
}

function quotaListRoute({ ports: { sales }, cursors, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/quotas',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'listQuotas',
          tags: ['plans'],
          summary: 'How much of what their plans include tenants have used, and when they will have used it up',
          querystring: quotaQuery,
          response: { 200: quotaListSchema },
        },
      },
      async (request) => {
        const { actor } = callerOf(request);
        const { tenant_id: asked, key, state, at, limit, cursor } = request.query;
        const tenantId = narrowTo(actor, asked);
        const binding = [
          'quotas',
          ownTenantOf(actor) ?? null,
          asked ?? null,
          key ?? null,
          state ?? null,
          at ?? null,
          limit,
        ];
        const position = cursor === undefined ? undefined : cursors.open(cursor, binding);
        const moment = at === undefined ? (position?.from ?? now()) : Date.parse(at);
        const offset = position?.offset ?? 0;
        const page = await sales.quotas.standing(actor, {
          ...{ offset, limit, at: moment, now: now(), withForecast: true },
          ...(tenantId === undefined ? {} : { tenants: [tenantId] }),
        });
        refuseForeignRows(
          tenantId,
          page.standings.map((standing) => standing.tenantId),
        );
        const wanted = page.standings.filter(
          (one) => (key === undefined || one.quota.key === key) && (state === undefined || one.state === state),
        );
        return {
          items: wanted.map(quotaToWire),
          next_cursor:
            page.tenants < limit ? null : cursors.seal({ offset: offset + limit, from: moment, to: moment }, binding),
        };
      },
    );
    done();
  };
}

/** Quotas, and what people and apps say of them that no rollup knows: seats and billing days. */
export function quotaRoutes(context: ApiContext): FastifyPluginCallbackZod {
  const {
    ports: { sales },
    now,
  } = context;
  const params = z.object({ id: z.string() });
  return (app, _options, done) => {
    app.register(quotaListRoute(context));
    app.put(
      '/v1/tenants/:id/seats',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'setSeats',
          tags: ['plans'],
          summary: 'Say how many seats a tenant has in use, from a moment on',
          params,
          querystring: noQuery,
          body: newSeatsSchema,
          response: { 200: seatsSchema },
        },
      },
      async (request) => {
        const tenantId = tenantOf(request.params.id);
        const { seats } = request.body;
        const at = request.body.at === undefined ? now() : Date.parse(request.body.at);
        if (at > now()) {
          throw new TenantryError('BAD_REQUEST', 'body "at" lies in the future.', { hint: 'Say it when it is so.' });
        }
        await sales.quotas.putSeats(staffOf(request), tenantId, BigInt(seats), at);
        return { tenant_id: tenantId, seats, at: rfc3339(at) };
      },
    );
    app.put(
      '/v1/tenants/:id/billing-day',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'setBillingDay',
          tags: ['plans'],
          summary: "Let a tenant's months begin on a day of its own",
          params,
          querystring: noQuery,
          body: newBillingDaySchema,
          response: { 200: billingDaySchema },
        },
      },
      async (request) => {
        const tenantId = tenantOf(request.params.id);
        await sales.quotas.putBillingDay(staffOf(request), tenantId, request.body.day);
        return { tenant_id: tenantId, day: request.body.day };
      },
    );
    done();
  };
}
