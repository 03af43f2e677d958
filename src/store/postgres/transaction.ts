/** What code inside a transaction gets to see of the connection: queries with bound values, while it is open. */
import type pg from 'pg';
import type { TenantActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { AuditEntry } from './audit-entry.ts';
import { asTenantryError } from './retryable.ts';

export interface Transaction {
  /**
   * Runs one statement. `text` is constant SQL, `values` its $1, $2, …
   * @throws TenantryError CONFLICT, BAD_REQUEST, QUERY_TIMEOUT, STORE_UNAVAILABLE, INTERNAL
   */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

export interface RecordedTransaction extends Transaction {
  /** Appends to the audit log, in this transaction: either both the change and its record are there, or neither. */
  audit(entry: AuditEntry): Promise<void>;
}

export interface StaffTransaction extends RecordedTransaction {
  /** `inNameOf`: one of a tenant's people, who asked for what only the staff role may write. */
  audit(entry: AuditEntry, inNameOf?: TenantActor): Promise<void>;
  /** Says why a write of this transaction is bookkeeping that needs no record. Without either, it is rolled back. */
  unaudited(reason: string): void;
}

/** Statements run one after the other; after `close` every further one is refused. */
export class OpenTransaction implements Transaction {
  readonly #client: pg.PoolClient;
  #open = true;
  #last: Promise<unknown> = Promise.resolve();
  #failure: unknown;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  /** The first error of a statement as PostgreSQL or the driver gave it. */
  get failure(): unknown {
    return this.#failure;
  }

  query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const answer = this.#last.then(() => this.#run<Row>(text, values));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Waits for statements that were started and not awaited, so that none reaches the next user of the connection. */
  async close(): Promise<void> {
    await this.#last;
    this.#open = false;
  }

  async #run<Row extends object>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    if (!this.#open) throw new TenantryError('INTERNAL', 'A statement came after the end of its transaction');
    // The extended protocol takes one statement only: text after a semicolon is an error and not a second statement.
    const config = { text, values: [...values], queryMode: 'extended' };
    try {
      return (await this.#client.query<Row & pg.QueryResultRow>(config)).rows;
    } catch (error) {
      this.#failure ??= error;
      throw asTenantryError(error);
    }
  }
}
