import type { TenantId } from '../../domain/tenant-id.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { quoted } from './sql-text.ts';

/**
 * The net under our own query texts: while a question about one tenant runs, the engine filters every table that has a
 * TenantId by that tenant, joins and subqueries included, even if the text forgot its WHERE. No wall against hostile
 * SQL (a subquery can switch it off), which is why questions have fixed texts.
 */
export class TenantTables {
  readonly #clickhouse: Pick<ClickHouse, 'inspect'>;
  #tables: Promise<readonly string[]> | undefined;

  constructor(clickhouse: Pick<ClickHouse, 'inspect'>) {
    this.#clickhouse = clickhouse;
  }

  /** The setting `additional_table_filters` for one tenant: qualified table name -> condition. */
  async filters(tenant: TenantId): Promise<Readonly<Record<string, string>>> {
    this.#tables ??= this.#read().catch((error: unknown) => {
      this.#tables = undefined;
      throw error;
    });
    const tables = await this.#tables;
    return Object.fromEntries(tables.map((table) => [`${DATABASE}.${table}`, `TenantId = ${quoted(tenant)}`]));
  }

  async #read(): Promise<readonly string[]> {
    const rows = await this.#clickhouse.inspect<{ table: string }>(
      `SELECT DISTINCT table FROM system.columns WHERE database = '${DATABASE}' AND name = 'TenantId' ORDER BY table`,
    );
    // Asked before the schema is there: ask again next time.
    if (rows.length === 0) this.#tables = undefined;
    return rows.map(({ table }) => table);
  }
}
