/**
 * The one door to the control plane's database. Nothing gets a connection but through a transaction that this class
 * begins and ends:
 *
 *   acquire -> BEGIN, SET LOCAL ROLE, settings -> fn -> COMMIT ------------> back to the pool
 *                                                 fn fails -> ROLLBACK ----> back to the pool
 *                                                 in doubt ----------------> connection destroyed
 *
 * Role and tenant are set for the transaction only (`SET LOCAL`), both settings every time, so that nothing of the
 * connection's last user holds for the next. In doubt means: the connection failed, a statement may still be running,
 * or the transaction is not in the state that it should be in.
 *
 * Audit: a staff transaction that wrote something must say so (`audit`) or why not (`unaudited`); otherwise it is rolled
 * back. Reads by people are recorded in aggregate: the first one of each person and hour, as `staff.read`. One row per
 * read would be the bulk of the log (the pages poll) and tell no more than who looked when.
 */
import pg from 'pg';
import type { Logger } from 'pino';
import type { Actor, StaffActor, TenantActor, TenantKeyActor } from '../../domain/actor.ts';
import { TenantryError, toError } from '../../domain/errors.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import { floorTo, HOUR_MS } from '../../domain/window.ts';
import { type AuditEntry, auditStatement } from './audit-entry.ts';
import { asTenantryError, meaningOf } from './retryable.ts';
import { ROLES } from './roles.ts';
import { OpenTransaction, type RecordedTransaction, type StaffTransaction, type Transaction } from './transaction.ts';

export interface PostgresOptions {
  readonly url: string;
  readonly log: Logger;
  /** Connections kept for transactions. */
  readonly poolSize?: number;
  /** How long a caller waits for a connection, and for the server to take one. */
  readonly acquireTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
}

const DEFAULTS = { poolSize: 10, acquireTimeoutMs: 2_000, statementTimeoutMs: 10_000 } as const;
/** A server that stopped answering cannot enforce its own timeout; ours comes this much later. */
const ANSWER_GRACE_MS = 2_000;
const IDLE_IN_TRANSACTION_MS = 30_000;
const BEGIN_ATTEMPTS = 3;
const SET_CONTEXT = "select set_config('app.current_tenant', $1, true), set_config('app.super_admin', $2, true)";

export class Postgres {
  readonly #pool: pg.Pool;
  readonly #log: Logger;
  readonly #limits: string;
  #readers = { hour: 0, seen: new Set<string>() };

  constructor(options: PostgresOptions) {
    const { url, log, poolSize, acquireTimeoutMs, statementTimeoutMs } = { ...DEFAULTS, ...options };
    this.#log = log;
    // In the transaction and not as start-up options, which connection poolers refuse.
    this.#limits = `set local statement_timeout = ${statementTimeoutMs}; set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`;
    this.#pool = new pg.Pool({
      connectionString: url,
      max: poolSize,
      connectionTimeoutMillis: acquireTimeoutMs,
      query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
      application_name: 'tenantry',
      keepAlive: true,
    });
    // Without listeners a connection that breaks, idle or in use, would end the process.
    // The message alone: pg hangs the whole client on the error, its cancellation key included.
    this.#pool.on('error', ({ message }) => {
      // `end` does not wait for the goodbyes, so the server's own end may come first.
      if (!this.#pool.ending) this.#log.warn({ error: message }, 'an idle PostgreSQL connection broke');
    });
    this.#pool.on('connect', (client) => {
      client.on('error', ({ message }) => this.#log.debug({ error: message }, 'a PostgreSQL connection broke'));
    });
  }

  /**
   * Runs `fn` as the app role, seeing and writing rows of `tenant` only.
   * @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT, CONFLICT, BAD_REQUEST, INTERNAL, and whatever `fn` throws
   */
  async inTenantTransaction<T>(tenant: TenantId, fn: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (!isTenantId(tenant)) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    return this.#transact(ROLES.app, [tenant, 'off'], fn);
  }

  /**
   * Runs `fn` as the staff role, which sees every tenant. What it writes must be audited, see above.
   * @throws like `inTenantTransaction`
   */
  async inStaffTransaction<T>(actor: StaffActor, fn: (transaction: StaffTransaction) => Promise<T>): Promise<T> {
    return this.#transact(ROLES.staff, ['', 'on'], async (transaction) => {
      let accounted = false;
      const append = async (entry: AuditEntry, inNameOf?: TenantActor) => {
        const { text, values } = auditStatement(inNameOf ?? actor, entry);
        await transaction.query(text, values);
      };
      const result = await fn({
        query: (text, values) => transaction.query(text, values),
        audit: async (entry, inNameOf) => {
          accounted = true;
          await append(entry, inNameOf);
        },
        unaudited: () => {
          accounted = true;
        },
      });
      if (!accounted) await this.#refuseUnrecordedWrite(transaction);
      if (!accounted && actor.kind === 'staff' && this.#isFirstReadOfHour(actor)) {
        await append({ action: 'staff.read', resource: 'control-plane' });
      }
      return result;
    });
  }

  /**
   * The transaction that fits a reader: staff and the system see every tenant, everybody else their own.
   * @throws TenantryError FORBIDDEN for a key that is bound to no tenant: keys are not for reading
   */
  async inReadTransaction<T>(actor: Actor, fn: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (actor.kind === 'staff' || actor.kind === 'system') return this.inStaffTransaction(actor, fn);
    if (actor.tenantId === undefined) throw new TenantryError('FORBIDDEN', 'This key may not read the control plane');
    return this.inTenantTransaction(actor.tenantId, fn);
  }

  /**
   * The transaction in which `actor` may change something: staff see every tenant, a tenant's people and keys their own,
   * under row security. Either way a change without a record is rolled back.
   * @throws like `inTenantTransaction`
   */
  async inChangeTransaction<T>(
    actor: StaffActor | TenantActor | TenantKeyActor,
    fn: (transaction: RecordedTransaction) => Promise<T>,
  ): Promise<T> {
    if (actor.kind === 'staff' || actor.kind === 'system') return this.inStaffTransaction(actor, fn);
    const { tenantId } = actor;
    return this.#transact(ROLES.app, [tenantId, 'off'], async (transaction) => {
      const entries: AuditEntry[] = [];
      let isOver = false;
      const result = await fn({
        query: async (text, values) => {
          if (isOver) throw new TenantryError('INTERNAL', 'A statement came after the end of its transaction');
          return transaction.query(text, values);
        },
        audit: async (entry) => {
          entries.push({ ...entry, tenantId });
        },
      });
      // From here on nothing of `fn` runs: the app role has no right on the audit log, so the role changes for its rows.
      isOver = true;
      if (entries.length === 0) await this.#refuseUnrecordedWrite(transaction);
      await transaction.query(`set local role ${ROLES.staff}`);
      await transaction.query(SET_CONTEXT, ['', 'on']);
      for (const { text, values } of entries.map((entry) => auditStatement(actor, entry))) {
        await transaction.query(text, values);
      }
      return result;
    });
  }

  /** Resolves when the database answers. @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT */
  async ping(): Promise<void> {
    await this.#transact(ROLES.staff, ['', 'off'], (transaction) => transaction.query('select 1'));
  }

  /** Waits for running transactions and closes every connection. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #transact<T>(
    role: string,
    [tenant, superAdmin]: readonly [string, 'on' | 'off'],
    fn: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    const client = await this.#begin(role, tenant, superAdmin);
    const transaction = new OpenTransaction(client);
    let doubt = true;
    try {
      const result = await fn(transaction);
      await transaction.close();
      await commit(client);
      doubt = false;
      return result;
    } catch (error) {
      await transaction.close();
      doubt = !(await rolledBack(client, transaction.failure ?? error));
      throw this.#report(error);
    } finally {
      client.release(doubt);
    }
  }

  /** A pooled connection may have died unnoticed: nothing has been done on it yet, so another one is tried. */
  async #begin(role: string, tenant: string, superAdmin: 'on' | 'off'): Promise<pg.PoolClient> {
    for (let attempt = 1; ; attempt += 1) {
      const client = await this.#pool.connect().catch((error: unknown) => {
        throw this.#report(error);
      });
      try {
        await client.query(`begin; set local role ${role}; ${this.#limits}`);
        await client.query(SET_CONTEXT, [tenant, superAdmin]);
        return client;
      } catch (error) {
        client.release(true);
        if (attempt === BEGIN_ATTEMPTS || meaningOf(error)?.retryable !== true) throw this.#report(error);
      }
    }
  }

  /** Errors of `fn` that have nothing to do with PostgreSQL pass unchanged. */
  #report(error: unknown): Error {
    if (!(error instanceof pg.DatabaseError) && meaningOf(error) === undefined) return toError(error);
    const reported = asTenantryError(error);
    if (reported.code === 'INTERNAL') this.#log.error({ err: error }, 'PostgreSQL refused a statement');
    return reported;
  }

  async #refuseUnrecordedWrite(transaction: Transaction): Promise<void> {
    const [row] = await transaction.query<{ wrote: boolean }>(
      'select pg_current_xact_id_if_assigned() is not null as wrote',
    );
    if (row?.wrote) throw new TenantryError('INTERNAL', 'A change without an audit record was rolled back');
  }

  #isFirstReadOfHour(actor: StaffActor): boolean {
    const hour = floorTo(Date.now(), HOUR_MS);
    if (hour !== this.#readers.hour) this.#readers = { hour, seen: new Set() };
    if (this.#readers.seen.has(actor.subject)) return false;
    this.#readers.seen.add(actor.subject);
    return true;
  }
}

/**
 * COMMIT of a transaction that a swallowed error has aborted answers ROLLBACK, without an error. The status alone does
 * not tell: it follows an error in a message of its own, and may not have arrived when the statement has failed already.
 */
async function commit(client: pg.PoolClient): Promise<void> {
  const isOpen = client.getTransactionStatus() === 'T';
  if (isOpen && (await client.query('commit')).command === 'COMMIT') return;
  throw new TenantryError('INTERNAL', 'The transaction was not open any more when it should have been committed');
}

/** Whether the connection is certainly outside any transaction and running nothing. */
async function rolledBack(client: pg.PoolClient, failure: unknown): Promise<boolean> {
  const status = client.getTransactionStatus();
  // A connection that failed or timed out may still be working on the statement.
  if (meaningOf(failure)?.as === 'STORE_UNAVAILABLE' && !isServerSide(failure)) return false;
  if (status !== 'T' && status !== 'E') return false;
  try {
    await client.query('rollback');
    return client.getTransactionStatus() === 'I';
  } catch {
    return false;
  }
}

/** The server itself said so and goes on, as with a deadlock. */
function isServerSide(failure: unknown): boolean {
  return failure instanceof pg.DatabaseError && failure.severity === 'ERROR';
}
