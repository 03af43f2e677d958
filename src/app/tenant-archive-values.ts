/** A tenant's rows as people read them: which columns of which table, and how each is written in which format. */
import { FORMULA_LIKE } from '../cost/focus-guard.ts';
import type { ExportAudience, ReadableFormat } from '../domain/tenant-archive.ts';
import { CLICKHOUSE_TERMS, columnsOf, POSTGRES_TERMS, type TableTerms } from '../domain/tenant-archive-columns.ts';
import type { ArchivedStore } from '../domain/tenant-archive-manifest.ts';
import type { FileSelect } from '../store/clickhouse/clickhouse.ts';

interface Column {
  readonly name: string;
  readonly type: string;
}

/** Of the table's columns those that the audience may see, in the table's order; none where it is not the tenant's. */
export function visibleColumns<Seen extends { readonly name: string }>(
  store: ArchivedStore,
  table: string,
  columns: readonly Seen[],
  audience: ExportAudience,
): readonly Seen[] {
  const terms = termsOf(store, table);
  if (terms === undefined) return [];
  const tenants = columnsOf(terms.tenant);
  // A table in which nothing but the id is the tenant's own tells it nothing.
  if (audience === 'tenant' && tenants.length < 2) return [];
  const allowed = new Set(audience === 'tenant' ? tenants : [...tenants, ...columnsOf(terms.operator)]);
  return columns.filter(({ name }) => allowed.has(name));
}

export function termsOf(store: ArchivedStore, table: string): TableTerms | undefined {
  const terms = store === 'clickhouse' ? CLICKHOUSE_TERMS : POSTGRES_TERMS;
  return Object.hasOwn(terms, table) ? terms[table] : undefined;
}

export const READABLE_EXTENSIONS: Readonly<Record<ReadableFormat, string>> = {
  json: 'json',
  csv: 'csv',
  parquet: 'parquet',
};

const CLICKHOUSE_FORMATS: Readonly<Record<ReadableFormat, FileSelect['format']>> = {
  json: 'JSONEachRow',
  csv: 'CSVWithNames',
  parquet: 'Parquet',
};

const CLICKHOUSE_SETTINGS: Readonly<Record<ReadableFormat, string>> = {
  // 64 bits as texts of digits: a JavaScript reader would round them without a word.
  json: "output_format_json_array_of_rows = 1, output_format_json_quote_64bit_integers = 1, date_time_output_format = 'iso'",
  csv: "format_csv_null_representation = '', date_time_output_format = 'iso'",
  parquet: "output_format_parquet_compression_method = 'snappy', output_format_parquet_string_as_string = 1",
};

/** How ClickHouse itself writes a table for people. */
export function readableSelect(columns: readonly Column[], format: ReadableFormat) {
  return {
    select: columns.map((column) => `${expression(column, format)} AS ${quotedColumn(column.name)}`).join(', '),
    format: CLICKHOUSE_FORMATS[format],
    settings: CLICKHOUSE_SETTINGS[format],
  };
}

const quotedColumn = (name: string) => `\`${name}\``;
/** The pattern of the guard, as a literal of ClickHouse, whose RE2 reads it alike. */
const FORMULA_SQL = `'${FORMULA_LIKE.source.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function expression({ name, type }: Column, format: ReadableFormat): string {
  const column = quotedColumn(name);
  const plain = bareType(type);
  if (type.startsWith('AggregateFunction(')) return structured(`finalizeAggregation(${column})`, format);
  if (plain.startsWith('FixedString')) return `lower(hex(${column}))`;
  if (plain.startsWith('Array(FixedString')) {
    return structured(`arrayMap(id -> lower(hex(id)), ${column})`, format);
  }
  if (/^(Map|Tuple|Array)\(/.test(plain)) return structured(column, format);
  if (/^U?Int(128|256)$/.test(plain)) return `toString(${column})`;
  if (plain.startsWith('Enum')) return `CAST(${column}, 'String')`;
  if (plain !== 'String') return column;
  const text = `CAST(${column}, 'String')`;
  return format === 'csv' ? `if(match(${text}, ${FORMULA_SQL}), concat('\\'', ${text}), ${text})` : text;
}

/** A structure as JSON's own; where there is none, as JSON text, which begins with a bracket and is no formula. */
function structured(value: string, format: ReadableFormat): string {
  return format === 'json' ? value : `toJSONString(${value})`;
}

/** What values are, whichever way they are stored. */
function bareType(type: string): string {
  const simple = /^SimpleAggregateFunction\(\w+, (.+)\)$/.exec(type)?.[1] ?? type;
  return /^LowCardinality\((.+)\)$/.exec(simple)?.[1] ?? simple;
}
