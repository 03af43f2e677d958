/**
 * A guest in a database of the operator's. Every statement runs in a short read-only transaction with limits of its own,
 * so that a collector can neither change anything nor be in anybody's way for long.
 */
import pg from 'pg';
import { TenantryError } from '../../domain/errors.ts';
import { asTenantryError, postgresCode } from './retryable.ts';

export interface StorageSessionOptions {
  readonly url: string;
  readonly connectTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  /** Wait for a lock no longer: whoever waits behind us would wait as well. */
  readonly lockTimeoutMs?: number;
}

const DEFAULTS = { connectTimeoutMs: 10_000, statementTimeoutMs: 30_000, lockTimeoutMs: 500 } as const;
const ANSWER_GRACE_MS = 5_000;
/** TID range scans came with 14. */
const OLDEST_SERVER = 140_000;
const INSUFFICIENT_PRIVILEGE = '42501';

export type StorageQuery = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export class StorageSession {
  readonly #client: pg.Client;
  readonly #begin: string;
  readonly version: number;

  private constructor(client: pg.Client, begin: string, version: number) {
    this.#client = client;
    this.#begin = begin;
    this.version = version;
  }

  /** @throws TenantryError STORE_UNAVAILABLE, NOT_SUPPORTED_HERE for servers older than 14 */
  static async open(options: StorageSessionOptions): Promise<StorageSession> {
    const { url, connectTimeoutMs, statementTimeoutMs, lockTimeoutMs } = { ...DEFAULTS, ...options };
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
      application_name: 'tenantry-storage',
      keepAlive: true,
    });
    // Without a listener a connection that breaks would end the process; the next statement tells of it.
    client.on('error', () => undefined);
    // Row security that would hide rows is an error and no smaller answer; names mean the catalogue's; and only plans
    // that read what was asked for are allowed.
    const begin = `begin transaction read only; set local statement_timeout = ${statementTimeoutMs};
      set local lock_timeout = ${lockTimeoutMs}; set local idle_in_transaction_session_timeout = ${statementTimeoutMs};
      set local search_path = pg_catalog; set local row_security = off; set local max_parallel_workers_per_gather = 0;
      set local jit = off; set local enable_seqscan = off; set local enable_bitmapscan = off`;
    try {
      await client.connect();
      const { rows } = await client.query<{ version: number }>(
        "select current_setting('server_version_num')::int as version",
      );
      const version = rows[0]?.version ?? 0;
      if (version < OLDEST_SERVER) {
        throw new TenantryError('NOT_SUPPORTED_HERE', 'The PostgreSQL server of the target is older than version 14.');
      }
      return new StorageSession(client, begin, version);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw asStorageError(error);
    }
  }

  /** @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT, FORBIDDEN, NOT_FOUND, INTERNAL, and whatever `work` throws */
  async reading<T>(work: (query: StorageQuery) => Promise<T>): Promise<T> {
    try {
      await this.#client.query(this.#begin);
      const result = await work(async <Row extends object>(text: string, values: readonly unknown[] = []) => {
        const config = { text, values: [...values], queryMode: 'extended' };
        return (await this.#client.query<Row & pg.QueryResultRow>(config)).rows;
      });
      await this.#client.query('commit');
      return result;
    } catch (error) {
      await this.#client.query('rollback').catch(() => undefined);
      throw asStorageError(error);
    }
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

/** Errors about the operator's own database are told by what they mean there. */
function asStorageError(error: unknown): TenantryError {
  const code = postgresCode(error);
  if (code === INSUFFICIENT_PRIVILEGE) {
    return new TenantryError('FORBIDDEN', 'The login of the target may not read the table, or not all of its rows.', {
      hint: 'Grant it SELECT, and BYPASSRLS where tables have row security.',
      cause: error,
    });
  }
  // Dropped between the catalogue and its turn.
  if (code === '42P01') return new TenantryError('NOT_FOUND', 'The table is gone.', { cause: error });
  return asTenantryError(error);
}
