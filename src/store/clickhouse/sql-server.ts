import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
  type DataFormat,
  SettingsMap,
} from '@clickhouse/client';
import { toError } from '../../domain/errors.ts';
import type { SqlAnswer, SqlEngine, SqlRun, SqlTable } from '../../domain/sql.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { RememberedCatalogue, SYSTEM_FILTERS, staffCatalogue } from './sql-catalogue.ts';
import { checkedSql, TREE_FORMAT } from './sql-check.ts';
import { toSqlError } from './sql-errors.ts';
import { answerTooLong, limitSettings, SQL_FORMAT, type SqlLimits, STAFF_LIMITS, sqlAnswerOf } from './sql-limits.ts';
import { quoted } from './sql-text.ts';
import { TenantTables } from './tenant-tables.ts';

export interface ServerSqlOptions {
  readonly url: string;
  /** Absent: that of the URL, whose statements are held by settings that travel with them. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly database: string;
  readonly catalogue: RememberedCatalogue;
  readonly limits: SqlLimits;
  /** Conditions on tables, for staff; a tenant's user has row policies instead. */
  readonly filters?: () => Promise<Readonly<Record<string, string>>>;
  /** Ends a statement for good; hanging up is not always noticed at once. */
  readonly kill: (queryId: string) => Promise<unknown>;
  /** Unix ms. */
  readonly now?: () => number;
}

/** Beyond the engine's own limit: the way, and the reading of the answer. */
const PATIENCE_MS = 10_000;

/**
 * Statements on a ClickHouse server, over connections of their own. As staff: with the service's user, readonly and limits
 * sent along (readonly = 1 comes with the other settings and ends all setting). As a tenant: with that tenant's own user, whose
 * profile fixes every setting, so that none is sent at all, and whose row policies and grants the server enforces.
 */
export class ServerSql implements SqlEngine {
  readonly #options: ServerSqlOptions;
  readonly #client: ClickHouseClient;
  readonly #now: () => number;

  constructor(options: ServerSqlOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const url = new URL(options.url);
    url.pathname = '/';
    if (options.login !== undefined) {
      url.username = '';
      url.password = '';
    }
    this.#client = createClient({
      url,
      ...(options.login === undefined ? {} : { username: options.login.user, password: options.login.password }),
      application: 'tenantry-sql',
      request_timeout: options.limits.seconds * 1_000 + PATIENCE_MS,
      // Asking for compression would be a setting.
      compression: { response: false },
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  async run(run: SqlRun): Promise<SqlAnswer> {
    run.signal.throwIfAborted();
    const { catalogue, limits } = this.#options;
    const known = await catalogue.get(this.#now());
    try {
      const sql = await checkedSql(run, known, async (text) => (await this.#ask(text, TREE_FORMAT, run)).toString());
      run.signal.throwIfAborted();
      return sqlAnswerOf(await this.#ask(sql, SQL_FORMAT, run), run, limits);
    } catch (thrown) {
      run.signal.throwIfAborted();
      throw toSqlError(thrown, run.sql);
    }
  }

  async tables(): Promise<readonly SqlTable[]> {
    return (await this.#options.catalogue.get(this.#now())).tables;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #ask(sql: string, format: DataFormat, { params, signal }: SqlRun): Promise<Buffer> {
    const queryId = `tenantry-sql-${randomUUID()}`;
    try {
      const { stream } = await this.#client.exec({
        query: sql,
        query_params: { ...params },
        query_id: queryId,
        clickhouse_settings: await this.#settings(format),
        abort_signal: signal,
      });
      return await this.#read(stream, signal);
    } catch (thrown) {
      // The slot is given back when this ends, so it ends when the server has ended.
      if (signal.aborted) await this.#options.kill(queryId).catch(() => undefined);
      throw toError(thrown);
    }
  }

  async #read(stream: Readable, signal: AbortSignal): Promise<Buffer> {
    const stop = () => void stream.destroy(toError(signal.reason));
    signal.addEventListener('abort', stop, { once: true });
    try {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytes += chunk.byteLength;
        if (bytes > 2 * this.#options.limits.answerBytes) throw answerTooLong(this.#options.limits);
        chunks.push(chunk);
      }
      signal.throwIfAborted();
      return Buffer.concat(chunks);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** @param format told beside the statement: at its end it would be that of the statement inside of an EXPLAIN. */
  async #settings(format: DataFormat): Promise<ClickHouseSettings & { readonly default_format: DataFormat }> {
    const { database, filters, limits, login } = this.#options;
    // None of these is a setting to the server, so a user who may set nothing can send them.
    const always = { database, default_format: format, wait_end_of_query: 1 as const };
    if (login !== undefined) return always;
    const conditions = Object.entries((await filters?.()) ?? {}).map(
      ([table, filter]) => [table, quoted(filter).slice(1, -1)] as const,
    );
    return {
      ...always,
      ...limitSettings(limits),
      cancel_http_readonly_queries_on_client_close: 1,
      log_comment: '{"question":"sql"}',
      additional_table_filters: SettingsMap.from(Object.fromEntries(conditions)),
      readonly: '1',
    };
  }
}

/** Staff on a server: every table and view of ours, by the service's user, the self-check left out. */
export function staffOnServer(
  options: Pick<ServerSqlOptions, 'url' | 'kill'> & {
    readonly clickhouse: Pick<ClickHouse, 'inspect'>;
    readonly limits?: SqlLimits;
  },
): ServerSql {
  const { clickhouse, url, kill, limits = STAFF_LIMITS } = options;
  const tenantTables = new TenantTables(clickhouse);
  return new ServerSql({
    ...{ url, kill, limits, database: DATABASE },
    catalogue: new RememberedCatalogue(() => staffCatalogue((sql) => clickhouse.inspect(sql))),
    filters: async () => ({ ...(await tenantTables.filters('across-tenants')), ...SYSTEM_FILTERS }),
  });
}
