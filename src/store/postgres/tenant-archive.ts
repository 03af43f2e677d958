/** What PostgreSQL has of one tenant at one moment, row by row. */
import pg from 'pg';
import type { TenantId } from '../../domain/tenant-id.ts';
import { asTenantryError } from './retryable.ts';
import { ROLES, SCHEMA } from './roles.ts';
import { postgresSchemaVersion, quotedName } from './tenant-archive-restore.ts';
import { type PostgresColumn, type PostgresTenantTable, tenantDataTables } from './tenant-data.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 60_000;
/** Of a snapshot: ClickHouse's files are written meanwhile, which takes minutes of a large tenant. */
const IDLE_TIMEOUT_MS = 30 * 60_000;
const ROWS_AT_ONCE = 500;

export interface RowQuestion {
  readonly table: PostgresTenantTable;
  /** Which of its columns, in this order. */
  readonly columns: readonly string[];
  /** Constant SQL. */
  readonly condition: string | undefined;
  /** Whole numbers that JSON's readers would round come as texts. */
  readonly readable: boolean;
}

/** Rows as JSON texts of one moment, from `hold` to `close`, whatever is written meanwhile. */
export class PostgresSnapshot {
  readonly #client: pg.Client;
  #tables: readonly PostgresTenantTable[] | undefined;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** @throws TenantryError STORE_UNAVAILABLE */
  static async open(url: string): Promise<PostgresSnapshot> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'tenantry export',
      keepAlive: true,
    });
    // The statement that runs, or the next one, fails of the same; without a listener the process would end.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return new PostgresSnapshot(client);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw asTenantryError(error);
    }
  }

  /** The moment: everything that is committed by now is seen, and nothing that comes later. */
  async hold(): Promise<void> {
    await this.#run(`begin isolation level repeatable read read only; set local role ${ROLES.staff};
      set local statement_timeout = ${STATEMENT_TIMEOUT_MS};
      set local idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS};
      set local timezone = 'UTC'; set local extra_float_digits = 1`);
    await this.#run(`select set_config('app.super_admin', 'on', true)`);
    this.#tables = await tenantDataTables({ query: (text, values) => this.#run(text, values) });
  }

  /** In an order in which rows can be inserted. */
  get tables(): readonly PostgresTenantTable[] {
    if (this.#tables === undefined) throw new Error('the snapshot is not held yet');
    return this.#tables;
  }

  /** In the order of the primary key, so that two exports of the same rows are the same bytes. */
  async *rows(tenant: TenantId, { table, columns, condition, readable }: RowQuestion): AsyncGenerator<string[]> {
    const chosen = table.columns.filter(({ name }) => columns.includes(name));
    const ordered = columns.flatMap((name) => chosen.filter((column) => column.name === name));
    const list = ordered.map((column) => (readable ? readableColumn(column) : quotedName(column.name))).join(', ');
    const order = table.primaryKey.map((name) => `${quotedName(name)}`).join(', ');
    await this.#run(
      `declare exported no scroll cursor for select to_jsonb(r)::text as row from (
         select ${list} from ${SCHEMA}.${quotedName(table.table)} t
         where tenant_id = $1 ${condition === undefined ? '' : `and (${condition})`}
         ${order === '' ? '' : `order by ${order}`}) r`,
      [tenant],
    );
    for (;;) {
      const rows = await this.#run<{ row: string }>(`fetch ${ROWS_AT_ONCE} from exported`);
      if (rows.length === 0) break;
      yield rows.map(({ row }) => row);
    }
    await this.#run('close exported');
  }

  schemaVersion(): Promise<number> {
    return postgresSchemaVersion({ query: (text, values) => this.#run(text, values) });
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }

  async #run<Row extends object>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    try {
      const given = values.length === 0 ? [] : [[...values]];
      return (await this.#client.query<Row & pg.QueryResultRow>(text, ...given)).rows;
    } catch (error) {
      throw asTenantryError(error);
    }
  }
}

const WIDE_NUMBERS = /^(bigint|numeric)/;

function readableColumn({ name, type }: PostgresColumn): string {
  return WIDE_NUMBERS.test(type) && !type.endsWith('[]') ? `${quotedName(name)}::text` : quotedName(name);
}
