/** The kinds of charge that FOCUS knows. */
export const CHARGE_CATEGORIES = ['Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment'] as const;
export type ChargeCategory = (typeof CHARGE_CATEGORIES)[number];

export const BILL_FORMATS = ['focus', 'aws-cur', 'simple'] as const;
export type BillFormat = (typeof BILL_FORMATS)[number];

/** What is counted as a line's cost: what the invoice says, or that with prepayments spread over what they paid for. */
export const COST_MEASURES = ['billed', 'effective'] as const;
export type CostMeasure = (typeof COST_MEASURES)[number];

/** By what charges are told apart once lines are added up. */
export interface ChargeKind {
  readonly part: string;
  readonly provider: string;
  readonly issuer: string;
  readonly account: string;
  readonly service: string;
  readonly category: string;
  readonly chargeCategory: string;
  readonly correction: boolean;
}

/** One charge of a bill, whatever file it came from. Absent texts are ''. Times are Unix ms, periods half-open. */
export interface BillLine {
  /** In the file: the line on which a CSV row begins (the header is 1), or the row of a Parquet file from 1. */
  readonly line: number;
  readonly provider: string;
  readonly issuer: string;
  readonly account: string;
  readonly accountName: string;
  readonly invoice: string;
  readonly subAccount: string;
  readonly subAccountName: string;
  readonly service: string;
  readonly category: string;
  readonly region: string;
  readonly resource: string;
  readonly sku: string;
  readonly description: string;
  readonly chargeCategory: ChargeCategory;
  /** It corrects a charge of an earlier, closed billing period. */
  readonly correction: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** ISO 4217. */
  readonly currency: string;
  /** 1e-18 of the currency. Negative: a credit or refund. */
  readonly atto: bigint;
  /** The file has more than 18 decimals here; what is beyond them does not count. */
  readonly rounded: boolean;
  readonly from: number;
  readonly to: number;
  readonly billingFrom: number;
  readonly billingTo: number;
  /**
   * What two lines share only when they are the same line: `id …` with the file's own line id where it has one, else
   * `row …` with every cell.
   */
  readonly key: string;
}

/** A line that cannot be used. */
export interface BillProblem {
  readonly line: number;
  readonly problem: string;
}

/** Who bills whom for when; two bills with the same are the same bill. */
export interface BillIdentity {
  readonly issuer: string;
  readonly account: string;
  /** '': not numbered (yet). */
  readonly invoice: string;
  /** Of its lines, as billed. */
  readonly currency: string;
  readonly from: number;
  readonly to: number;
}

/** Whether both would count the same charges: issuer, account and currency are one, periods overlap, and there are not two invoices. */
export function sameBill(a: BillIdentity, b: BillIdentity): boolean {
  return (
    a.issuer === b.issuer &&
    a.account === b.account &&
    a.currency === b.currency &&
    a.from < b.to &&
    b.from < a.to &&
    (a.invoice === b.invoice || a.invoice === '' || b.invoice === '')
  );
}

export const BILL_STATES = ['importing', 'current', 'superseded', 'removed'] as const;
type BillState = (typeof BILL_STATES)[number];

/** A bill as it is kept. Times are Unix ms. */
export interface Bill {
  readonly id: string;
  readonly state: BillState;
  readonly format: BillFormat;
  readonly focusVersion: string | null;
  readonly fileName: string;
  /** Hex, of the file as it came. */
  readonly sha256: string;
  readonly measure: CostMeasure;
  /** Of the amounts below; lines in other currencies were converted at `rates`. */
  readonly currency: string;
  /** Currency -> how many of `currency` one is, as it was given. */
  readonly rates: Readonly<Record<string, string>>;
  readonly billMicro: bigint;
  readonly lines: number;
  /** Lines with more than 18 decimals. */
  readonly roundedLines: number;
  /** First beginning and last end of a charge. */
  readonly from: number;
  readonly to: number;
  readonly identities: readonly BillIdentity[];
  /** Charges of months that were closed count in the first open one. */
  readonly correction: boolean;
  /** The bill whose place it took. */
  readonly replaces: readonly string[];
  readonly createdBy: string;
  readonly createdAt: number;
  readonly endedAt: number | null;
}
