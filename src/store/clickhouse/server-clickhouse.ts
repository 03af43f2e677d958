import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type ClickHouseClient,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
  SettingsMap,
} from '@clickhouse/client';
import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import { assertCheckable, checkedRows, newNonce } from './answer-check.ts';
import { CheckTables, checkTableOf } from './check-tables.ts';
import {
  type ClickHouse,
  DATABASE,
  type FileInsert,
  type FileSelect,
  QUERY_LIMITS,
  type QueryLimits,
  type RowsInsert,
  type SegmentInsert,
} from './clickhouse.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { toStoreError } from './engine-errors.ts';
import { assertInserted, startOf } from './insert-answer.ts';
import { InsertGate } from './insert-gate.ts';
import { OTLP_SIGNALS, onceOnlySettings, segmentInsertSettings } from './otlp-schema.ts';
import { quoted } from './sql-text.ts';
import { ARCHIVE_MEMORY_BYTES, assertWhole, restoreSql, structureOf } from './tenant-archive-sql.ts';
import { TenantTables } from './tenant-tables.ts';

export interface ServerClickHouseOptions {
  readonly url: string;
  readonly limits?: QueryLimits;
  readonly timeouts?: ServerTimeouts;
}

interface ServerTimeouts {
  /** Nothing is heard or sent for so long. */
  readonly idleMs: number;
  /** An insert as a whole, whatever trickles in meanwhile. A segment takes well under a second. */
  readonly insertMs: number;
}

const TIMEOUTS: ServerTimeouts = { idleMs: 60_000, insertMs: 120_000 };

/**
 * For every request but the one that creates the database: names without one in our texts mean ours, and numbers come
 * as numbers whatever the server's profile says.
 */
const IN_DATABASE: ClickHouseSettings = { database: DATABASE, output_format_json_quote_64bit_integers: 0 };

/** A ClickHouse server or cluster over HTTP. Settings travel with each request, so none can leak into the next. */
export class ServerClickHouse implements ClickHouse {
  readonly kind = 'server';
  readonly #client: ClickHouseClient;
  readonly #limits: QueryLimits;
  readonly #timeouts: ServerTimeouts;
  readonly #questions = new ConcurrencyLimit(16, 512);
  readonly #tenantTables = new TenantTables(this);
  readonly #checkTables = new CheckTables(this);
  readonly #inserts = new InsertGate();

  constructor(options: ServerClickHouseOptions) {
    this.#limits = options.limits ?? QUERY_LIMITS;
    this.#timeouts = options.timeouts ?? TIMEOUTS;
    const url = new URL(options.url);
    // The client would take a path for the name of a database and send it beside ours.
    url.pathname = '/';
    this.#client = createClient({
      url,
      application: 'tenantry',
      request_timeout: this.#timeouts.idleMs,
      max_open_connections: 20,
      compression: { response: true },
      // Failures reach their callers as errors; the client's own log would write query texts beside them to stderr.
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  /** Creates the database; the first call that needs the server, so it also says clearly when there is none. */
  async prepare(): Promise<void> {
    await this.#execute(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`, {});
  }

  async rows<Row extends object>(query: AnalyticsQuery, options: { signal?: AbortSignal } = {}): Promise<Row[]> {
    assertCheckable(query);
    options.signal?.throwIfAborted();
    const nonce = newNonce();
    const settings = await this.#settingsFor(query);
    const rows = await this.#questions
      .run(async () => {
        // The client hears of an abort only if it comes after the call; waiting in line took time.
        options.signal?.throwIfAborted();
        const answer = await this.#client.query({
          query: query.sql,
          query_params: { ...query.params, nonce },
          format: 'JSONEachRow',
          clickhouse_settings: settings,
          ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
        });
        return answer.json<object>();
      })
      .catch((thrown: unknown) => {
        options.signal?.throwIfAborted();
        throw toStoreError(thrown, query.question);
      });
    return checkedRows<Row>(query, nonce, rows);
  }

  async command(sql: string): Promise<void> {
    await this.#inserts.share(() => this.#execute(sql, IN_DATABASE));
  }

  async inspect<Row extends object>(sql: string): Promise<Row[]> {
    try {
      const answer = await this.#client.query({ query: sql, format: 'JSONEachRow', clickhouse_settings: IN_DATABASE });
      return await answer.json<Row>();
    } catch (thrown) {
      throw toStoreError(thrown, 'inspection');
    }
  }

  async insertSegment(segment: SegmentInsert): Promise<void> {
    await this.#sendSegment(segment, OTLP_SIGNALS[segment.signal].table);
  }

  async checkSegment(segment: SegmentInsert): Promise<void> {
    await this.#checkTables.ready(segment.signal);
    await this.#sendSegment(segment, checkTableOf(segment.signal));
  }

  async insertRows({ table, rows, token }: RowsInsert): Promise<void> {
    await this.#insert(
      `INSERT INTO ${DATABASE}.${table} SETTINGS ${onceOnlySettings(token)} FORMAT JSONEachRow`,
      Readable.from([rows], { objectMode: false }),
    ).catch((thrown: unknown) => {
      throw toStoreError(thrown, `insert into ${table}`);
    });
  }

  async selectIntoFile({ sql, params, format, settings, path }: FileSelect): Promise<void> {
    const { stream } = await this.#client
      .exec({
        query: `${sql} FORMAT ${format}${settings === undefined ? '' : ` SETTINGS ${settings}`}`,
        query_params: { ...params },
        clickhouse_settings: { ...IN_DATABASE, max_memory_usage: String(ARCHIVE_MEMORY_BYTES), max_threads: 2 },
      })
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, 'export');
      });
    await pipeline(stream, createWriteStream(path))
      .then(() => assertWhole(path))
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, 'export');
      });
  }

  async restoreFile(insert: FileInsert): Promise<void> {
    const { table, path } = insert;
    const structure = await structureOf(this, table);
    const file = await open(path);
    await this.#insert(`${restoreSql(insert, `input(${quoted(structure)})`)} FORMAT Native`, file.createReadStream())
      .finally(() => file.close().catch(() => undefined))
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, `restore of ${table}`);
      });
  }

  async withoutInserts<T>(work: (run: (sql: string) => Promise<void>) => Promise<T>): Promise<T> {
    return this.#inserts.alone(() => work((sql) => this.#execute(sql, IN_DATABASE)));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** The file's bytes are the body of the request: nothing is parsed on the way. */
  async #sendSegment(segment: SegmentInsert, table: string): Promise<void> {
    // Opened before the request is begun: a file that is gone would else end the process, as nobody listens to it yet.
    const file = await open(segment.path);
    await this.#insert(
      `INSERT INTO ${DATABASE}.${table} SETTINGS ${segmentInsertSettings(segment, 'inline')} FORMAT Protobuf`,
      file.createReadStream(),
    ).finally(() => file.close().catch(() => undefined));
  }

  async #insert(query: string, values: Readable): Promise<void> {
    await this.#inserts.share(() => this.#send(query, values));
  }

  /** Given up after a bound. It may be in all the same: whoever tries again does so under the same token. */
  async #send(query: string, values: Readable): Promise<void> {
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), this.#timeouts.insertMs);
    // The client listens once it has a connection; what fails before is told by the insert that then fails.
    values.on('error', () => undefined);
    try {
      const settings = { ...IN_DATABASE, max_execution_time: Math.ceil(this.#timeouts.idleMs / 1_000) };
      const exec = { query, values, clickhouse_settings: settings, abort_signal: giveUp.signal };
      const { stream, response_headers: headers } = await this.#client.exec(exec);
      // The client no longer hears of an abort once it has handed the answer out.
      giveUp.signal.addEventListener('abort', () => stream.destroy(), { once: true });
      assertInserted(headers, await startOf(stream));
    } catch (thrown) {
      if (!giveUp.signal.aborted) throw thrown;
      throw new Error(`ClickHouse did not answer an insert within ${this.#timeouts.insertMs / 1_000} s`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #execute(sql: string, settings: ClickHouseSettings): Promise<void> {
    await this.#client.command({ query: sql, clickhouse_settings: settings }).catch((thrown: unknown) => {
      throw toStoreError(thrown, 'schema change');
    });
  }

  async #settingsFor(query: AnalyticsQuery): Promise<ClickHouseSettings> {
    const settings: ClickHouseSettings = {
      ...IN_DATABASE,
      readonly: '2',
      max_execution_time: this.#limits.maxExecutionSeconds,
      max_memory_usage: String(this.#limits.maxMemoryBytes),
      max_result_rows: String(this.#limits.maxResultRows),
      result_overflow_mode: 'throw',
      // A query that fails half-way would else have answered 200 and some of its rows.
      wait_end_of_query: 1,
      cancel_http_readonly_queries_on_client_close: 1,
      log_comment: JSON.stringify({
        question: query.question,
        ...(query.scope === 'across-tenants' ? {} : query.scope),
      }),
    };
    // SettingsMap writes the quotes and leaves the escaping to its caller.
    const filters = Object.entries(await this.#tenantTables.filters(query.scope)).map(
      ([table, filter]) => [table, quoted(filter).slice(1, -1)] as const,
    );
    return { ...settings, additional_table_filters: SettingsMap.from(Object.fromEntries(filters)) };
  }
}
