import type { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { PRICE_UNITS, type PriceEntry, type PriceTerms } from '../domain/price.ts';
import { exactPico, type PricePer, picoText } from '../domain/price-text.ts';
import { ceilTo, HOUR_MS } from '../domain/window.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import type { ContractItem, PlannedPriceItem, PriceItem } from './prices-contract.ts';
import type { ContractStanding, GivenPrice, PriceImport } from './prices-ports.ts';
import type { importPreviewBody, newPriceSchema } from './prices-schemas.ts';

/** Tokens are told by the million, as sellers do; everything else one by one. */
function usualPer(kind: PriceTerms['kind']): 1 | 1_000_000 {
  return PRICE_UNITS[kind] === 'token' ? 1_000_000 : 1;
}

export function termsToWire(terms: PriceTerms): PlannedPriceItem {
  const per = usualPer(terms.kind);
  const text = (pico: bigint) => picoText(pico, per);
  const clock = (minutes: number) =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const { provider, model, variant, kind, daily, rate, source, sourceRef } = terms;
  return {
    ...{ provider, model, variant, kind },
    unit: PRICE_UNITS[kind],
    price_usd: text(rate.base),
    per,
    steps: rate.steps.map(({ over, pico }) => ({ input_over: over, price_usd: text(pico) })),
    daily: daily === null ? null : { from: clock(daily.from), to: clock(daily.to) },
    effective_from: nullableTime(terms.effectiveFrom),
    effective_to: nullableTime(terms.effectiveTo),
    source,
    source_ref: sourceRef,
  };
}

export function priceToWire(entry: PriceEntry): PriceItem {
  const { id, layer, owner, version } = entry;
  return {
    ...{ id, layer, version },
    tenant_id: layer === 'tenant' ? owner : null,
    contract: layer === 'contract' ? owner : null,
    ...termsToWire(entry),
  };
}

export function contractToWire({ name, discountBps, members, prices, ...period }: ContractStanding): ContractItem {
  return {
    name,
    discount_percent: discountBps / 100,
    effective_from: nullableTime(period.effectiveFrom),
    effective_to: nullableTime(period.effectiveTo),
    tenants: members.map(({ tenantId, effectiveFrom, effectiveTo }) => ({
      tenant_id: tenantId,
      effective_from: nullableTime(effectiveFrom),
      effective_to: nullableTime(effectiveTo),
    })),
    prices: prices.map(priceToWire),
  };
}

/** @throws TenantryError BAD_REQUEST for a price finer than a pico-unit, or a period that ends before it begins */
export function priceFromWire(body: z.infer<typeof newPriceSchema>): GivenPrice {
  const { provider, model, kind, variant, per = usualPer(kind), steps } = body;
  const pico = (text: string) => picoOf(text, per);
  return {
    ...{ provider, model, kind, variant },
    rate: {
      base: pico(body.price_usd),
      steps: steps
        .map(({ input_over, price_usd }) => ({ over: input_over, pico: pico(price_usd) }))
        .toSorted((a, b) => a.over - b.over),
    },
    ...periodFromWire(body),
  };
}

/** @throws TenantryError BAD_REQUEST when it ends before it begins */
export function periodFromWire(body: { effective_from?: string | undefined; effective_to?: string | undefined }): {
  effectiveFrom: number | null;
  effectiveTo: number | null;
} {
  const at = (text: string | undefined) => (text === undefined ? null : Date.parse(text));
  const [effectiveFrom, effectiveTo] = [at(body.effective_from), at(body.effective_to)];
  if (effectiveFrom !== null && effectiveTo !== null && effectiveFrom >= effectiveTo) {
    throw new TenantryError('BAD_REQUEST', '"effective_from" must be before "effective_to"', {
      hint: 'Periods are half-open [from, to).',
    });
  }
  return { effectiveFrom, effectiveTo };
}

function picoOf(text: string, per: PricePer): bigint {
  const pico = exactPico(text, per);
  if (typeof pico === 'bigint') return pico;
  throw new TenantryError('BAD_REQUEST', `price_usd "${text}": ${pico}`, {
    hint: 'Prices are kept exactly: at most twelve decimal places for one unit, six for a million.',
  });
}

export function importFromWire(body: z.infer<typeof importPreviewBody>, now: number): PriceImport {
  const { format, text, file_name: sourceRef, effective_from: from, remove: removes } = body;
  return { format, text, sourceRef, removes, at: from === undefined ? ceilTo(now, HOUR_MS) : Date.parse(from) };
}

export function monthFromWire(text: string): number {
  return Date.parse(`${text}-01T00:00:00Z`);
}

export function monthToWire(month: number): string {
  return rfc3339(month).slice(0, 7);
}

/** Exact US dollars of pico-units. */
export function dollars(pico: bigint): string {
  return picoText(pico, 1);
}
