import { parse } from 'csv-parse/sync';
import {
  isPriceKind,
  isPriceVariant,
  PRICE_UNITS,
  PRICE_VARIANTS,
  type PriceTerms,
  periodsOverlap,
  subjectKey,
} from '../domain/price.ts';
import { exactPico, isKnownStep, KNOWN_STEPS, PRICE_PER, type PricePer } from '../domain/price-text.ts';
import { HOUR_MS } from '../domain/window.ts';
import type { ImportProblem, ParsedPrices } from './price-import.ts';

/** The columns of a price list in CSV, in any order; the first four are required. */
const PRICE_COLUMNS = [
  'provider',
  'model',
  'kind',
  'price_usd',
  'per',
  'variant',
  'input_over',
  'effective_from',
  'effective_to',
] as const;
type Column = (typeof PRICE_COLUMNS)[number];
const REQUIRED: readonly Column[] = ['provider', 'model', 'kind', 'price_usd'];
const MAX_PROBLEMS = 1_000;
/** RFC 3339 in UTC, or a date for its midnight. */
const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z)?$/;

interface Line extends Omit<PriceTerms, 'rate'> {
  readonly line: number;
  readonly over: number;
  readonly pico: bigint;
}

/**
 * Reads a price list: one line for each price, and one more for each step by input size (`input_over`). Prices are US
 * dollars for `per` units (1, 1000 or 1000000; default 1000000 for tokens, else 1). Every problem is told by its line.
 */
export function parsePriceCsv(text: string, sourceRef: string): ParsedPrices {
  const rows = readRows(text);
  if (!Array.isArray(rows)) return { terms: [], errors: [rows], skipped: [] };
  const [head, ...body] = rows;
  const columns = head?.record.map((name) => name.trim().toLowerCase()) ?? [];
  const errors: ImportProblem[] = headProblems(columns);
  if (errors.length > 0) return { terms: [], errors, skipped: [] };
  const lines: Line[] = [];
  for (const { record, line } of body) {
    const value = (column: Column) => record[columns.indexOf(column)]?.trim() ?? '';
    const read = readLine(value, line, sourceRef);
    if (!Array.isArray(read)) lines.push(read);
    else errors.push(...read.map((reason) => ({ where: `line ${line}`, reason })));
  }
  const terms = assembled(lines, errors);
  if (body.length === 0) errors.push({ where: 'file', reason: 'there is no line below the head' });
  return { terms, errors: errors.slice(0, MAX_PROBLEMS), skipped: [] };
}

interface Row {
  readonly record: readonly string[];
  readonly line: number;
}

function readRows(text: string): Row[] | ImportProblem {
  if (text.includes('\uFFFD') || text.includes('\0')) return { where: 'file', reason: 'the file is no text in UTF-8' };
  try {
    const parsed = parse(text, { bom: true, skip_empty_lines: true, info: true }) as unknown as {
      record: string[];
      info: { lines: number };
    }[];
    return parsed.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (thrown) {
    const { lines, message } = thrown as { lines?: number; message: string };
    return { where: lines === undefined ? 'file' : `line ${lines}`, reason: message.split('\n')[0] ?? 'no CSV' };
  }
}

function headProblems(columns: readonly string[]): ImportProblem[] {
  const problems = [
    ...REQUIRED.filter((name) => !columns.includes(name)).map((name) => `the column ${name} is missing`),
    ...columns
      .filter((name) => !(PRICE_COLUMNS as readonly string[]).includes(name))
      .map((name) => `the column "${name.slice(0, 40)}" is not known; there are ${PRICE_COLUMNS.join(', ')}`),
    ...columns
      .filter((name, index) => columns.indexOf(name) !== index)
      .map((name) => `the column ${name} is there twice`),
  ];
  return problems.map((reason) => ({ where: 'line 1', reason }));
}

function readLine(value: (column: Column) => string, line: number, sourceRef: string): Line | string[] {
  const problems: string[] = [];
  const [provider, model] = [value('provider').toLowerCase(), value('model').toLowerCase()];
  const [kind, variant] = [value('kind').toLowerCase(), value('variant').toLowerCase() || 'standard'];
  if (provider === '' || provider.length > 128) problems.push('provider is missing or longer than 128 characters');
  if (model === '' || model.length > 256) problems.push('model is missing or longer than 256 characters');
  if (!isPriceKind(kind)) problems.push(`kind is one of ${Object.keys(PRICE_UNITS).join(', ')}`);
  if (!isPriceVariant(variant)) problems.push(`variant is one of ${PRICE_VARIANTS.join(', ')}`);
  const perText = value('per') || (isPriceKind(kind) && PRICE_UNITS[kind] === 'token' ? '1000000' : '1');
  const per = PRICE_PER.find((one) => String(one) === perText);
  if (per === undefined) problems.push(`per is one of ${PRICE_PER.join(', ')}`);
  const pico = exactPico(value('price_usd'), per ?? (1 satisfies PricePer));
  if (typeof pico === 'string') problems.push(`price_usd: ${pico}`);
  const over = value('input_over') === '' ? 0 : Number(value('input_over'));
  if (over !== 0 && !isKnownStep(over))
    problems.push(`input_over is one of ${KNOWN_STEPS}: usage is kept apart there only`);
  const [effectiveFrom, effectiveTo] = [hourOf(value('effective_from')), hourOf(value('effective_to'))];
  if (effectiveFrom === undefined) problems.push('effective_from is no date and no whole hour in UTC');
  if (effectiveTo === undefined) problems.push('effective_to is no date and no whole hour in UTC');
  if (typeof effectiveFrom === 'number' && typeof effectiveTo === 'number' && effectiveFrom >= effectiveTo)
    problems.push('effective_to is not after effective_from');
  const isWhole = isPriceKind(kind) && isPriceVariant(variant) && typeof pico === 'bigint';
  if (problems.length > 0 || !isWhole || effectiveFrom === undefined || effectiveTo === undefined) return problems;
  return {
    ...{ line, provider, model, kind, variant, over, pico, effectiveFrom, effectiveTo },
    ...{ daily: null, source: 'csv' as const, sourceRef },
  };
}

/** Unix ms; null: not told; undefined: not to be understood. */
function hourOf(text: string): number | null | undefined {
  if (text === '') return null;
  const at = TIME.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes 30 February for 2 March.
  const isReal = Number.isFinite(at) && new Date(at).toISOString().startsWith(text.slice(0, 10));
  return isReal && at % HOUR_MS === 0 ? at : undefined;
}

/** Lines of one price put together; those that contradict each other are told. */
function assembled(lines: readonly Line[], errors: ImportProblem[]): PriceTerms[] {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const key = JSON.stringify([subjectKey(line), line.effectiveFrom, line.effectiveTo]);
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  const bySubject = new Map<string, { terms: PriceTerms; line: number }[]>();
  for (const group of groups.values()) {
    const sorted = group.toSorted((a, b) => a.over - b.over);
    const [first, ...steps] = sorted;
    if (first === undefined) continue;
    const twice = sorted.find((line, index) => line.over === sorted[index - 1]?.over);
    if (twice !== undefined) {
      errors.push({ where: `line ${twice.line}`, reason: 'the same price is told by an earlier line' });
      continue;
    }
    if (first.over !== 0) {
      errors.push({ where: `line ${first.line}`, reason: 'there is no line for small inputs (without input_over)' });
      continue;
    }
    const { line, over, pico, ...rest } = first;
    const rate = { base: pico, steps: steps.map((step) => ({ over: step.over, pico: step.pico })) };
    const terms = { ...rest, rate };
    const others = bySubject.get(subjectKey(terms)) ?? [];
    const clash = others.find((other) => periodsOverlap(other.terms, terms));
    if (clash === undefined) bySubject.set(subjectKey(terms), [...others, { terms, line }]);
    else errors.push({ where: `line ${line}`, reason: `its period overlaps that of line ${clash.line}` });
  }
  return [...bySubject.values()].flat().map(({ terms }) => terms);
}
