import { mkdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Session } from 'chdb';
import type { AnalyticsQuery } from '../../domain/analytics-query.ts';
import { toError } from '../../domain/errors.ts';
import { SEGMENT_SIGNALS, type SegmentSignal } from '../../domain/spool-format.ts';
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
import { OTLP_SIGNALS, onceOnlySettings, segmentInsertSettings } from './otlp-schema.ts';
import { openFirstSession, openSession, SessionPool, shuttingDown } from './session-pool.ts';
import { mapLiteral, quoted } from './sql-text.ts';
import { archiveSession, fileSelectSql, restoreSql, structureOf } from './tenant-archive-sql.ts';
import { TenantTables } from './tenant-tables.ts';

export interface EmbeddedClickHouseOptions {
  /** Folder of the engine; created when absent. One process at a time. */
  readonly path: string;
  readonly limits?: QueryLimits;
  readonly sessions?: number;
  readonly drainAfterError?: boolean;
}

/** The ClickHouse engine inside this process (chDB). */
export class EmbeddedClickHouse implements ClickHouse {
  readonly kind = 'embedded';
  readonly #path: string;
  readonly #limits: QueryLimits;
  readonly #anchor: Session;
  readonly #writer: SessionPool;
  readonly #maintenance: SessionPool;
  /** Exports: long, and nobody waits at a page for them. */
  readonly #archives: SessionPool;
  readonly #readers: SessionPool;
  /** Tenant questions open a session of their own (0.4 ms): their filter is set before readonly and stays for good. */
  readonly #tenantReaders: ConcurrencyLimit;
  readonly #tenantTables = new TenantTables(this);
  readonly #checkTables = new CheckTables(this);
  /** Columns of tables that are inserted into, as the engine's formats want them told. */
  readonly #columns = new Map<string, string>();
  #closed = false;

  constructor(options: EmbeddedClickHouseOptions) {
    mkdirSync(options.path, { recursive: true });
    this.#path = options.path;
    this.#limits = options.limits ?? QUERY_LIMITS;
    this.#anchor = openFirstSession(options.path);
    for (const signal of SEGMENT_SIGNALS) writeFileSync(this.#schemaFile(signal), OTLP_SIGNALS[signal].proto);
    this.#anchor.query(`CREATE DATABASE IF NOT EXISTS ${DATABASE} ENGINE = Atomic`);
    const size = options.sessions ?? 4;
    const shared = { path: options.path, maxWaiting: 512 };
    const drain = options.drainAfterError === undefined ? {} : { drainAfterError: options.drainAfterError };
    this.#writer = new SessionPool({ ...shared, size: 1, setUp: [`USE ${DATABASE}`] });
    this.#maintenance = new SessionPool({ ...shared, size: 1, setUp: [`USE ${DATABASE}`] });
    this.#archives = new SessionPool({ ...shared, size: 1, setUp: archiveSession() });
    const setUp = async () => this.#readOnly(await this.#tenantTables.filters('across-tenants'));
    this.#readers = new SessionPool({ ...shared, size, setUp, ...drain });
    this.#tenantReaders = new ConcurrencyLimit(size, shared.maxWaiting);
  }

  async rows<Row extends object>(query: AnalyticsQuery, options: { signal?: AbortSignal } = {}): Promise<Row[]> {
    assertCheckable(query);
    options.signal?.throwIfAborted();
    const nonce = newNonce();
    const answer = this.#run(query, { ...query.params, nonce });
    // An abandoned call keeps computing inside the engine, so its session stays lent until the work has really ended.
    const rows = await (options.signal === undefined ? answer : orAbort(answer, options.signal));
    return checkedRows<Row>(query, nonce, rows);
  }

  async command(sql: string): Promise<void> {
    await this.#maintenance
      .use(async (session) => {
        await session.queryAsync(sql);
      })
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, 'schema change');
      });
  }

  async inspect<Row extends object>(sql: string): Promise<Row[]> {
    return this.#maintenance
      .use(async (session) => parseRows((await session.queryAsync(sql, { format: 'JSONEachRow' })).text()) as Row[])
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, 'inspection');
      });
  }

  async insertSegment(segment: SegmentInsert): Promise<void> {
    await this.#readSegment(segment, OTLP_SIGNALS[segment.signal].table);
  }

  async checkSegment(segment: SegmentInsert): Promise<void> {
    await this.#checkTables.ready(segment.signal);
    await this.#readSegment(segment, checkTableOf(segment.signal));
  }

  async insertRows({ table, rows, token }: RowsInsert): Promise<void> {
    const columns = await this.#columnsOf(table);
    const sql = `INSERT INTO ${table} SELECT * FROM file({path:String}, 'JSONEachRow', {columns:String}) SETTINGS ${onceOnlySettings(token)}`;
    await this.#writer
      .use(async (session) => {
        // One writer at a time, so one file: what a crash leaves behind is overwritten by the next insert.
        const path = resolve(this.#path, 'rows.jsonl');
        await writeFile(path, rows);
        await session.queryBindAsync(sql, { path, columns });
      })
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, `insert into ${table}`);
      });
  }

  async selectIntoFile(select: FileSelect): Promise<void> {
    await this.#archives
      .use((session) => session.queryBindAsync(fileSelectSql(select), { ...select.params }))
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, 'export');
      });
  }

  async restoreFile(insert: FileInsert): Promise<void> {
    const columns = await structureOf(this, insert.table);
    const sql = restoreSql(insert, "file({path:String}, 'Native', {columns:String})");
    await this.#writer
      .use((session) => session.queryBindAsync(sql, { path: insert.path, columns }))
      .catch((thrown: unknown) => {
        throw toStoreError(thrown, `restore of ${insert.table}`);
      });
  }

  async withoutInserts<T>(work: (run: (sql: string) => Promise<void>) => Promise<T>): Promise<T> {
    // The other session too: spans that waited for their tenant are moved on by it.
    return this.#writer.use(() =>
      this.#maintenance.use((session) =>
        work(async (sql) => {
          await session.queryAsync(sql).catch((thrown: unknown) => {
            throw toStoreError(thrown, 'snapshot');
          });
        }),
      ),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const pool of [this.#writer, this.#maintenance, this.#archives, this.#readers]) pool.close();
    this.#anchor.close();
  }

  async #readSegment(segment: SegmentInsert, table: string): Promise<void> {
    const { signal, path } = segment;
    const columns = await this.#columnsOf(OTLP_SIGNALS[signal].table);
    const settings = segmentInsertSettings(segment, { file: this.#schemaFile(signal) });
    const sql = `INSERT INTO ${table} SELECT * FROM file({path:String}, 'Protobuf', {columns:String}) SETTINGS ${settings}`;
    await this.#writer.use((session) => session.queryBindAsync(sql, { path, columns }));
  }

  async #run(query: AnalyticsQuery, params: Record<string, unknown>): Promise<object[]> {
    try {
      if (query.scope === 'across-tenants') {
        return await this.#readers.use((session) => ask(session, query, params));
      }
      const filters = await this.#tenantTables.filters(query.scope);
      return await this.#tenantReaders.run(async () => {
        // A session on a closed engine would open it again, and take the lock of the data directory with it.
        if (this.#closed) throw shuttingDown();
        const own = openSession(this.#path, this.#readOnly(filters));
        try {
          return await ask(own, query, params);
        } finally {
          own.close();
        }
      });
    } catch (thrown) {
      throw toStoreError(thrown, query.question);
    }
  }

  /** Limits first; readonly last: it blocks file(), url(), DDL and its own undoing. */
  #readOnly(filters: Readonly<Record<string, string>>): readonly string[] {
    return [
      `USE ${DATABASE}`,
      `SET max_execution_time = ${this.#limits.maxExecutionSeconds}`,
      `SET max_memory_usage = ${this.#limits.maxMemoryBytes}`,
      `SET max_result_rows = ${this.#limits.maxResultRows}`,
      "SET result_overflow_mode = 'throw'",
      'SET max_threads = 2',
      'SET output_format_json_quote_64bit_integers = 0',
      'SET output_format_json_quote_denormals = 0',
      `SET additional_table_filters = ${quoted(mapLiteral(filters))}`,
      'SET readonly = 1',
    ];
  }

  #schemaFile(signal: SegmentSignal): string {
    return resolve(this.#path, `otlp-${signal}.proto`);
  }

  async #columnsOf(table: string): Promise<string> {
    const known = this.#columns.get(table);
    if (known !== undefined) return known;
    const columns = await this.inspect<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = '${DATABASE}' AND table = ${quoted(table)} ORDER BY position`,
    );
    const text = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
    if (columns.length > 0) this.#columns.set(table, text);
    return text;
  }
}

async function orAbort<Result>(answer: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(toError(signal.reason));
    signal.addEventListener('abort', abandon, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon));
  });
}

async function ask(session: Session, query: AnalyticsQuery, params: Record<string, unknown>): Promise<object[]> {
  const result = await session.queryBindAsync(query.sql, params, { format: 'JSONEachRow' });
  return parseRows(result.text());
}

function parseRows(text: string): object[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as object);
}
