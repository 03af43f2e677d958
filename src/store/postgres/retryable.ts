/** What PostgreSQL's errors mean for the caller, by code, with the reason named. */
import { type ErrorCode, TenantryError, toError } from '../../domain/errors.ts';

interface Meaning {
  /** Whether the same transaction may succeed when it is run again. */
  readonly retryable: boolean;
  readonly reason: string;
  readonly as: ErrorCode;
}

const retry = (reason: string, as: ErrorCode = 'STORE_UNAVAILABLE'): Meaning => ({ retryable: true, reason, as });
const final = (reason: string, as: ErrorCode): Meaning => ({ retryable: false, reason, as });

/** https://www.postgresql.org/docs/18/errcodes-appendix.html, and Node's socket errors. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '40001': retry('two transactions depended on each other; one was chosen to fail'),
  '40P01': retry('two transactions waited for each other; one was chosen to fail'),
  '55P03': retry('somebody else held the row longer than the lock timeout'),
  '53300': retry('the server has no connection left'),
  '53200': retry('the server is out of memory'),
  '53100': retry("the server's disk is full"),
  '57P01': retry('the server is shutting down, or an administrator ended the connection'),
  '57P02': retry('another process of the server crashed, and it restarts'),
  '57P03': retry('the server is starting up'),
  '57P05': retry('the connection was idle for too long'),
  '25P03': retry('the transaction was idle for too long'),
  '25P04': retry('the transaction took too long'),
  '25006': retry('the server is a read-only standby, as during a failover'),
  ECONNREFUSED: retry('nothing listens on the address of the server'),
  ECONNRESET: retry('the connection broke'),
  EPIPE: retry('the connection broke'),
  ETIMEDOUT: retry('the server did not answer in time'),
  EHOSTUNREACH: retry('there is no way to the server'),
  ENETUNREACH: retry('there is no way to the server'),
  ENOTFOUND: retry("the server's name cannot be resolved"),
  EAI_AGAIN: retry("the server's name cannot be resolved right now"),
  '57014': final('the statement took longer than the statement timeout', 'QUERY_TIMEOUT'),
  '28P01': final('the password was refused', 'STORE_UNAVAILABLE'),
  '28000': final('the login was refused', 'STORE_UNAVAILABLE'),
  '3D000': final('the database does not exist', 'STORE_UNAVAILABLE'),
  '23505': final('there is such a row already', 'CONFLICT'),
  '23P01': final('its time overlaps that of another row', 'CONFLICT'),
  '23503': final('something that it refers to does not exist', 'BAD_REQUEST'),
  '23514': final('a value is outside what the table allows', 'BAD_REQUEST'),
  '23502': final('a value is missing', 'BAD_REQUEST'),
  '22P02': final('a value has the wrong form', 'BAD_REQUEST'),
  '22P05': final('a text has a character that cannot be stored', 'BAD_REQUEST'),
  '22021': final('a text has a character that cannot be stored', 'BAD_REQUEST'),
  '22003': final('a number is out of range', 'BAD_REQUEST'),
  '22008': final('a time is out of range', 'BAD_REQUEST'),
};

/** Errors that pg raises itself carry no code, only these texts. */
const CONNECTION_TEXTS =
  /timeout exceeded when trying to connect|timeout expired|connection terminated|connection error|query read timeout|not queryable|client was closed/i;

/** SQLSTATE or socket error code of a thrown value. */
export function postgresCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Meaning of a thrown value, or undefined for anything unforeseen (a bug). */
export function meaningOf(thrown: unknown): Meaning | undefined {
  const code = postgresCode(thrown);
  if (code !== undefined) {
    // Class 08: every kind of connection failure.
    if (code.startsWith('08')) return retry('the connection failed');
    return Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  }
  return CONNECTION_TEXTS.test(toError(thrown).message) ? retry('the connection failed') : undefined;
}

/** The error to hand on: PostgreSQL's own text stays in `cause`, because it can quote SQL and values. */
export function asTenantryError(thrown: unknown): TenantryError {
  if (thrown instanceof TenantryError) return thrown;
  const meaning = meaningOf(thrown);
  if (meaning === undefined) {
    return new TenantryError('INTERNAL', 'The control plane refused a statement', { cause: thrown });
  }
  return new TenantryError(meaning.as, `PostgreSQL: ${meaning.reason}`, {
    cause: thrown,
    ...(meaning.as === 'STORE_UNAVAILABLE' && {
      hint: 'Try again in a few seconds. If it stays so, look at the PostgreSQL server and at DATABASE_URL.',
    }),
  });
}
