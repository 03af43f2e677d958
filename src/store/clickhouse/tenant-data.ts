import { type ClickHouse, DATABASE } from './clickhouse.ts';

interface ClickHouseColumn {
  readonly name: string;
  readonly type: string;
  /** Worked out by the engine: not in `SELECT *`, and no value can be given. */
  readonly isComputed: boolean;
}

export interface ClickHouseTenantTable {
  /** Without the database. */
  readonly table: string;
  readonly engine: string;
  readonly columns: readonly ClickHouseColumn[];
  readonly sortingKey: string;
  readonly partitionKey: string;
  /** When a row's event was, or when it came; undefined: its time is in no column of a time's type. */
  readonly timeColumn: string | undefined;
  /** Columns hold states of aggregate functions, which only the engine's own formats carry without loss. */
  readonly aggregateStates: boolean;
  /** Rows on their way into other tables: whose they are may be open still, and they are gone when it is settled. */
  readonly isWaiting: boolean;
}

const TIME_COLUMNS = ['Timestamp', 'Time', 'ReceivedAt'];
/** Named by hand: nothing in the catalogue tells rows that wait from rows that stay. */
const WAITING_TABLES = new Set(['spans_waiting', 'adopting_traces']);

/**
 * Every table with a tenant's rows, as the engine's own catalogue has it, so that a new one is never forgotten by what
 * deletes, exports or restores a tenant. By name. Tables that keep nothing (landing tables, views) are not among them.
 * @throws TenantryError STORE_UNAVAILABLE
 */
export async function tenantDataTables(
  clickhouse: Pick<ClickHouse, 'inspect'>,
): Promise<readonly ClickHouseTenantTable[]> {
  const tables = await clickhouse.inspect<{ name: string; engine: string; sorting_key: string; partition_key: string }>(
    `SELECT name, engine, sorting_key, partition_key FROM system.tables
     WHERE database = '${DATABASE}' AND engine LIKE '%MergeTree' AND NOT is_temporary ORDER BY name`,
  );
  const columns = await clickhouse.inspect<{ table: string; name: string; type: string; default_kind: string }>(
    `SELECT table, name, type, default_kind FROM system.columns WHERE database = '${DATABASE}' ORDER BY table, position`,
  );
  return tables.flatMap(({ name: table, engine, sorting_key: sortingKey, partition_key: partitionKey }) => {
    const own = columns
      .filter((column) => column.table === table)
      .map(({ name, type, default_kind: kind }) => ({
        name,
        type,
        isComputed: kind === 'MATERIALIZED' || kind === 'ALIAS',
      }));
    if (!own.some(({ name }) => name === 'TenantId')) return [];
    return {
      ...{ table, engine, columns: own, sortingKey, partitionKey },
      timeColumn: TIME_COLUMNS.find((time) => own.some(({ name, type }) => name === time && /DateTime/.test(type))),
      aggregateStates: own.some(({ type }) => type.startsWith('AggregateFunction(')),
      isWaiting: WAITING_TABLES.has(table),
    };
  });
}
