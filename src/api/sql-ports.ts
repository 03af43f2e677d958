import type { StaffActor, TenantActor } from '../domain/actor.ts';
import type { SqlAnswer, SqlRun, SqlTable } from '../domain/sql.ts';

/** Statements that people write. Staff ask about everybody; a tenant's people about their own tenant, where that is safe. */
export interface SqlDesk {
  /**
   * Runs it and records who did, whatever comes of it; nothing is answered that was not recorded.
   * @throws TenantryError SQL_REFUSED, QUERY_TIMEOUT, QUERY_TOO_HEAVY, RATE_LIMITED, STORE_UNAVAILABLE, NOT_SUPPORTED_HERE
   */
  run(actor: StaffActor | TenantActor, run: SqlRun): Promise<SqlAnswer>;
  /** @throws TenantryError NOT_SUPPORTED_HERE, STORE_UNAVAILABLE */
  tables(actor: StaffActor | TenantActor): Promise<readonly SqlTable[]>;
  /** RFC 4180 with a header; texts that a spreadsheet would run begin with an apostrophe. */
  csv(answer: SqlAnswer): string;
}
