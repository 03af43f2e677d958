/** Whether a file is FOCUS as its standard says: columns, types, nulls, values, times, periods. */
import type { BillProblem } from '../domain/bill.ts';
import { parseAmount } from '../domain/cost-amount.ts';
import { isCurrency } from '../domain/cost-currency.ts';
import type { BillRow, BillTable } from './bill-csv.ts';
import { parseBillTime } from './bill-time.ts';
import { type FocusColumn, type FocusVersion, focusColumns, STANDARD_NAMES } from './focus-columns.ts';
import { unguarded } from './focus-guard.ts';

export interface FocusReport {
  readonly version: FocusVersion;
  readonly rows: number;
  /** About the columns: wrong for every row. */
  readonly columns: readonly string[];
  /** About rows, the first thousand. */
  readonly problems: readonly BillProblem[];
  readonly totalProblems: number;
}

const MOST_PROBLEMS = 1_000;
/** The standard's own form; files of Parquet have their times as timestamps, which arrive with milliseconds. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.000)?Z$/;
const PLACEHOLDERS = new Set(['null', 'NULL', 'N/A', 'n/a', 'NA', 'None', 'none', '-', '\\N']);

interface Checked {
  readonly column: FocusColumn;
  readonly place: number;
}

export async function validateFocus({ header, rows }: BillTable, version: FocusVersion): Promise<FocusReport> {
  const columns = focusColumns(version);
  const checked = columns.flatMap((column): Checked[] => {
    const place = header.indexOf(column.name);
    return place < 0 ? [] : [{ column, place }];
  });
  const guarded = header.includes('x_TenantryLine');
  const problems: BillProblem[] = [];
  let [count, total] = [0, 0];
  for await (const piece of rows) {
    for (const row of piece) {
      count += 1;
      const found = 'problem' in row ? [row.problem] : rowProblems(row, checked, guarded);
      total += found.length;
      for (const problem of found) if (problems.length < MOST_PROBLEMS) problems.push({ line: row.line, problem });
    }
  }
  const about = columnProblems(header, columns);
  return { version, rows: count, columns: about, problems, totalProblems: total + about.length };
}

function columnProblems(header: readonly string[], columns: readonly FocusColumn[]): string[] {
  const missing = columns
    .filter(({ name, mandatory }) => mandatory && !header.includes(name))
    .map(({ name }) => `${name} is missing`);
  const twice = header.filter((name, place) => header.indexOf(name) !== place).map((name) => `${name} is there twice`);
  const known = new Set(columns.map(({ name }) => name));
  const foreign = header
    .filter((name) => !known.has(name) && !name.startsWith('x_') && !STANDARD_NAMES.has(name))
    .map((name) => `${name.slice(0, 60)} is no column of FOCUS; own ones begin with x_`);
  const gone = header
    .filter((name) => !known.has(name) && ['ProviderName', 'PublisherName'].includes(name))
    .map((name) => `${name} is gone since 1.4`);
  return [...missing, ...twice, ...foreign, ...gone];
}

function rowProblems({ cells }: BillRow, checked: readonly Checked[], guarded: boolean): string[] {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const { column, place } of checked) {
    const raw = cells[place] ?? '';
    const value = guarded && column.type === 'string' ? unguarded(raw) : raw;
    values.set(column.name, value);
    const problem = cellProblem(column, value);
    if (problem !== undefined) problems.push(`${column.name}: ${problem}`);
  }
  return [...problems, ...relationProblems(values)];
}

function cellProblem({ type, nullable, values }: FocusColumn, value: string): string | undefined {
  if (value === '') return nullable ? undefined : 'must not be null';
  if (PLACEHOLDERS.has(value)) return `"${value}" is a placeholder; null is an empty cell`;
  if (values !== undefined && !values.includes(value)) return `"${value.slice(0, 40)}" is none of its values`;
  switch (type) {
    case 'decimal':
      return value.startsWith('+') || parseAmount(value) === undefined
        ? `"${value.slice(0, 40)}" is no decimal number`
        : undefined;
    case 'time':
      return TIME.test(value) && parseBillTime(value) !== undefined
        ? undefined
        : `"${value.slice(0, 40)}" is not a time in UTC such as 2026-11-01T00:00:00Z`;
    case 'currency':
      return isCurrency(value) ? undefined : `"${value.slice(0, 10)}" is no currency of ISO 4217`;
    case 'json':
      return isJsonObject(value) ? undefined : 'is not a JSON object';
    case 'string':
      return undefined;
  }
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** What one column asks of another. */
function relationProblems(values: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const value = (name: string) => values.get(name) ?? '';
  for (const period of ['BillingPeriod', 'ChargePeriod']) {
    const [start, end] = [parseBillTime(value(`${period}Start`)), parseBillTime(value(`${period}End`))];
    if (start !== undefined && end !== undefined && end <= start)
      problems.push(`${period}End is not after ${period}Start`);
  }
  const isPriced = ['Usage', 'Purchase'].includes(value('ChargeCategory')) && value('ChargeClass') !== 'Correction';
  if (isPriced && value('PricingQuantity') === '')
    problems.push('PricingQuantity must not be null for Usage and Purchase');
  if (value('PricingQuantity') !== '' && value('PricingUnit') === '') {
    problems.push('PricingUnit must not be null where there is a PricingQuantity');
  }
  if (value('SubAccountName') !== '' && value('SubAccountId') === '') {
    problems.push('SubAccountId must not be null where there is a SubAccountName');
  }
  if (value('AllocatedResourceId') !== '' && value('AllocatedMethodId') === '') {
    problems.push('AllocatedMethodId must not be null where a cost was split');
  }
  return problems;
}
