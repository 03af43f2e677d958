import type { z } from 'zod';
import {
  DEFAULT_WEIGHT,
  inForceAt,
  isQuotaKey,
  type PlanQuota,
  type PlanTerms,
  type PlanVersion,
  quotaUnit,
} from '../domain/plan.ts';
import type { PlanItem, PlanQuotaItem, PlanVersionItem } from './contract.ts';
import { rfc3339 } from './convert.ts';
import type { PlanRecord } from './plans-ports.ts';
import type { newPlanTermsSchema } from './plans-schemas.ts';

type NewTerms = z.infer<typeof newPlanTermsSchema>;

/** Terms as they were sent, with what is left out at its default. */
export function planTermsOf(body: NewTerms): PlanTerms {
  const { quotas = [], guarantee_rps = null, ceiling_rps = null, weight, features = null, price = null } = body;
  const { tenantry_features: tenantryFeatures = null } = body;
  return {
    quotas: quotas.flatMap(({ key, period, limit, kind = 'soft', burst = null }): readonly PlanQuota[] =>
      // The schema lets no other key through; the compiler does not know.
      isQuotaKey(key)
        ? [{ key, period, limit: BigInt(limit), kind, burst: burst === null ? null : burstOf(burst) }]
        : [],
    ),
    guaranteeRps: guarantee_rps,
    ceilingRps: ceiling_rps,
    weight: weight ?? DEFAULT_WEIGHT,
    features: features === null ? null : [...new Set(features)],
    tenantryFeatures: tenantryFeatures === null ? null : [...new Set(tenantryFeatures)],
    price: price === null ? null : { amountMicro: BigInt(price.amount_micro), currency: price.currency },
  };
}

function burstOf(burst: NonNullable<PlanQuotaItem['burst']>): NonNullable<PlanQuota['burst']> {
  return {
    accrualPercent: burst.accrual_percent,
    capacity: BigInt(burst.capacity),
    expiresAfterDays: burst.expires_after_days,
  };
}

export function planToWire({ plan, tenants, versions }: PlanRecord, now: number): PlanItem {
  const items = versions.map((version, index) => versionToWire(version, versions[index + 1]));
  const current = inForceAt(versions, now);
  return {
    plan,
    tenants,
    terms: (current === undefined ? undefined : items[versions.indexOf(current)]) ?? null,
    versions: items,
  };
}

function versionToWire(version: PlanVersion, next: PlanVersion | undefined): PlanVersionItem {
  return {
    effective_from: rfc3339(version.effectiveFrom),
    effective_to: next === undefined ? null : rfc3339(next.effectiveFrom),
    quotas: version.quotas.map(quotaToWire),
    guarantee_rps: version.guaranteeRps,
    ceiling_rps: version.ceilingRps,
    weight: version.weight,
    features: version.features === null ? null : [...version.features],
    tenantry_features: version.tenantryFeatures === null ? null : [...version.tenantryFeatures],
    price:
      version.price === null
        ? null
        : { amount_micro: Number(version.price.amountMicro), currency: version.price.currency },
    set_by: version.setBy,
    set_at: rfc3339(version.setAt),
  };
}

function quotaToWire({ key, period, limit, kind, burst }: PlanQuota): PlanQuotaItem {
  return {
    ...{ key, unit: quotaUnit(key), period, limit: Number(limit), kind },
    burst:
      burst === null
        ? null
        : {
            accrual_percent: burst.accrualPercent,
            capacity: Number(burst.capacity),
            expires_after_days: burst.expiresAfterDays,
          },
  };
}
