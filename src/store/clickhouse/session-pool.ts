import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Session } from 'chdb';
import { TenantryError, toError } from '../../domain/errors.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';

/**
 * chDB runs one query at a time per session, and a query that fails after it emitted output leaves that output in front
 * of the next result of the same session: another tenant's rows, in valid JSON. So a session is lent to one caller at
 * a time, and after any error it is drained before the next one gets it. (Measured without the drain: 164 of 800 good
 * queries returned foreign rows; with it: none. test/store/clickhouse/failing-queries.test.ts repeats that.)
 */
export interface SessionPoolOptions {
  readonly path: string;
  readonly size: number;
  /** Callers that may wait for a session; beyond that they are refused at once instead of piling up. */
  readonly maxWaiting: number;
  /** Statements run once on every new session: limits first, `SET readonly = 1` last, as it cannot be taken back. */
  readonly setUp: readonly string[] | (() => Promise<readonly string[]>);
  /** Only the test that shows what the drain is for switches it off. */
  readonly drainAfterError?: boolean;
}

const DRAIN = 'SELECT 1 FORMAT Null';

export function openSession(path: string, setUp: readonly string[]): Session {
  const session = new Session(path);
  try {
    for (const statement of setUp) session.query(statement);
  } catch (thrown) {
    session.close();
    throw thrown;
  }
  return session;
}

export function shuttingDown(): TenantryError {
  return new TenantryError('STORE_UNAVAILABLE', 'The store is shutting down.');
}

export class SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #limit: ConcurrencyLimit;
  readonly #idle: Session[] = [];
  #closed = false;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
    this.#limit = new ConcurrencyLimit(options.size, options.maxWaiting);
  }

  /** Lends a session to `work` alone, until the promise that it returns has settled. */
  async use<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#limit.run(async () => {
      if (this.#closed) throw shuttingDown();
      const session = this.#idle.pop() ?? (await this.#open());
      try {
        const result = await work(session);
        this.#giveBack(session);
        return result;
      } catch (thrown) {
        await this.#drain(session);
        throw thrown;
      }
    });
  }

  close(): void {
    this.#closed = true;
    for (const session of this.#idle.splice(0)) session.close();
  }

  async #open(): Promise<Session> {
    const { path, setUp } = this.#options;
    if (typeof setUp !== 'function') return openSession(path, setUp);
    const statements = await setUp();
    // A session on a closed engine would open it again, and take the lock of the data directory with it.
    if (this.#closed) throw shuttingDown();
    return openSession(path, statements);
  }

  #giveBack(session: Session): void {
    if (this.#closed) session.close();
    else this.#idle.push(session);
  }

  async #drain(session: Session): Promise<void> {
    try {
      if (this.#options.drainAfterError !== false) await session.queryAsync(DRAIN);
      this.#giveBack(session);
    } catch {
      session.close();
    }
  }
}

/** Opens the first session on a data directory; says clearly when somebody else has it. */
export function openFirstSession(path: string): Session {
  try {
    return new Session(path);
  } catch (thrown) {
    const error = toError(thrown);
    const holder = holderOf(path);
    if (holder !== undefined) {
      throw new TenantryError('DATA_DIR_IN_USE', `Process ${holder} has the embedded ClickHouse in ${path} open.`, {
        hint: 'Stop the other Tenantry, or set TENANTRY_DATA_DIR to another folder.',
        cause: error,
      });
    }
    throw new TenantryError('STORE_START_FAILED', 'The embedded ClickHouse did not start.', {
      hint: 'Check that the data directory is writable and has free space; the log has the cause.',
      cause: error,
    });
  }
}

/**
 * The other living process that has the directory, if there is one. chDB locks its file `status` for as long as the
 * process lives, writes its id into it, and tells the reason of a failed start on stderr only.
 */
function holderOf(path: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)$/m.exec(readFileSync(join(path, 'status'), 'utf8'))?.[1]);
    if (!Number.isInteger(pid) || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
