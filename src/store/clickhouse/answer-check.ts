import { randomBytes } from 'node:crypto';
import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import { TenantryError } from '../../domain/errors.ts';

/** Column that every question selects as `{nonce:String} AS nonce`; it is checked on each row and taken off again. */
const NONCE_COLUMN = 'nonce';
const NONCE_SELECTION = '{nonce:String} AS nonce';
/** Column that every question about one tenant selects. */
const TENANT_COLUMN = 'tenant_id';

/**
 * Clauses that no question needs and that reach out of the engine or break the result format. Our texts are fixed, so
 * this can fire only on a programming mistake; it is the last gate, not the first.
 */
const FORBIDDEN = /;|\bINTO\s+OUTFILE\b|\bFORMAT\s+\w+\s*$/i;

/** Readonly sessions still carry out `SYSTEM …` (verified on 26.7), so statements of other kinds must not even get there. */
const PLAIN = /^\s*(SELECT|WITH)\b/i;

export function newNonce(): string {
  return randomBytes(12).toString('base64url');
}

/** @throws Error when the text of a question could not be checked or is not a plain SELECT */
export function assertCheckable(query: AnalyticsQuery): void {
  const problem = FORBIDDEN.test(query.sql)
    ? 'has a clause that questions must not have'
    : !PLAIN.test(query.sql)
      ? 'is not a SELECT'
      : !query.sql.includes(NONCE_SELECTION)
        ? `does not select ${NONCE_SELECTION}`
        : undefined;
  if (problem !== undefined) throw new Error(`the text of question ${query.question} ${problem}`);
}

/**
 * The rows without their nonce, after every one of them has been checked to belong to this query and, for a question
 * about one tenant, to that tenant. One foreign row refuses the whole answer.
 * @throws TenantryError TENANT_MIXUP
 */
export function checkedRows<Row extends object>(query: AnalyticsQuery, nonce: string, rows: readonly object[]): Row[] {
  const tenant = query.scope === 'across-tenants' ? undefined : query.scope.tenant;
  return rows.map((row) => {
    const { [NONCE_COLUMN]: found, ...rest } = row as Record<string, unknown>;
    if (found !== nonce || (tenant !== undefined && rest[TENANT_COLUMN] !== tenant)) {
      throw new TenantryError(
        'TENANT_MIXUP',
        `An answer to ${query.question} held a row of another question or tenant.`,
        {
          hint: 'Nothing was shown. Report this with the request id: it must never happen.',
        },
      );
    }
    return rest as Row;
  });
}
