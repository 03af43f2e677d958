/** A month of a cloud bill in FOCUS: 300 odd lines of ten services with tags, credits, tax, corrections and prepayments. */
const TENANTS = ['acme', 'beta', 'cafe'];
const DAYS = 30;

interface Service {
  readonly name: string;
  readonly category: string;
  readonly price: string;
  readonly region: string;
  /** Whose tag it bears; undefined: it is shared. */
  readonly tags?: readonly string[];
  readonly days: number;
}

const SERVICES: readonly Service[] = [
  { name: 'Virtual Machines', category: 'Compute', price: '41.2837465019', region: 'eu-central-1', days: DAYS },
  { name: 'Dedicated Hosts', category: 'Compute', price: '7.5', region: 'eu-central-1', tags: TENANTS, days: DAYS },
  { name: 'Managed PostgreSQL', category: 'Databases', price: '18.0000000061', region: 'eu-central-1', days: DAYS },
  { name: 'Object Storage', category: 'Storage', price: '0.9871236540987123', region: 'eu-west-1', days: DAYS },
  { name: 'Load Balancing', category: 'Networking', price: '2.16', region: 'eu-central-1', days: DAYS },
  { name: 'Language Models', category: 'AI and Machine Learning', price: '12.345678', region: 'us-east-1', days: DAYS },
  { name: 'Key Management', category: 'Security', price: '0.0333333333333', region: 'eu-central-1', days: DAYS },
];

const text = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const day = (index: number) => new Date(Date.UTC(2026, 10, 1 + index)).toISOString().replace('.000', '');
const PERIOD = { BillingPeriodStart: day(0), BillingPeriodEnd: day(DAYS) };

type Row = Record<string, string>;

function row(changes: Row): Row {
  const { BilledCost = '0' } = changes;
  return {
    ...{
      BilledCost,
      EffectiveCost: BilledCost,
      ListCost: BilledCost,
      ContractedCost: BilledCost,
      BillingCurrency: 'USD',
    },
    ...{ BillingAccountId: '4711', BillingAccountName: 'Main, account', BillingAccountType: 'Billing Account' },
    ...{ InvoiceId: 'INV-2026-11', InvoiceIssuerName: 'Example Cloud Ltd', ProviderName: 'Example Cloud' },
    ...{ PublisherName: 'Example Cloud', ChargeCategory: 'Usage', ChargeClass: '', ChargeDescription: '' },
    ...{ ChargeFrequency: 'Usage-Based', ...PERIOD, PricingQuantity: '1', PricingUnit: 'Hours' },
    ...{ ConsumedQuantity: '1', ConsumedUnit: 'Hours', RegionId: '', RegionName: '', ResourceId: '', ResourceName: '' },
    ...{
      ServiceCategory: '',
      ServiceName: '',
      SkuId: '',
      SubAccountId: '',
      SubAccountName: '',
      Tags: '',
      x_LineId: '',
    },
    ...changes,
  };
}

function usageRows(): Row[] {
  return SERVICES.flatMap(({ name, category, price, region, tags = [''], days }, service) =>
    tags.flatMap((tenant, place) =>
      Array.from({ length: days }, (_, index) =>
        row({
          BilledCost: price,
          ...{ ServiceName: name, ServiceCategory: category, RegionId: region, RegionName: region },
          ...{
            ChargePeriodStart: day(index),
            ChargePeriodEnd: day(index + 1),
            ChargeDescription: `${name}, "on demand"`,
          },
          ...{ SkuId: `SKU-${service}`, ResourceId: `res/${service}/${tenant}`, SubAccountId: `sub-${service % 3}` },
          Tags: tenant === '' ? '{"env":"prod"}' : JSON.stringify({ env: 'prod', tenant }),
          x_LineId: `u-${service}-${place}-${index}`,
        }),
      ),
    ),
  );
}

function otherRows(): Row[] {
  const whole = { ChargePeriodStart: day(0), ChargePeriodEnd: day(DAYS) };
  const vm = { ServiceName: 'Virtual Machines', ServiceCategory: 'Compute' };
  return [
    row({ ...whole, ...vm, BilledCost: '600', EffectiveCost: '50', ChargeCategory: 'Purchase', x_LineId: 'p-1' }),
    row({ ...whole, ...vm, BilledCost: '-123.456789', ChargeCategory: 'Credit', x_LineId: 'c-1' }),
    row({
      ...whole,
      ...vm,
      BilledCost: '-12.5',
      ChargeCategory: 'Adjustment',
      ChargeClass: 'Correction',
      x_LineId: 'k-1',
    }),
    row({ ...whole, ...vm, BilledCost: '231.1100000000000019', ChargeCategory: 'Tax', x_LineId: 't-1' }),
    row({
      ...whole,
      BilledCost: '99.99',
      ServiceName: 'Support',
      ServiceCategory: 'Other',
      ChargeCategory: 'Purchase',
      x_LineId: 's-1',
    }),
    row({
      ...whole,
      BilledCost: '7.13',
      ServiceName: 'Marketplace',
      ServiceCategory: 'Other',
      ChargeDescription: '=cmd()',
      x_LineId: 'm-1',
    }),
    row({ ...whole, BilledCost: '0', ServiceName: 'Free Tier', ServiceCategory: 'Other', x_LineId: 'f-1' }),
    row({ ...whole, BilledCost: '1.1E-7', ServiceName: 'Free Tier', ServiceCategory: 'Other', x_LineId: 'f-2' }),
  ];
}

export const FOCUS_ROWS: readonly Row[] = [...usageRows(), ...otherRows()];

/** As CSV, with other columns or cells where a test is about them. */
export function focusCsv(rows: readonly Row[] = FOCUS_ROWS, separator = ','): string {
  const columns = Object.keys(rows[0] ?? row({}));
  const lines = rows.map((cells) => columns.map((column) => text(cells[column] ?? '')).join(separator));
  return `${[columns.join(separator), ...lines].join('\n')}\n`;
}

export { row as focusRow };
