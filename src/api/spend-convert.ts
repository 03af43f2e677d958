import type { Actor } from '../domain/actor.ts';
import type { PlanSpendCap, SpendCapStanding, SpendForecast, StoredTerms } from '../domain/spend.ts';
import type { CapItem, PlanCapItem } from './contract.ts';
import { rfc3339 } from './convert.ts';

function termsToWire(terms: StoredTerms) {
  return {
    period: terms.period,
    amount_micro: terms.amountMicro,
    currency: terms.currency,
    key: terms.key,
    model: terms.model,
    time_zone: terms.timeZone,
    ladder: terms.ladder.map((rung) => ({ percent: rung.percent, step: rung.step })),
    on_unavailable: terms.onUnavailable,
    on_unpriced: terms.onUnpriced,
    updated_at: rfc3339(terms.updatedAt),
    updated_by: terms.updatedBy,
  };
}

export function planCapToWire(cap: PlanSpendCap): PlanCapItem {
  return { plan: cap.plan, ...termsToWire(cap) };
}

export function forecastToWire(forecast: SpendForecast): NonNullable<CapItem['forecast']> {
  const nothing = { at: null, earliest: null, latest: null, basis_hours: 0 };
  const time = (at: number | null) => (at === null ? null : rfc3339(at));
  switch (forecast.kind) {
    case 'already_met':
      return { ...nothing, kind: forecast.kind };
    case 'unknown':
      return { ...nothing, kind: forecast.kind, basis_hours: forecast.basisHours };
    case 'not_before_period_end':
      return { ...nothing, kind: forecast.kind, earliest: time(forecast.earliest), basis_hours: forecast.basisHours };
    case 'met':
      return {
        kind: forecast.kind,
        at: time(forecast.at),
        earliest: time(forecast.earliest),
        latest: time(forecast.latest),
        basis_hours: forecast.basisHours,
      };
  }
}

/** A cap as `reader` may see it: tenants do not learn who of the operator's staff set it, nor how many calls run where. */
export function capToWire(standing: SpendCapStanding, reader: Actor): CapItem {
  const { cap, account } = standing;
  const forTenant = reader.kind === 'tenant';
  const { observedMicro } = account;
  return {
    tenant_id: cap.tenantId,
    source: cap.plan === null ? 'tenant' : 'plan',
    plan: cap.plan,
    ...termsToWire(cap),
    ...(forTenant ? { updated_by: 'operator' } : {}),
    period_start: rfc3339(account.window.from),
    period_end: rfc3339(account.window.to),
    spent_micro: account.spentMicro,
    reserved_micro: account.reservedMicro,
    presumed_micro: account.presumedMicro,
    observed_micro: observedMicro,
    observed_at: account.observedAt === null ? null : rfc3339(account.observedAt),
    difference_micro: observedMicro === null ? null : account.spentMicro + account.presumedMicro - observedMicro,
    used_micro: standing.usedMicro,
    limit_micro: standing.limitMicro,
    available_micro: standing.availableMicro,
    step: standing.step,
    calls: account.calls,
    unpriced_calls: account.unpricedCalls,
    excess_calls: account.excessCalls,
    excess_micro: account.excessMicro,
    unreserved_micro: account.unreservedMicro,
    refusals: account.refusals,
    in_flight_calls: forTenant ? null : standing.inFlightCalls,
    overshoot_bound_micro: standing.overshootBoundMicro,
    alerts: standing.alerts.map(({ percent, step, usedMicro, at, reason }) => ({
      percent,
      step,
      used_micro: usedMicro,
      at: rfc3339(at),
      reason,
    })),
    forecast: standing.forecast === null ? null : forecastToWire(standing.forecast),
  };
}
