/**
 * Every error that Tenantry answers or exits with: code, HTTP status and title in one table.
 * `detail` says what happened this time, `hint` what to do next. No SQL, stack, key or other tenant's name in either.
 */
export const ERRORS = {
  BAD_REQUEST: { status: 400, title: 'The request is not valid' },
  OTLP_MALFORMED: { status: 400, title: 'The body is not a valid OTLP request' },
  UNAUTHENTICATED: { status: 401, title: 'No valid credentials' },
  FORBIDDEN: { status: 403, title: 'Not allowed for this role' },
  PLAN_LACKS_FEATURE: { status: 403, title: 'The plan does not include this' },
  TENANT_SUSPENDED: { status: 403, title: 'The tenant is suspended' },
  TENANT_CLOSED: { status: 403, title: 'The tenant is closed' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  CONFLICT: { status: 409, title: 'Somebody else changed it first' },
  TARGET_NOT_EMPTY: { status: 409, title: 'There is something already where this should go' },
  BACKUP_DAMAGED: { status: 409, title: 'The backup is not whole' },
  PRECONDITION_FAILED: { status: 412, title: 'It is no more what it was' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  URL_TOO_LONG: { status: 414, title: 'The address is too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Content type not supported' },
  BILL_REFUSED: { status: 422, title: 'The bill cannot be taken as it is' },
  SQL_REFUSED: { status: 422, title: 'The statement cannot be run here' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large' },
  INTERNAL: { status: 500, title: 'Internal error' },
  NOT_SUPPORTED_HERE: { status: 501, title: 'Not supported in this mode' },
  STORE_UNAVAILABLE: { status: 503, title: 'A store cannot be reached' },
  SPOOL_UNAVAILABLE: { status: 503, title: 'Telemetry cannot be taken in right now' },
  QUERY_TOO_HEAVY: { status: 503, title: 'The query exceeded its limits' },
  QUERY_TIMEOUT: { status: 504, title: 'The query took too long' },
  NO_SPACE: { status: 507, title: 'There is no room on the disk' },
  CONFIG_INVALID: { status: 500, title: 'The configuration is not valid' },
  DATA_DIR_IN_USE: { status: 500, title: 'Another process uses this data directory' },
  SCHEMA_MISMATCH: { status: 500, title: 'The database does not match the migrations of this version' },
  SCHEMA_TOO_NEW: { status: 500, title: 'The database was written by a newer Tenantry' },
  STORE_START_FAILED: { status: 500, title: 'An embedded store did not start' },
  TENANT_MIXUP: { status: 500, title: 'A result was refused because it did not belong to the question' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorOptionsWithHint {
  /** What the reader can do next. */
  readonly hint?: string;
  /** Which field of the request's body is at fault, as a JSON pointer (RFC 6901). */
  readonly pointer?: string;
  /** When it is worth while to come again, where that is known. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

export class TenantryError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly pointer: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail: string, options: ErrorOptionsWithHint = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TenantryError';
    this.code = code;
    this.hint = options.hint;
    this.pointer = options.pointer;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** Any thrown value as an Error, so that a catch never loses the cause. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
