/** The ledger in FOCUS: one row for each tenant, month and kind of charge, and one for what is nobody's. */
import type { ChargeKind } from '../domain/bill.ts';
import { formatMicro } from '../domain/cost-amount.ts';
import type { Window } from '../domain/window.ts';
import { type FocusColumn, type FocusVersion, focusColumns, SERVICE_CATEGORIES } from './focus-columns.ts';

type LedgerLine = 'tenant' | 'shared' | 'idle' | 'unallocated';

/** Charges of one kind as they count for one tenant, or for nobody. Times are Unix ms. */
export interface FocusShare extends ChargeKind {
  readonly line: LedgerLine;
  readonly tenantId: string | null;
  readonly micro: bigint;
  /** All that was shared out together with it. */
  readonly poolMicro: bigint;
  readonly currency: string;
  readonly rule: string;
  /** The charges themselves say whose they are: nothing was split. */
  readonly isDirect: boolean;
  readonly rulesVersion: number;
  readonly billing: Window;
  readonly charge: Window;
}

/** Times as numbers (Unix ms), amounts as micro-units, everything else as text; null is null. */
export type FocusValue = string | number | bigint | null;

const AMOUNTS = new Set(['BilledCost', 'ContractedCost', 'EffectiveCost', 'ListCost']);
const RATIO_DIGITS = 12;
/** Nobody named is still somebody: these columns may not be null. */
const UNNAMED = 'Unspecified';

const OWN_COLUMNS: readonly FocusColumn[] = [
  { name: 'x_LineId', type: 'string', nullable: false, mandatory: false },
  { name: 'x_TenantryLine', type: 'string', nullable: false, mandatory: false },
  { name: 'x_TenantryPart', type: 'string', nullable: false, mandatory: false },
  { name: 'x_TenantryRule', type: 'string', nullable: false, mandatory: false },
];
const UNUSED = new Set([
  'ConsumedQuantity',
  'ConsumedUnit',
  'PricingCurrency',
  'RegionId',
  'ResourceId',
  'SkuId',
  'InvoiceId',
]);

/** Columns of an export in one version, in their order. */
export function focusExportColumns(version: FocusVersion): readonly FocusColumn[] {
  return [...focusColumns(version).filter(({ name }) => !UNUSED.has(name)), ...OWN_COLUMNS];
}

export function isAmount(column: FocusColumn): boolean {
  return AMOUNTS.has(column.name);
}

/** The cells of a share, by column. */
export function focusRow(share: FocusShare): Readonly<Record<string, FocusValue>> {
  const { micro, tenantId, provider, issuer, service, account, category, chargeCategory, billing, charge } = share;
  const named = provider || issuer || UNNAMED;
  const isPriced = (chargeCategory === 'Usage' || chargeCategory === 'Purchase') && !share.correction;
  const known = SERVICE_CATEGORIES.find((one) => one === category) ?? 'Other';
  return {
    ...{ BilledCost: micro, ContractedCost: micro, EffectiveCost: micro, ListCost: micro },
    ...{ BillingAccountId: account || UNNAMED, BillingAccountName: null, BillingAccountType: 'Billing Account' },
    ...{ BillingCurrency: share.currency, BillingPeriodStart: billing.from, BillingPeriodEnd: billing.to },
    ...{ ChargeCategory: chargeCategory, ChargeClass: share.correction ? 'Correction' : null },
    ...{ ChargeDescription: `${service || named}: ${share.line}`, ChargeFrequency: 'Usage-Based' },
    ...{ ChargePeriodStart: charge.from, ChargePeriodEnd: charge.to },
    ...{ InvoiceIssuerName: issuer || named, ProviderName: named, PublisherName: named },
    ...{ ServiceProviderName: named, HostProviderName: named, ServiceCategory: known, ServiceName: service || UNNAMED },
    ...{ PricingQuantity: isPriced ? '1' : null, PricingUnit: isPriced ? 'Units' : null },
    ...{ SubAccountId: tenantId, SubAccountName: tenantId, SubAccountType: tenantId === null ? null : 'Tenant' },
    Tags: JSON.stringify(tenantId === null ? {} : { tenant: tenantId }),
    ...splitColumns(share),
    x_LineId: lineIdOf(share),
    ...{ x_TenantryLine: share.line, x_TenantryPart: share.part, x_TenantryRule: share.rule },
  };
}

/** Null where nothing was split, as the standard asks. */
function splitColumns(share: FocusShare): Readonly<Record<string, FocusValue>> {
  const none = { AllocatedMethodId: null, AllocatedMethodDetails: null, AllocatedTags: null };
  if (share.isDirect || share.line === 'shared') {
    return { ...none, AllocatedResourceId: null, AllocatedResourceName: null };
  }
  const { provider, account, service, rule, rulesVersion, tenantId } = share;
  return {
    AllocatedMethodId: `tenantry/${rule}/v${rulesVersion}`,
    AllocatedMethodDetails: `{"Elements":[{"AllocatedRatio":${ratioOf(share)},"UsageUnit":"Units","UsageQuantity":1}]}`,
    AllocatedResourceId: [provider, account, service].map((name) => name || UNNAMED).join('/'),
    AllocatedResourceName: service || UNNAMED,
    AllocatedTags: JSON.stringify(tenantId === null ? {} : { tenant: tenantId }),
  };
}

/** As a JSON number with 12 decimals, cut off: figures of a page; the amounts are what is exact. */
function ratioOf({ micro, poolMicro }: FocusShare): string {
  if (poolMicro === 0n) return '0';
  const scaled = (micro * 10n ** BigInt(RATIO_DIGITS)) / poolMicro;
  const sign = scaled < 0n ? '-' : '';
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(RATIO_DIGITS + 1, '0');
  return `${sign}${digits.slice(0, -RATIO_DIGITS)}.${digits.slice(-RATIO_DIGITS)}`;
}

/** What tells a row from every other one of the ledger, so that importing it twice is noticed. */
function lineIdOf(share: FocusShare): string {
  const { line, tenantId, rule, part, provider, issuer, account, service, category, chargeCategory, correction } =
    share;
  const { billing, charge, currency, rulesVersion } = share;
  return JSON.stringify([
    ...[
      line,
      tenantId,
      rule,
      rulesVersion,
      part,
      provider,
      issuer,
      account,
      service,
      category,
      chargeCategory,
      correction,
    ],
    ...[currency, billing.from, billing.to, charge.from],
  ]);
}

/** `2026-11-01T00:00:00Z`: FOCUS wants no fractions of seconds. */
function focusTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** A cell as text, unguarded. */
export function focusText(value: FocusValue, column: FocusColumn): string {
  if (value === null) return '';
  if (typeof value === 'bigint') return formatMicro(value);
  return column.type === 'time' && typeof value === 'number' ? focusTime(value) : String(value);
}
