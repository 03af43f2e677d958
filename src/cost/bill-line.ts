/** One row of a file as a line of a bill, or what is wrong with it. */
import type { BillLine, BillProblem, ChargeCategory } from '../domain/bill.ts';
import { CHARGE_CATEGORIES } from '../domain/bill.ts';
import { parseAmount } from '../domain/cost-amount.ts';
import { isCurrency } from '../domain/cost-currency.ts';
import { DAY_MS, floorTo } from '../domain/window.ts';
import { awsCategory, awsChargeCategory } from './bill-aws.ts';
import type { BillColumns, LineField } from './bill-columns.ts';
import type { BillRow } from './bill-csv.ts';
import { mergeTags, parseTags } from './bill-tags.ts';
import { parseBillMonth, parseBillTime } from './bill-time.ts';
import { unguarded } from './focus-guard.ts';

/** No more of a text is kept; nobody reads on, and some exports put whole documents there. */
const LONGEST_TEXT = 1_024;
/** What exports write for "nothing". */
const NULLS = new Set(['null', 'NULL', '\\N', '(null)']);

export interface LineDefaults {
  /** For files that do not say who bills, as simple ones may. */
  readonly issuer: string;
  readonly account: string;
  /** For lines without an invoice number. */
  readonly invoice: string;
}

class Problem extends Error {}

function refuse(problem: string): never {
  throw new Problem(problem);
}

export function billLine(row: BillRow, columns: BillColumns, defaults: LineDefaults): BillLine | BillProblem {
  try {
    return new RowReader(row, columns, defaults).line();
  } catch (thrown) {
    if (thrown instanceof Problem) return { line: row.line, problem: thrown.message };
    throw thrown;
  }
}

class RowReader {
  readonly #row: BillRow;
  readonly #columns: BillColumns;
  readonly #defaults: LineDefaults;

  constructor(row: BillRow, columns: BillColumns, defaults: LineDefaults) {
    this.#row = row;
    this.#columns = columns;
    this.#defaults = defaults;
  }

  line(): BillLine {
    const aws = this.#columns.format === 'aws-cur';
    const amount = this.#amount();
    const charge = this.#period();
    const provider = this.#text('provider') || (aws ? 'AWS' : '');
    const category = this.#text('category');
    return {
      ...{ line: this.#row.line, ...amount, ...charge, ...this.#billing(charge), currency: this.#currency() },
      ...{ provider, issuer: this.#text('issuer') || this.#defaults.issuer || provider },
      account: this.#text('account') || this.#defaults.account,
      invoice: this.#text('invoice') || this.#defaults.invoice,
      ...this.#texts(),
      category: aws ? awsCategory(category) : category,
      ...this.#chargeCategory(),
      tags: this.#tags(),
      key: this.#key(),
    };
  }

  #texts() {
    return {
      accountName: this.#text('accountName'),
      subAccount: this.#text('subAccount'),
      subAccountName: this.#text('subAccountName'),
      service: this.#text('service'),
      region: this.#text('region'),
      resource: this.#text('resource'),
      sku: this.#text('sku'),
      description: this.#text('description'),
    };
  }

  /** The first cell of a field that is not empty, whole. */
  #cell(field: LineField): string {
    for (const place of this.#columns.places[field] ?? []) {
      const cell = this.#row.cells[place] ?? '';
      if (cell !== '' && !NULLS.has(cell)) return this.#columns.guarded ? unguarded(cell) : cell;
    }
    return '';
  }

  #text(field: LineField): string {
    const text = this.#cell(field).trim();
    if (text.includes('\0')) refuse(`${field} holds a zero byte, which no text has`);
    return text.length > LONGEST_TEXT ? text.slice(0, LONGEST_TEXT) : text;
  }

  #amount(): { atto: bigint; rounded: boolean } {
    const text = this.#cell('amount').trim();
    if (text === '') refuse('there is no amount; a charge of nothing is 0');
    return (
      parseAmount(text) ??
      refuse(
        `the amount "${text.slice(0, 40)}" is no plain decimal number: no separators of thousands, a point for decimals`,
      )
    );
  }

  #currency(): string {
    const code = this.#cell('currency').trim().toUpperCase();
    return isCurrency(code) ? code : refuse(`the currency "${code.slice(0, 10)}" is none of ISO 4217`);
  }

  #time(field: LineField): number | undefined {
    const text = this.#cell(field).trim();
    if (text === '') return undefined;
    return (
      parseBillTime(text) ??
      refuse(`the time "${text.slice(0, 40)}" is not one such as 2026-11-01T00:00:00Z or 2026-11-01`)
    );
  }

  #period(): { from: number; to: number } {
    const month = this.#cell('period').trim();
    if (month !== '')
      return parseBillMonth(month) ?? refuse(`the period "${month.slice(0, 40)}" is not a month such as 2026-11`);
    const from = this.#time('from') ?? refuse('there is no time at which the charge begins');
    const to = this.#time('to') ?? (this.#columns.format === 'simple' ? floorTo(from, DAY_MS) + DAY_MS : undefined);
    if (to === undefined) return refuse('there is no time at which the charge ends');
    if (to < from) refuse('the charge ends before it begins');
    // One-time charges of some exports have no length; they belong to their day.
    return { from, to: to === from ? floorTo(from, DAY_MS) + DAY_MS : to };
  }

  #billing({ from }: { readonly from: number }): { billingFrom: number; billingTo: number } {
    const at = new Date(from);
    const month = Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
    const billingFrom = this.#time('billingFrom') ?? month;
    const billingTo = this.#time('billingTo') ?? Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1);
    return billingFrom < billingTo ? { billingFrom, billingTo } : refuse('the billing period ends before it begins');
  }

  #chargeCategory(): { chargeCategory: ChargeCategory; correction: boolean } {
    const text = this.#text('chargeCategory');
    if (this.#columns.format === 'aws-cur') return awsChargeCategory(text);
    const correction = this.#text('chargeClass').toLowerCase() === 'correction';
    if (text === '' && this.#columns.format === 'simple') return { chargeCategory: 'Usage', correction };
    const known = CHARGE_CATEGORIES.find((category) => category.toLowerCase() === text.toLowerCase());
    const all = CHARGE_CATEGORIES.join(', ');
    return {
      chargeCategory: known ?? refuse(`the charge category "${text.slice(0, 40)}" is none of ${all}`),
      correction,
    };
  }

  #tags(): Readonly<Record<string, string>> {
    const text = this.#cell('tags');
    if (text.includes('\0')) refuse('tags hold a zero byte, which no text has');
    const all = parseTags(text) ?? refuse('the tags are neither a JSON object nor key=value;key=value');
    const stripped = this.#columns.format === 'aws-cur' ? withoutPrefix(all) : all;
    const own = this.#columns.tagPlaces.map(
      ({ key, place }) => [key, (this.#row.cells[place] ?? '').slice(0, LONGEST_TEXT)] as const,
    );
    return mergeTags(stripped, own);
  }

  #key(): string {
    const id = this.#cell('id');
    if (id === '') return `row ${this.#row.cells.join('\u001f')}`;
    const kind = [this.#cell('interval'), this.#cell('chargeCategory'), this.#cell('subAccount'), this.#cell('sku')];
    return `id ${[id, ...(this.#columns.format === 'aws-cur' ? kind : [])].join(' ')}`;
  }
}

/** CUR 2.0 has user_tenant where the tag is called tenant. */
function withoutPrefix(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [key.replace(/^user[:_]/, ''), value]));
}
