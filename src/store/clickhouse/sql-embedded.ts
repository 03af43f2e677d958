import { randomUUID } from 'node:crypto';
import type { Session } from 'chdb';
import type { SqlAnswer, SqlEngine, SqlRun, SqlTable } from '../../domain/sql.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { openSession, shuttingDown } from './session-pool.ts';
import { RememberedCatalogue, SYSTEM_FILTERS, staffCatalogue } from './sql-catalogue.ts';
import { checkedSql, TREE_FORMAT } from './sql-check.ts';
import { toSqlError } from './sql-errors.ts';
import { limitSettings, SQL_FORMAT, type SqlLimits, STAFF_LIMITS, sqlAnswerOf } from './sql-limits.ts';
import { mapLiteral, quoted } from './sql-text.ts';
import { TenantTables } from './tenant-tables.ts';

export interface EmbeddedSqlOptions {
  /** Folder of the engine, which `clickhouse` holds open. */
  readonly path: string;
  readonly clickhouse: Pick<ClickHouse, 'inspect'>;
  readonly limits?: SqlLimits;
  /** Unix ms. */
  readonly now?: () => number;
}

/** How often a statement that nobody waits for is told to stop: the first word may come before it has begun. */
const STOP_EVERY_MS = 100;

/**
 * Statements of staff on the engine inside this process. Each has a session of its own, apart from those that pages use and
 * closed afterwards, so that neither a setting nor half an answer outlives it. chDB knows no users and no row policies: what
 * keeps a statement harmless here are the two readings of it, `readonly` and the limits, and `file()` as a function is
 * stopped by the readings alone (readonly lets it read any file: seen on 26.7). Never for tenants.
 */
export class EmbeddedSql implements SqlEngine {
  readonly #path: string;
  readonly #limits: SqlLimits;
  readonly #now: () => number;
  readonly #tenantTables: TenantTables;
  readonly #catalogue: RememberedCatalogue;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor({ path, clickhouse, limits = STAFF_LIMITS, now = Date.now }: EmbeddedSqlOptions) {
    this.#path = path;
    this.#limits = limits;
    this.#now = now;
    this.#tenantTables = new TenantTables(clickhouse);
    this.#catalogue = new RememberedCatalogue(() => staffCatalogue((sql) => clickhouse.inspect(sql)));
  }

  async run(run: SqlRun): Promise<SqlAnswer> {
    const signal = AbortSignal.any([run.signal, this.#closing.signal]);
    signal.throwIfAborted();
    const running = this.#run({ ...run, signal });
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async tables(): Promise<readonly SqlTable[]> {
    return (await this.#catalogue.get(this.#now())).tables;
  }

  /** Stops what runs and waits for its end: a session on a closed engine would open it again. */
  async close(): Promise<void> {
    this.#closing.abort(shuttingDown());
    await Promise.allSettled(this.#running);
  }

  async #run(run: SqlRun): Promise<SqlAnswer> {
    const catalogue = await this.#catalogue.get(this.#now());
    const mark = `sql ${randomUUID()}`;
    const filters = { ...(await this.#tenantTables.filters('across-tenants')), ...SYSTEM_FILTERS };
    run.signal.throwIfAborted();
    const session = openSession(this.#path, setUp(mark, filters, this.#limits));
    const stop = this.#stopWhenAborted(mark, run.signal);
    const ask = (sql: string, format: string) => session.queryBindAsync(sql, parametersOf(run), { format });
    try {
      const sql = await checkedSql(run, catalogue, async (text) => (await ask(text, TREE_FORMAT)).text());
      run.signal.throwIfAborted();
      return sqlAnswerOf((await ask(sql, SQL_FORMAT)).bytes(), run, this.#limits);
    } catch (thrown) {
      run.signal.throwIfAborted();
      throw toSqlError(thrown, run.sql);
    } finally {
      stop();
      session.close();
    }
  }

  /** An abandoned call computes on inside chDB until its time is up; only KILL ends it, and then its caller hears of it. */
  #stopWhenAborted(mark: string, signal: AbortSignal): () => void {
    let timer: NodeJS.Timeout | undefined;
    const kill = () => {
      timer ??= setInterval(kill, STOP_EVERY_MS);
      killMarked(this.#path, mark);
    };
    signal.addEventListener('abort', kill, { once: true });
    return () => {
      signal.removeEventListener('abort', kill);
      clearInterval(timer);
    };
  }
}

function setUp(mark: string, filters: Readonly<Record<string, string>>, limits: SqlLimits): readonly string[] {
  const settings = Object.entries(limitSettings(limits)).map(([name, value]) => `${name} = ${literal(value)}`);
  return [
    `USE ${DATABASE}`,
    `SET ${settings.join(', ')}`,
    // Statements of people wait where those of pages and the loader are ready to run.
    'SET os_threads_nice_value_query = 10',
    `SET log_comment = ${quoted(mark)}`,
    `SET additional_table_filters = ${quoted(mapLiteral(filters))}`,
    'SET readonly = 1',
  ];
}

function literal(value: string | number): string {
  return typeof value === 'string' ? quoted(value) : String(value);
}

function parametersOf({ params }: SqlRun): Record<string, unknown> {
  return { ...params };
}

function killMarked(path: string, mark: string): void {
  let session: Session | undefined;
  try {
    session = openSession(path, []);
    session.query(`KILL QUERY WHERE Settings['log_comment'] = ${quoted(mark)} ASYNC FORMAT Null`);
  } catch {
    // It is tried again until the statement has ended, by this or by its limit.
  } finally {
    session?.close();
  }
}
