import { TenantryError, toError } from '../../domain/errors.ts';

/** ClickHouse's own error numbers (src/Common/ErrorCodes.cpp), by what they mean for us. */
const TIMEOUTS = new Set([
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  209, // SOCKET_TIMEOUT
]);
const TOO_HEAVY = new Set([
  158, // TOO_MANY_ROWS
  191, // SET_SIZE_LIMIT_EXCEEDED
  241, // MEMORY_LIMIT_EXCEEDED
  307, // TOO_MANY_BYTES
  396, // TOO_MANY_ROWS_OR_BYTES
]);
const AUTHENTICATION_FAILED = 516;
/**
 * The segment itself is at fault: inserting it again would fail the same way for ever. TOO_MANY_PARTS (252) is not
 * here: merges catch up, and the times of one insert are bounded before they can reach 100 partitions.
 */
const BAD_SEGMENT = new Set([
  6, // CANNOT_PARSE_TEXT
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF
  33, // CANNOT_READ_ALL_DATA
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  131, // TOO_LARGE_STRING_SIZE
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  407, // DECIMAL_OVERFLOW
  436, // PROTOBUF_BAD_CAST
  437, // PROTOBUF_FIELD_NOT_REPEATED
  444, // UNKNOWN_PROTOBUF_FORMAT
]);

/** The engine's error number, or undefined if the failure came from somewhere else. */
function engineErrorCode(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  // chDB says `clickhouseCode`, @clickhouse/client says `code` as text.
  const { clickhouseCode, code } = thrown as { clickhouseCode?: unknown; code?: unknown };
  const given = Number(clickhouseCode ?? code);
  if (Number.isInteger(given) && given > 0) return given;
  const found = /Code: (\d+)\./.exec(toError(thrown).message)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A failure as callers may see it: no SQL, no values; the engine's own words stay in `cause`, for the log. */
export function toStoreError(thrown: unknown, question: string): TenantryError {
  if (thrown instanceof TenantryError) return thrown;
  const code = engineErrorCode(thrown);
  if (code !== undefined && TIMEOUTS.has(code)) {
    return new TenantryError('QUERY_TIMEOUT', `The question ${question} took longer than its limit.`, {
      hint: 'Ask for a shorter time range or a coarser step.',
      cause: thrown,
    });
  }
  if (code !== undefined && TOO_HEAVY.has(code)) {
    return new TenantryError('QUERY_TOO_HEAVY', `The question ${question} exceeded its memory or row limit.`, {
      hint: 'Ask for a shorter time range, fewer groups or a coarser step.',
      cause: thrown,
    });
  }
  if (code === AUTHENTICATION_FAILED) {
    return new TenantryError('STORE_UNAVAILABLE', 'ClickHouse does not accept the user or password.', {
      hint: 'Check those in CLICKHOUSE_URL (percent-encoded, as in every URL).',
      cause: thrown,
    });
  }
  if (code === undefined) {
    return new TenantryError('STORE_UNAVAILABLE', 'ClickHouse cannot be reached.', {
      hint: 'It is tried again by itself; /readyz says when it is back.',
      cause: thrown,
    });
  }
  return new TenantryError('INTERNAL', `The question ${question} failed (ClickHouse error ${code}).`, {
    cause: thrown,
  });
}

/** Whether a segment was refused for what it contains, so that it has to be bisected instead of tried again. */
export function isBadSegment(thrown: unknown): boolean {
  const code = engineErrorCode(thrown);
  return code !== undefined && BAD_SEGMENT.has(code);
}
