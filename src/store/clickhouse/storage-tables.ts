/**
 * A guest in a ClickHouse: tables with a tenant column and what is in their parts. Ours is asked through the door that
 * is open anyway, a server of the operator's through a read-only connection of its own.
 */
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { toStoreError } from './engine-errors.ts';
import { quoted } from './sql-text.ts';

export interface StorageTablesOptions {
  readonly tenantColumns: readonly string[];
  /** `database.table` or `database.*`. */
  readonly exclude: readonly string[];
}

export interface StorageServer {
  readonly url: string;
  readonly user: string;
  readonly password: string | undefined;
}

type Inspect = <Row extends object>(sql: string) => Promise<Row[]>;

interface FoundTable {
  readonly name: string;
  readonly database: string;
  readonly table: string;
  readonly column: string;
  readonly bytes: bigint;
  readonly rows: number;
}

const STATEMENT_SECONDS = 120;
/** Rows from which widths are taken, in granules all over the table. */
const WIDTH_ROWS = 200_000;
const GRANULE_ROWS = 8_192;

/** Tables of Tenantry's own store. */
export function ownStorageTables(clickhouse: ClickHouse, options: StorageTablesOptions): StorageTables {
  return new StorageTables(
    (sql) => clickhouse.inspect(sql),
    options,
    DATABASE,
    async () => undefined,
  );
}

/** Tables of a server of the operator's. Nothing is asked yet. */
export function serverStorageTables(server: StorageServer, options: StorageTablesOptions): StorageTables {
  const client: ClickHouseClient = createClient({
    url: server.url,
    username: server.user,
    ...(server.password === undefined ? {} : { password: server.password }),
    application: 'tenantry-storage',
    request_timeout: (STATEMENT_SECONDS + 10) * 1_000,
    max_open_connections: 1,
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: {
      readonly: '2',
      max_execution_time: STATEMENT_SECONDS,
      max_threads: 2,
      priority: '10',
      output_format_json_quote_64bit_integers: 0,
      max_memory_usage: String(1024 ** 3),
    },
  });
  const inspect: Inspect = async <Row extends object>(sql: string) => {
    try {
      return await (await client.query({ query: sql, format: 'JSONEachRow' })).json<Row>();
    } catch (thrown) {
      throw toStoreError(thrown, 'storage');
    }
  };
  return new StorageTables(inspect, options, undefined, () => client.close());
}

/** Has the shape of the collectors' `ClickHouseTables`. */
export class StorageTables {
  readonly #inspect: Inspect;
  readonly #options: StorageTablesOptions;
  /** Undefined: every database that is not the server's own. */
  readonly #database: string | undefined;
  readonly #close: () => Promise<void>;
  readonly #found = new Map<string, FoundTable>();

  constructor(
    inspect: Inspect,
    options: StorageTablesOptions,
    database: string | undefined,
    close: () => Promise<void>,
  ) {
    this.#inspect = inspect;
    this.#options = options;
    this.#database = database;
    this.#close = close;
  }

  async tables(): Promise<readonly FoundTable[]> {
    const { tenantColumns, exclude } = this.#options;
    const where =
      this.#database === undefined
        ? "t.database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')"
        : `t.database = ${quoted(this.#database)}`;
    const names = `[${tenantColumns.map(quoted).join(', ')}]`;
    const rows = await this.#inspect<{ database: string; table: string; column: string; bytes: string; rows: number }>(
      `SELECT t.database AS database, t.name AS table, c.column AS column, toString(ifNull(t.total_bytes, 0)) AS bytes,
              ifNull(t.total_rows, 0) AS rows
       FROM system.tables AS t
       INNER JOIN (SELECT database, table, argMin(name, indexOf(${names}, name)) AS column FROM system.columns
                   WHERE has(${names}, name) AND default_kind != 'ALIAS' GROUP BY database, table) AS c
         ON c.database = t.database AND c.table = t.name
       WHERE ${where} AND t.engine LIKE '%MergeTree' AND NOT t.is_temporary ORDER BY database, table`,
    );
    const excluded = new Set(exclude);
    for (const row of rows) {
      const name = `${row.database}.${row.table}`;
      if (excluded.has(name) || excluded.has(`${row.database}.*`)) continue;
      this.#found.set(name, { ...row, name, bytes: BigInt(row.bytes), rows: Number(row.rows) });
    }
    return [...this.#found.values()];
  }

  async partBytes(name: string): Promise<ReadonlyMap<string, bigint>> {
    const { database, table } = this.#tableOf(name);
    const rows = await this.#inspect<{ part: string; bytes: string }>(
      `SELECT name AS part, toString(bytes_on_disk) AS bytes FROM system.parts
       WHERE database = ${quoted(database)} AND table = ${quoted(table)} AND active`,
    );
    return new Map(rows.map(({ part, bytes }) => [part, BigInt(bytes)]));
  }

  async tenantRows(name: string): Promise<readonly { part: string; tenant: string; rows: number }[]> {
    const found = this.#tableOf(name);
    return this.#inspect(
      `SELECT _part AS part, toString(${identifier(found.column)}) AS tenant, count() AS rows
       FROM ${qualified(found)} GROUP BY part, tenant`,
    );
  }

  async rowWidths(name: string, rows: number): Promise<ReadonlyMap<string, number>> {
    const found = this.#tableOf(name);
    const every = Math.max(1, Math.floor(rows / WIDTH_ROWS));
    // Of granules that are left out only the position is looked at.
    const some = `cityHash64(_part, intDiv(_part_offset, ${GRANULE_ROWS})) % ${every} = 0`;
    const widths = await this.#inspect<{ tenant: string; width: number }>(
      `SELECT toString(${identifier(found.column)}) AS tenant, avg(byteSize(*)) AS width FROM ${qualified(found)}
       PREWHERE ${some} GROUP BY tenant`,
    );
    return new Map(widths.map(({ tenant, width }) => [tenant, width]));
  }

  async close(): Promise<void> {
    await this.#close();
  }

  #tableOf(name: string): FoundTable {
    const found = this.#found.get(name);
    if (found === undefined) throw new Error(`the table ${name} was not listed`);
    return found;
  }
}

function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function qualified({ database, table }: FoundTable): string {
  return `${identifier(database)}.${identifier(table)}`;
}
