/** The columns of FOCUS that matter for a bill of costs, as the standard's own column tables have them. */
import { CHARGE_CATEGORIES } from '../domain/bill.ts';

export const FOCUS_VERSIONS = ['1.0', '1.1', '1.2', '1.3', '1.4'] as const;
export type FocusVersion = (typeof FOCUS_VERSIONS)[number];

type FocusType = 'decimal' | 'string' | 'time' | 'currency' | 'json';

export interface FocusColumn {
  readonly name: string;
  readonly type: FocusType;
  readonly nullable: boolean;
  /** Versions that have it, both included; absent: from 1.0 on. */
  readonly since?: FocusVersion;
  /** The last version that has it. */
  readonly until?: FocusVersion;
  /** A file without it is none of FOCUS. */
  readonly mandatory: boolean;
  readonly values?: readonly string[];
}

export const SERVICE_CATEGORIES = [
  'AI and Machine Learning',
  'Analytics',
  'Business Applications',
  'Compute',
  'Databases',
  'Developer Tools',
  'Identity',
  'Integration',
  'Internet of Things',
  'Management and Governance',
  'Media',
  'Migration',
  'Mobile',
  'Multicloud',
  'Networking',
  'Other',
  'Security',
  'Storage',
  'Web',
] as const;

const given = (name: string, type: FocusType, more: Partial<FocusColumn> = {}): FocusColumn => ({
  ...{ name, type, nullable: false, mandatory: true },
  ...more,
});
const optional = (name: string, type: FocusType, more: Partial<FocusColumn> = {}): FocusColumn => ({
  ...{ name, type, nullable: true, mandatory: false },
  ...more,
});

/** In the order in which exports have them. */
const FOCUS_COLUMNS: readonly FocusColumn[] = [
  given('BilledCost', 'decimal'),
  given('BillingAccountId', 'string'),
  given('BillingAccountName', 'string', { nullable: true }),
  optional('BillingAccountType', 'string', { since: '1.2' }),
  given('BillingCurrency', 'currency'),
  given('BillingPeriodEnd', 'time'),
  given('BillingPeriodStart', 'time'),
  given('ChargeCategory', 'string', { values: CHARGE_CATEGORIES }),
  given('ChargeClass', 'string', { nullable: true, values: ['Correction'] }),
  given('ChargeDescription', 'string', { nullable: true }),
  optional('ChargeFrequency', 'string', { values: ['One-Time', 'Recurring', 'Usage-Based'] }),
  given('ChargePeriodEnd', 'time'),
  given('ChargePeriodStart', 'time'),
  given('ContractedCost', 'decimal'),
  given('EffectiveCost', 'decimal'),
  optional('HostProviderName', 'string', { since: '1.3' }),
  optional('InvoiceId', 'string', { since: '1.2' }),
  given('InvoiceIssuerName', 'string'),
  given('ListCost', 'decimal'),
  given('PricingQuantity', 'decimal', { nullable: true }),
  given('PricingUnit', 'string', { nullable: true }),
  given('ProviderName', 'string', { until: '1.3' }),
  given('PublisherName', 'string', { until: '1.3' }),
  optional('RegionId', 'string'),
  optional('ResourceId', 'string'),
  given('ServiceCategory', 'string', { values: SERVICE_CATEGORIES }),
  given('ServiceName', 'string'),
  given('ServiceProviderName', 'string', { since: '1.3' }),
  optional('SkuId', 'string'),
  optional('SubAccountId', 'string'),
  optional('SubAccountName', 'string'),
  optional('SubAccountType', 'string', { since: '1.2' }),
  optional('Tags', 'json'),
  optional('AllocatedMethodDetails', 'json', { since: '1.3' }),
  optional('AllocatedMethodId', 'string', { since: '1.3' }),
  optional('AllocatedResourceId', 'string', { since: '1.3' }),
  optional('AllocatedResourceName', 'string', { since: '1.3' }),
  optional('AllocatedTags', 'json', { since: '1.3' }),
  optional('ConsumedQuantity', 'decimal'),
  optional('ConsumedUnit', 'string'),
  optional('PricingCurrency', 'string', { since: '1.2' }),
];

/** The columns of one version. */
export function focusColumns(version: FocusVersion): readonly FocusColumn[] {
  const at = FOCUS_VERSIONS.indexOf(version);
  return FOCUS_COLUMNS.filter(
    ({ since, until }) =>
      (since === undefined || FOCUS_VERSIONS.indexOf(since) <= at) &&
      (until === undefined || FOCUS_VERSIONS.indexOf(until) >= at),
  );
}

/** Of the standard in some version: another name must begin with `x_`. */
export const STANDARD_NAMES: ReadonlySet<string> = new Set([
  ...FOCUS_COLUMNS.map(({ name }) => name),
  ...(
    'AvailabilityZone CapacityReservationId CapacityReservationStatus CommitmentDiscountCategory CommitmentDiscountId ' +
    'CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType ' +
    'CommitmentDiscountUnit ContractApplied ContractedUnitPrice ListUnitPrice PricingCategory ' +
    'InvoiceDetailId CommitmentProgramEligibilityDetails PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice RegionName ResourceName ' +
    'ResourceType ServiceSubcategory SkuMeter SkuPriceDetails SkuPriceId'
  ).split(' '),
]);
