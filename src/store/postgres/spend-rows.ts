/** Rows of the spend tables and what they mean. '' in key and model stands for all of them, null in the program. */
import {
  SPEND_CURRENCY,
  type SpendAccount,
  type SpendAlert,
  type SpendCap,
  type SpendCapTerms,
  type SpendLadder,
  type SpendOnUnavailable,
  type SpendOnUnpriced,
  type SpendPeriod,
  type StoredTerms,
} from '../../domain/spend.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { unixMs } from './sql-time.ts';

export const textOrNull = (text: string): string | null => (text === '' ? null : text);

export interface TermsRow {
  readonly period: SpendPeriod;
  readonly key: string;
  readonly model: string;
  readonly amount_micro: string;
  readonly time_zone: string;
  readonly ladder: SpendLadder;
  readonly on_unavailable: SpendOnUnavailable;
  readonly on_unpriced: SpendOnUnpriced;
  readonly updated_by: string;
  readonly updated_ms: number;
}

export interface CapRow extends TermsRow {
  readonly tenant_id: TenantId;
  readonly plan: string | null;
}

export const TERMS_COLUMNS = `period, key, model, amount_micro, time_zone, ladder, on_unavailable, on_unpriced,
  updated_by, ${unixMs('updated_at')} as updated_ms`;

/** The caps that hold: tenants' own, and those of their plans where they have none of their own for the same. */
export const EFFECTIVE_CAPS = `(
  select tenant_id, null::text as plan, ${TERMS_COLUMNS} from tenantry.caps where currency = '${SPEND_CURRENCY}'
  union all
  select t.tenant_id, p.plan, ${TERMS_COLUMNS.replace(/\b(period|key|model)\b/g, 'p.$1')}
  from tenantry.plan_caps p join tenantry.tenants t on t.plan = p.plan
  where p.currency = '${SPEND_CURRENCY}' and not exists (
    select from tenantry.caps c
    where c.tenant_id = t.tenant_id and c.period = p.period and c.key = p.key and c.model = p.model)
) as effective`;

export function termsOf(row: TermsRow): StoredTerms {
  return {
    period: row.period,
    key: textOrNull(row.key),
    model: textOrNull(row.model),
    amountMicro: Number(row.amount_micro),
    currency: SPEND_CURRENCY,
    timeZone: row.time_zone,
    ladder: row.ladder,
    onUnavailable: row.on_unavailable,
    onUnpriced: row.on_unpriced,
    updatedBy: row.updated_by,
    updatedAt: row.updated_ms,
  };
}

export function capOf(row: CapRow): SpendCap {
  return { ...termsOf(row), tenantId: row.tenant_id, plan: row.plan };
}

/** In the order of the columns that `WRITTEN_TERMS` names. */
export function termsValues(terms: SpendCapTerms): readonly unknown[] {
  const { period, key, model, amountMicro, currency, timeZone, ladder, onUnavailable, onUnpriced } = terms;
  const rungs = JSON.stringify(ladder.map(({ percent, step }) => ({ percent, step })));
  return [period, key ?? '', model ?? '', amountMicro, currency, timeZone, rungs, onUnavailable, onUnpriced];
}

export const WRITTEN_TERMS =
  'period, key, model, amount_micro, currency, time_zone, ladder, on_unavailable, on_unpriced';

export interface AccountRow {
  readonly tenant_id: TenantId;
  readonly period: SpendPeriod;
  readonly key: string;
  readonly model: string;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly reserved_micro: string;
  readonly spent_micro: string;
  readonly presumed_micro: string;
  readonly observed_micro: string | null;
  readonly observed_ms: number | null;
  readonly calls: string;
  readonly unpriced_calls: string;
  readonly excess_calls: string;
  readonly excess_micro: string;
  readonly largest_excess_micro: string;
  readonly unreserved_micro: string;
  readonly refusals: string;
}

export const ACCOUNT_COLUMNS = `tenant_id, period, key, model, ${unixMs('period_start')} as start_ms,
  ${unixMs('period_end')} as end_ms, reserved_micro, spent_micro, presumed_micro, observed_micro,
  ${unixMs('observed_at')} as observed_ms, calls, unpriced_calls, excess_calls, excess_micro, largest_excess_micro,
  unreserved_micro, refusals`;

export function accountOf(row: AccountRow): SpendAccount {
  return {
    tenantId: row.tenant_id,
    period: row.period,
    key: textOrNull(row.key),
    model: textOrNull(row.model),
    window: { from: row.start_ms, to: row.end_ms },
    reservedMicro: Number(row.reserved_micro),
    spentMicro: Number(row.spent_micro),
    presumedMicro: Number(row.presumed_micro),
    observedMicro: row.observed_micro === null ? null : Number(row.observed_micro),
    observedAt: row.observed_ms,
    calls: Number(row.calls),
    unpricedCalls: Number(row.unpriced_calls),
    excessCalls: Number(row.excess_calls),
    excessMicro: Number(row.excess_micro),
    largestExcessMicro: Number(row.largest_excess_micro),
    unreservedMicro: Number(row.unreserved_micro),
    refusals: Number(row.refusals),
  };
}

export interface AlertRow {
  readonly tenant_id: TenantId;
  readonly period: SpendPeriod;
  readonly key: string;
  readonly model: string;
  readonly start_ms: number;
  readonly percent: number;
  readonly amount_micro: string;
  readonly used_micro: string;
  readonly step: SpendAlert['step'];
  readonly reason: string;
  readonly at_ms: number;
}

export const ALERT_COLUMNS = `tenant_id, period, key, model, ${unixMs('period_start')} as start_ms, percent,
  amount_micro, used_micro, step, reason, ${unixMs('at')} as at_ms`;

export function alertOf(row: AlertRow): SpendAlert {
  return {
    tenantId: row.tenant_id,
    period: row.period,
    key: textOrNull(row.key),
    model: textOrNull(row.model),
    periodStart: row.start_ms,
    percent: row.percent,
    amountMicro: Number(row.amount_micro),
    usedMicro: Number(row.used_micro),
    step: row.step,
    reason: row.reason,
    at: row.at_ms,
  };
}
