/** How plan versions stand in their table. Limits are text within the JSON: numbers there end at 2^53. */

import { TenantryError } from '../../domain/errors.ts';
import { isQuotaKey, type PlanQuota, type PlanTerms, type PlanVersion, type QuotaKey } from '../../domain/plan.ts';
import { isPlanFeature } from '../../domain/plan-features.ts';
import { unixMs } from './sql-time.ts';

interface QuotaJson {
  readonly key: string;
  readonly period: 'day' | 'month';
  readonly limit: string;
  readonly kind: 'hard' | 'soft';
  readonly burst: {
    readonly accrualPercent: number;
    readonly capacity: string;
    readonly expiresAfterDays: number;
  } | null;
}

export interface PlanVersionRow {
  readonly plan: string;
  readonly effectiveFrom: number;
  readonly quotas: readonly QuotaJson[];
  readonly guaranteeRps: number | null;
  readonly ceilingRps: number | null;
  readonly weight: number;
  readonly features: readonly string[] | null;
  readonly tenantryFeatures: readonly string[] | null;
  readonly price_micro: string | null;
  readonly price_currency: string | null;
  readonly setBy: string;
  readonly setAt: number;
}

export const PLAN_VERSION_COLUMNS = `plan, ${unixMs('effective_from')} as "effectiveFrom", quotas,
  guarantee_rps as "guaranteeRps", ceiling_rps as "ceilingRps", weight, features,
  tenantry_features as "tenantryFeatures", price_micro, price_currency,
  set_by as "setBy", ${unixMs('set_at')} as "setAt"`;

/** In the order of `(quotas, guarantee_rps, ceiling_rps, weight, features, tenantry_features, price_micro, price_currency)`. */
export function planTermsValues(terms: PlanTerms): readonly unknown[] {
  return [
    JSON.stringify(terms.quotas.map(quotaJson)),
    terms.guaranteeRps,
    terms.ceilingRps,
    terms.weight,
    terms.features,
    terms.tenantryFeatures,
    terms.price?.amountMicro.toString() ?? null,
    terms.price?.currency ?? null,
  ];
}

export function planVersionOf({
  price_micro,
  price_currency,
  quotas,
  tenantryFeatures,
  ...row
}: PlanVersionRow): PlanVersion {
  const price =
    price_micro === null || price_currency === null
      ? null
      : { amountMicro: BigInt(price_micro), currency: price_currency };
  // Names of a newer version mean nothing here.
  const known = tenantryFeatures?.filter(isPlanFeature) ?? null;
  return { ...row, quotas: quotas.map(quotaOf), tenantryFeatures: known, price };
}

/** Terms as they go into the audit log: everything, in what JSON can carry. */
export function auditedTerms({ price, quotas, ...terms }: PlanTerms): object {
  return {
    ...terms,
    quotas: quotas.map(quotaJson),
    price: price === null ? null : { ...price, amountMicro: price.amountMicro.toString() },
  };
}

function quotaJson({ key, period, limit, kind, burst }: PlanQuota): QuotaJson {
  return {
    ...{ key, period, limit: limit.toString(), kind },
    burst: burst === null ? null : { ...burst, capacity: burst.capacity.toString() },
  };
}

function quotaOf({ key, limit, burst, ...rest }: QuotaJson): PlanQuota {
  return {
    ...rest,
    key: knownKey(key),
    limit: BigInt(limit),
    burst: burst === null ? null : { ...burst, capacity: BigInt(burst.capacity) },
  };
}

function knownKey(key: string): QuotaKey {
  if (isQuotaKey(key)) return key;
  throw new TenantryError('INTERNAL', 'A stored plan has a quota on something that this version does not know');
}
