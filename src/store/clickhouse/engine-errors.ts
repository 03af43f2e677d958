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
 * What a failed insert says about its segment.
 * `content`: the bytes are at fault and nothing of them was written; they can be taken apart.
 * `store`: the store, the way to it or its configuration is at fault; whatever is inserted fails the same way.
 * `unclear`: either may be. The same bytes under the same token stay right, so that is what is tried.
 */
export type InsertVerdict = 'content' | 'store' | 'unclear';

/** Raised while the engine reads a segment, which it does as one block: before anything is written. */
const BAD_CONTENT = new Set([
  6, // CANNOT_PARSE_TEXT
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF
  33, // CANNOT_READ_ALL_DATA
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  131, // TOO_LARGE_STRING_SIZE
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  407, // DECIMAL_OVERFLOW
  436, // PROTOBUF_BAD_CAST
  437, // PROTOBUF_FIELD_NOT_REPEATED
  444, // UNKNOWN_PROTOBUF_FORMAT
  691, // UNKNOWN_ELEMENT_OF_ENUM
]);
const STORE_AT_FAULT = new Set([
  // Schema or version: migrations have not run yet, or the server is of another version than the statement.
  16, // NO_SUCH_COLUMN_IN_TABLE
  60, // UNKNOWN_TABLE
  81, // UNKNOWN_DATABASE
  115, // UNKNOWN_SETTING
  // Credentials and rights: put right by people, not by another segment.
  164, // READONLY
  192, // UNKNOWN_USER
  193, // WRONG_PASSWORD
  194, // REQUIRED_PASSWORD
  195, // IP_ADDRESS_NOT_ALLOWED
  452, // SETTING_CONSTRAINT_VIOLATION
  497, // ACCESS_DENIED
  AUTHENTICATION_FAILED,
  // Load and room: merges catch up, others end, somebody frees space.
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  201, // QUOTA_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS: our times are bounded before one insert can reach its second meaning, 100 partitions
  439, // CANNOT_SCHEDULE_TASK
  745, // SERVER_OVERLOADED
  // Network, disk and replicas.
  3, // UNEXPECTED_END_OF_FILE
  74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  76, // CANNOT_OPEN_FILE
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  236, // ABORTED
  242, // TABLE_IS_READ_ONLY
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT: it may be in; the token makes a second attempt safe
  341, // UNFINISHED
  394, // QUERY_WAS_CANCELLED
  415, // ALL_REPLICAS_LOST
  425, // SYSTEM_ERROR
  499, // S3_ERROR
  735, // QUERY_WAS_CANCELLED_BY_CLIENT
  999, // KEEPER_EXCEPTION
  1000, // POCO_EXCEPTION
]);
/** Bytes that end too early: also what a server sees of a body that was cut off on its way. */
const MAY_BE_CUT_OFF = new Set([32, 33]);
/**
 * The engine's words for a failure behind the landing table. By then the tables before that view may hold the segment:
 * inserting parts of it under tokens of their own would count them twice (seen: a rollup that throws, spans committed).
 */
const IN_A_VIEW = 'while pushing to view';

/** The engine's error number, or undefined if the failure came from somewhere else. */
function engineErrorCode(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  // chDB says `clickhouseCode`, @clickhouse/client says `code` as text.
  const { clickhouseCode, code } = thrown as { clickhouseCode?: unknown; code?: unknown };
  // A number in `code` is a DOMException's: an abort is 20, a timeout 23, and the engine has errors of these numbers.
  const given = Number(clickhouseCode ?? (typeof code === 'string' ? code : undefined));
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

/** What a failed insert of a segment says about the segment. */
export function insertVerdict(thrown: unknown): InsertVerdict {
  const code = engineErrorCode(thrown);
  if (code === undefined || STORE_AT_FAULT.has(code)) return 'store';
  if (BAD_CONTENT.has(code) && !toError(thrown).message.includes(IN_A_VIEW)) return 'content';
  return 'unclear';
}

/** Whether a refusal for content may come of the way to the engine, so that it counts only when it comes twice. */
export function mayBeCutOff(thrown: unknown): boolean {
  const code = engineErrorCode(thrown);
  return code !== undefined && MAY_BE_CUT_OFF.has(code);
}
