/** Which column of which format holds what. Names are compared without case and punctuation, see `columnName`. */
import type { BillFormat, CostMeasure } from '../domain/bill.ts';
import { TenantryError } from '../domain/errors.ts';

/** `lineItem/UnblendedCost`, `line_item_unblended_cost` and `LineItemUnblendedCost` are the same column. */
function columnName(header: string): string {
  return header.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

export type LineField =
  | ('amount' | 'currency' | 'from' | 'to' | 'billingFrom' | 'billingTo' | 'period' | 'provider' | 'issuer' | 'account')
  | ('accountName' | 'invoice' | 'subAccount' | 'subAccountName' | 'service' | 'category' | 'region' | 'resource')
  | ('sku' | 'description' | 'chargeCategory' | 'chargeClass' | 'tags' | 'id' | 'interval');

type Columns = Readonly<Partial<Record<LineField, readonly string[]>>>;

/** Newest name first: where a file has several and one is empty, the next counts. */
const FOCUS: Columns = {
  currency: ['billingcurrency'],
  from: ['chargeperiodstart'],
  to: ['chargeperiodend'],
  billingFrom: ['billingperiodstart'],
  billingTo: ['billingperiodend'],
  // 1.3 renamed ProviderName, 1.4 took it away.
  provider: ['serviceprovidername', 'providername', 'provider'],
  issuer: ['invoiceissuername', 'invoiceissuer'],
  account: ['billingaccountid'],
  accountName: ['billingaccountname'],
  // Azure and AWS had the invoice in columns of their own before 1.2.
  invoice: ['invoiceid', 'xinvoiceid', 'xbillinvoiceid'],
  subAccount: ['subaccountid'],
  subAccountName: ['subaccountname'],
  service: ['servicename'],
  category: ['servicecategory'],
  region: ['regionid', 'region', 'regionname'],
  resource: ['resourceid'],
  sku: ['skuid'],
  description: ['chargedescription'],
  // 1.0-preview called it ChargeType.
  chargeCategory: ['chargecategory', 'chargetype'],
  chargeClass: ['chargeclass'],
  tags: ['tags'],
  id: ['xlineid', 'xtenantrylineid'],
};

/** Data Exports' CUR 2.0 and the older reports, which differ in punctuation only. */
const AWS_CUR: Columns = {
  amount: ['lineitemunblendedcost'],
  currency: ['lineitemcurrencycode'],
  from: ['lineitemusagestartdate'],
  to: ['lineitemusageenddate'],
  billingFrom: ['billbillingperiodstartdate'],
  billingTo: ['billbillingperiodenddate'],
  issuer: ['billinvoicingentity'],
  account: ['billpayeraccountid'],
  accountName: ['billpayeraccountname'],
  invoice: ['billinvoiceid'],
  subAccount: ['lineitemusageaccountid'],
  subAccountName: ['lineitemusageaccountname'],
  service: ['productproductname', 'productservicename', 'lineitemproductcode'],
  category: ['lineitemproductcode'],
  region: ['productregioncode', 'productregion'],
  resource: ['lineitemresourceid'],
  sku: ['lineitemusagetype'],
  description: ['lineitemlineitemdescription'],
  chargeCategory: ['lineitemlineitemtype'],
  tags: ['resourcetags'],
  // The line id alone repeats from one interval to the next.
  id: ['identitylineitemid'],
  interval: ['identitytimeinterval'],
};

const SIMPLE: Columns = {
  amount: ['amount', 'cost'],
  currency: ['currency'],
  from: ['from', 'start', 'date'],
  to: ['to', 'end'],
  period: ['period', 'month'],
  provider: ['provider'],
  issuer: ['issuer'],
  account: ['account'],
  accountName: ['accountname'],
  invoice: ['invoice', 'invoiceid'],
  subAccount: ['subaccount'],
  subAccountName: ['subaccountname'],
  service: ['service'],
  category: ['category'],
  region: ['region'],
  resource: ['resource'],
  sku: ['sku'],
  description: ['description'],
  chargeCategory: ['chargecategory'],
  tags: ['tags'],
  id: ['id', 'lineid'],
};

const REQUIRED: Readonly<Record<BillFormat, readonly LineField[]>> = {
  focus: ['amount', 'currency', 'from', 'to', 'billingFrom', 'billingTo', 'provider', 'account', 'chargeCategory'],
  'aws-cur': ['amount', 'currency', 'from', 'to', 'billingFrom', 'billingTo', 'account', 'chargeCategory'],
  simple: ['amount', 'currency', 'service'],
};

export interface BillColumns {
  readonly format: BillFormat;
  readonly focusVersion: string | null;
  /** Places in a row, in the order in which they are tried. */
  readonly places: Readonly<Partial<Record<LineField, readonly number[]>>>;
  /** Columns that hold one tag each. */
  readonly tagPlaces: readonly { readonly key: string; readonly place: number }[];
  /** Texts were guarded against spreadsheets when the file was written here. */
  readonly guarded: boolean;
}

/**
 * What a file is, by its header.
 * @throws TenantryError BAD_REQUEST with the columns that are missing
 */
export function billColumns(header: readonly string[], measure: CostMeasure): BillColumns {
  const names = header.map(columnName);
  const format = formatOf(names);
  if (format === undefined) {
    throw new TenantryError('BAD_REQUEST', 'The columns are those of no bill that is known here.', {
      hint: 'Give FOCUS (BilledCost, ChargePeriodStart, …), an AWS cost and usage report, or a CSV file of date,service,amount,currency.',
    });
  }
  const columns = columnsOf(format, measure);
  const places = Object.fromEntries(
    Object.entries(columns).map(([field, aliases]) => [
      field,
      aliases.map((alias) => names.indexOf(alias)).filter((place) => place >= 0),
    ]),
  );
  const missing = REQUIRED[format].filter((field) => (places[field]?.length ?? 0) === 0);
  if (format === 'simple' && !['from', 'period'].some((field) => (places[field]?.length ?? 0) > 0))
    missing.push('from');
  if (missing.length > 0) {
    const wanted = missing.map((field) => columns[field]?.[0] ?? field).join(', ');
    throw new TenantryError('BAD_REQUEST', `Columns are missing in this ${format} file: ${wanted}.`, {
      hint: 'Export it again with all columns of its standard. Case and punctuation of the names do not matter.',
    });
  }
  return {
    ...{ format, places, tagPlaces: tagPlacesOf(header) },
    focusVersion: format === 'focus' ? focusVersionOf(new Set(names)) : null,
    guarded: names.includes('xtenantryline'),
  };
}

function formatOf(names: readonly string[]): BillFormat | undefined {
  if (names.includes('chargeperiodstart') || names.includes('billedcost')) return 'focus';
  if (names.includes('lineitemunblendedcost')) return 'aws-cur';
  return (names.includes('amount') || names.includes('cost')) && names.includes('service') ? 'simple' : undefined;
}

function columnsOf(format: BillFormat, measure: CostMeasure): Columns {
  if (format === 'focus') return { ...FOCUS, amount: [measure === 'billed' ? 'billedcost' : 'effectivecost'] };
  if (measure === 'effective') {
    throw new TenantryError('BAD_REQUEST', 'Only FOCUS files say what prepayments come to over their time.', {
      hint: 'Leave measure=effective out, or import the FOCUS export of the same bill.',
    });
  }
  return format === 'aws-cur' ? AWS_CUR : SIMPLE;
}

/** `resourceTags/user:tenant` (AWS) and `tag:tenant` (simple). */
function tagPlacesOf(header: readonly string[]): { key: string; place: number }[] {
  return header.flatMap((name, place) => {
    const key = /^(?:resourceTags\/(?:user:|aws:)?|tags?[:.])(.+)$/i.exec(name)?.[1];
    return key === undefined ? [] : [{ key, place }];
  });
}

/** By the columns that each version brought; files do not carry it. */
function focusVersionOf(names: ReadonlySet<string>): string {
  const has = (...columns: string[]) => columns.some((column) => names.has(column));
  if (has('serviceprovidername') && !has('providername')) return '1.4';
  if (has('serviceprovidername', 'hostprovidername', 'allocatedmethodid')) return '1.3';
  if (has('invoiceid', 'pricingcurrency', 'billingaccounttype', 'subaccounttype')) return '1.2';
  return has('servicesubcategory', 'capacityreservationid', 'commitmentdiscountquantity', 'skumeter') ? '1.1' : '1.0';
}
