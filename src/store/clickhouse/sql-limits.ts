import { TenantryError } from '../../domain/errors.ts';
import type { SqlAnswer, SqlColumn, SqlRun } from '../../domain/sql.ts';

/** How much one statement written by hand may take. */
export interface SqlLimits {
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly answerRows: number;
  readonly answerBytes: number;
}

export const STAFF_LIMITS: SqlLimits = {
  seconds: 10,
  memoryBytes: 1024 ** 3,
  rowsRead: 2_000_000_000,
  bytesRead: 50 * 1024 ** 3,
  answerRows: 10_000,
  answerBytes: 16 * 1024 ** 2,
};

export const TENANT_LIMITS: SqlLimits = {
  ...STAFF_LIMITS,
  memoryBytes: 512 * 1024 ** 2,
  rowsRead: 500_000_000,
  bytesRead: 10 * 1024 ** 3,
};

/** The format that statements are answered in: one document, so that half of one is no answer. */
export const SQL_FORMAT = 'JSONCompact';

/**
 * The limits as the engine's settings, without `readonly`. Nothing spills to disk: a statement that only reads writes
 * nothing, not even its own leftovers.
 */
export function limitSettings(limits: SqlLimits): Readonly<Record<string, string | number>> {
  return {
    max_execution_time: limits.seconds,
    timeout_overflow_mode: 'throw',
    max_memory_usage: limits.memoryBytes,
    max_bytes_ratio_before_external_group_by: 0,
    max_bytes_ratio_before_external_sort: 0,
    max_rows_to_read: limits.rowsRead,
    max_bytes_to_read: limits.bytesRead,
    read_overflow_mode: 'throw',
    // One more than is answered: so it is known that there are more, and the engine stops looking for them.
    limit: limits.answerRows + 1,
    // `limit` holds for each part of a UNION by itself.
    max_result_rows: 20 * limits.answerRows,
    max_result_bytes: limits.answerBytes,
    result_overflow_mode: 'throw',
    max_threads: 2,
    max_ast_depth: 300,
    max_ast_elements: 10_000,
    max_expanded_ast_elements: 100_000,
    max_parser_depth: 300,
    max_subquery_depth: 20,
    max_temporary_columns: 2_000,
    max_columns_to_read: 1_000,
    allow_ddl: 0,
    allow_introspection_functions: 0,
    output_format_json_quote_64bit_integers: 1,
    output_format_json_quote_decimals: 1,
    output_format_json_quote_denormals: 1,
    output_format_decimal_trailing_zeros: 1,
    output_format_write_statistics: 1,
  };
}

interface Document {
  readonly meta: readonly SqlColumn[];
  readonly data: readonly (readonly unknown[])[];
  readonly statistics: { readonly elapsed: number; readonly rows_read: number; readonly bytes_read: number };
}

/**
 * The engine's document as an answer of at most the asked rows.
 * @throws TenantryError QUERY_TOO_HEAVY when it is longer than may be answered
 */
export function sqlAnswerOf(bytes: Uint8Array, { maxRows }: SqlRun, limits: SqlLimits): SqlAnswer {
  // Twice the engine's own limit, which counts values as they lie in memory: as JSON most are longer.
  if (bytes.byteLength > 2 * limits.answerBytes) throw answerTooLong(limits);
  const { meta, data, statistics } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Document;
  return {
    columns: meta.map(({ name, type }) => ({ name, type })),
    rows: data.slice(0, maxRows),
    truncated: data.length > maxRows,
    rowsRead: statistics.rows_read,
    bytesRead: statistics.bytes_read,
    elapsedMs: statistics.elapsed * 1_000,
  };
}

export function answerTooLong({ answerBytes }: SqlLimits): TenantryError {
  return new TenantryError('QUERY_TOO_HEAVY', `The answer is longer than ${answerBytes / 1024 ** 2} MiB.`, {
    hint: 'Select fewer columns or rows, or shorten long texts with left(…, 200).',
  });
}
