import { SELF_CHECK_PREFIX, type TenantId } from '../../domain/tenant-id.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { quoted } from './sql-text.ts';

/**
 * What the engine filters while a question runs, joins and subqueries included. About one tenant: every table that has a
 * TenantId by that tenant, which is the net under our own query texts, even if one forgot its WHERE. About all tenants:
 * the self-check away, in this one place and not in every text. No wall against hostile SQL (a subquery can switch it
 * off), which is why questions have fixed texts.
 */
export class TenantTables {
  readonly #clickhouse: Pick<ClickHouse, 'inspect'>;
  #tables: Promise<readonly string[]> | undefined;

  constructor(clickhouse: Pick<ClickHouse, 'inspect'>) {
    this.#clickhouse = clickhouse;
  }

  /** The setting `additional_table_filters` for a scope: qualified table name -> condition. */
  async filters(scope: { readonly tenant: TenantId } | 'across-tenants'): Promise<Readonly<Record<string, string>>> {
    this.#tables ??= this.#read().catch((error: unknown) => {
      this.#tables = undefined;
      throw error;
    });
    const tables = await this.#tables;
    const condition =
      scope === 'across-tenants'
        ? `NOT startsWith(TenantId, ${quoted(SELF_CHECK_PREFIX)})`
        : `TenantId = ${quoted(scope.tenant)}`;
    return Object.fromEntries(tables.map((table) => [`${DATABASE}.${table}`, condition]));
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
