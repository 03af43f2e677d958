import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { DedicatedOffer, DedicatedTerms, PlacementAdvice } from '../domain/dedicated.ts';
import type { ApiContext } from './context.ts';
import type { DedicatedOffers, PlacementAdviceItem } from './contract.ts';
import { staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import { tenantOf } from './quotas.ts';
import {
  dedicatedOffersSchema,
  newDedicatedOffersSchema,
  newPlacementSchema,
  placementAdviceListSchema,
  placementSchema,
} from './signals-schemas.ts';

function termsOf(body: z.infer<typeof newDedicatedOffersSchema>): DedicatedTerms {
  return {
    currency: body.currency,
    sharePercent: body.share_percent,
    days: body.days,
    atLeastDays: body.at_least_days,
    headroomPercent: body.headroom_percent,
    horizonMonths: body.horizon_months,
    offers: body.offers.map((offer) => ({
      ...{ name: offer.name, cpuCores: offer.cpu_cores, storageBytes: offer.storage_bytes },
      ...{ priceMicro: BigInt(offer.price_micro), migrationMicro: BigInt(offer.migration_micro) },
    })),
    pools: body.pools.map(({ pool, units, unit_capacity, unit_price_micro }) => ({
      ...{ pool, units, unitCapacity: unit_capacity, unitPriceMicro: BigInt(unit_price_micro) },
    })),
  };
}

function offerToWire(offer: DedicatedOffer): DedicatedOffers['offers'][number] {
  return {
    ...{ name: offer.name, price_micro: Number(offer.priceMicro), migration_micro: Number(offer.migrationMicro) },
    ...{ cpu_cores: offer.cpuCores, storage_bytes: offer.storageBytes },
  };
}

function termsToWire(terms: DedicatedTerms): DedicatedOffers {
  return {
    currency: terms.currency,
    share_percent: terms.sharePercent,
    days: terms.days,
    at_least_days: terms.atLeastDays,
    headroom_percent: terms.headroomPercent,
    horizon_months: terms.horizonMonths,
    offers: terms.offers.map(offerToWire),
    pools: terms.pools.map(({ pool, units, unitCapacity, unitPriceMicro }) => ({
      ...{ pool, units, unit_capacity: unitCapacity, unit_price_micro: Number(unitPriceMicro) },
    })),
  };
}

const nullableMicro = (micro: bigint | null) => (micro === null ? null : Number(micro));

function adviceToWire(advice: PlacementAdvice): PlacementAdviceItem {
  const { tenantId, verdict, sentence, days, pools, currency, offer, breakEvenMonths } = advice;
  return {
    ...{ tenant_id: tenantId, verdict, sentence, days, currency },
    pools: pools.map((one) => ({
      ...{ pool: one.pool, large_days: one.largeDays, share: one.share, freed_units: one.freedUnits },
      ...{ mean_rate: one.meanRate, peak_rate: one.peakRate },
    })),
    offer: offer === null ? null : offerToWire(offer),
    pooled_cost_micro: nullableMicro(advice.pooledCostMicro),
    pool_saves_micro: nullableMicro(advice.poolSavesMicro),
    monthly_saving_micro: nullableMicro(advice.monthlySavingMicro),
    break_even_months: breakEvenMonths,
  };
}

/** Who might be better off on an instance of their own, and where people have placed tenants. */
export function placementRoutes({ ports: { sales }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/dedicated-offers',
      {
        schema: {
          operationId: 'getDedicatedOffers',
          tags: ['plans'],
          summary: 'What dedicated instances cost, what pools are made of, and from when on a tenant is large',
          querystring: noQuery,
          response: { 200: dedicatedOffersSchema },
        },
      },
      async (request) => termsToWire(await sales.placements.terms(staffOf(request))),
    );
    app.put(
      '/v1/dedicated-offers',
      {
        schema: {
          operationId: 'setDedicatedOffers',
          tags: ['plans'],
          summary: 'Replace them all',
          querystring: noQuery,
          body: newDedicatedOffersSchema,
          response: { 200: dedicatedOffersSchema },
        },
      },
      async (request) => termsToWire(await sales.placements.putTerms(staffOf(request), termsOf(request.body))),
    );
    app.get(
      '/v1/placement-advice',
      {
        schema: {
          operationId: 'listPlacementAdvice',
          tags: ['plans'],
          summary: 'Tenants that are large in a pool, and whether an instance of their own pays. Advice only',
          querystring: noQuery,
          response: { 200: placementAdviceListSchema },
        },
      },
      async (request) => ({ items: (await sales.placements.advice(staffOf(request), now())).map(adviceToWire) }),
    );
    app.put(
      '/v1/tenants/:id/placement',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'setTenantPlacement',
          tags: ['plans'],
          summary: 'Say where a tenant is placed: what apps are told by the flag "placement"',
          params: z.object({ id: z.string() }),
          querystring: noQuery,
          body: newPlacementSchema,
          response: { 200: placementSchema },
        },
      },
      async (request) => {
        const tenantId = tenantOf(request.params.id);
        await sales.placements.putPlacement(staffOf(request), tenantId, request.body);
        return { tenant_id: tenantId, placement: request.body.placement };
      },
    );
    done();
  };
}
