import type { Bill, BillLine, ChargeCategory } from '../../domain/bill.ts';
import { ATTO_DIGITS, formatAtto, parseAmount } from '../../domain/cost-amount.ts';
import { unixMs } from './sql-time.ts';

/** A line as it goes to the database in JSON: money as text, times in Unix ms. */
export function lineToRow({ atto, key: _key, ...line }: BillLine, lineKey: string): object {
  return { ...line, amount: formatAtto(atto), lineKey };
}

/** The columns of a line in `json_to_recordset`, and where they go. */
export const INSERT_LINES = `
  insert into tenantry.bill_lines (bill_id, line, provider, issuer, account, account_name, invoice, sub_account,
    sub_account_name, service, category, region, resource, sku, description, charge_category, correction, tags, currency,
    amount, rounded, charge_from, charge_to, billing_from, billing_to, line_key)
  select $1, l.line, l.provider, l.issuer, l.account, l."accountName", l.invoice, l."subAccount", l."subAccountName",
    l.service, l.category, l.region, l.resource, l.sku, l.description, l."chargeCategory", l.correction, l.tags, l.currency,
    l.amount, l.rounded, to_timestamp(l."from" / 1000), to_timestamp(l."to" / 1000), to_timestamp(l."billingFrom" / 1000),
    to_timestamp(l."billingTo" / 1000), decode(l."lineKey", 'hex')
  from json_to_recordset($2::json) as l (line int, provider text, issuer text, account text, "accountName" text,
    invoice text, "subAccount" text, "subAccountName" text, service text, category text, region text, resource text,
    sku text, description text, "chargeCategory" text, correction boolean, tags jsonb, currency text, amount numeric,
    rounded boolean, "from" float8, "to" float8, "billingFrom" float8, "billingTo" float8, "lineKey" text)`;

export const LINE_COLUMNS = `line, provider, issuer, account, account_name as "accountName", invoice,
  sub_account as "subAccount", sub_account_name as "subAccountName", service, category, region, resource, sku, description,
  charge_category as "chargeCategory", correction, tags, currency, amount::text as amount, rounded,
  ${unixMs('charge_from')} as "from", ${unixMs('charge_to')} as "to", ${unixMs('billing_from')} as "billingFrom",
  ${unixMs('billing_to')} as "billingTo"`;

export interface LineRow extends Omit<BillLine, 'atto' | 'key'> {
  readonly amount: string;
  readonly chargeCategory: ChargeCategory;
}

export function lineFromRow({ amount, ...line }: LineRow): Omit<BillLine, 'key'> {
  return { ...line, atto: attoOf(amount) };
}

/** Of a numeric that the database sent; it has at most 18 decimals. */
export function attoOf(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  // Sums of a bill can be longer than the amount of one line.
  return parseAmount(text)?.atto ?? BigInt(`${whole}${fraction.padEnd(ATTO_DIGITS, '0')}`);
}

export const BILL_COLUMNS = `b.id, b.state, b.format, b.focus_version as "focusVersion", b.file_name as "fileName", b.sha256,
  b.measure, b.currency, b.rates, b.bill_micro::text as "billMicro", b.lines, b.rounded_lines as "roundedLines",
  ${unixMs('b.charges_from')} as "from", ${unixMs('b.charges_to')} as "to", b.correction, b.replaces,
  b.created_by as "createdBy", ${unixMs('b.created_at')} as "createdAt", ${unixMs('b.ended_at')} as "endedAt",
  coalesce((select jsonb_agg(jsonb_build_object('issuer', i.issuer, 'account', i.account, 'invoice', i.invoice, 'currency', i.currency,
      'from', ${unixMs('i.period_from')}, 'to', ${unixMs('i.period_to')}) order by i.issuer, i.account, i.invoice, i.currency, i.period_from)
    from tenantry.bill_identities i where i.bill_id = b.id), '[]') as identities`;

export interface BillRow extends Omit<Bill, 'billMicro' | 'from' | 'to'> {
  readonly billMicro: string;
  readonly from: number | null;
  readonly to: number | null;
}

export function billFromRow({ billMicro, from, to, ...bill }: BillRow): Bill {
  return { ...bill, billMicro: BigInt(billMicro), from: from ?? bill.createdAt, to: to ?? bill.createdAt };
}
