import type { SqlTable } from '../../domain/sql.ts';
import { DATABASE } from './clickhouse.ts';
import { type EngineFunction, FUNCTIONS_QUERY, SqlFunctions } from './sql-functions.ts';
import type { SqlReach } from './sql-gate.ts';

/** Runs a statement of our own text as whoever the statements written by hand will run as. */
export type Inspect = <Row extends object>(sql: string) => Promise<Row[]>;

export interface SqlCatalogue {
  readonly reach: SqlReach;
  readonly functions: SqlFunctions;
  readonly tables: readonly SqlTable[];
}

/** Of the engine's own tables those without anybody's queries, addresses or secrets, and where rows name a database, ours alone. */
const SYSTEM_TABLES = ['one', 'numbers', 'columns', 'tables', 'parts'] as const;
export const SYSTEM_FILTERS: Readonly<Record<string, string>> = Object.fromEntries(
  ['columns', 'tables', 'parts'].map((table) => [`system.${table}`, `database = '${DATABASE}'`]),
);

interface TableRow {
  readonly table: string;
  readonly engine: string;
  readonly names: readonly string[];
  readonly types: readonly string[];
}

/** Tables that keep nothing, and views that only fill others, hold no rows to ask for. */
function holdsRows({ engine }: TableRow): boolean {
  return engine.endsWith('MergeTree') || engine === 'View';
}

/**
 * What staff may ask: every table and view of ours that holds rows.
 */
export async function staffCatalogue(inspect: Inspect): Promise<SqlCatalogue> {
  return catalogueOf(inspect, DATABASE, SYSTEM_TABLES);
}

/** What there is in one database, and the engine's functions. */
export async function catalogueOf(
  inspect: Inspect,
  home: string,
  systemTables: readonly string[] = ['one', 'numbers'],
): Promise<SqlCatalogue> {
  const databases = await inspect<{ name: string }>('SELECT name FROM system.databases');
  const rows = await inspect<TableRow>(
    `SELECT t.name AS table, t.engine AS engine, arraySort(groupArray((c.position, c.name, c.type))) AS sorted,
       arrayMap(c -> c.2, sorted) AS names, arrayMap(c -> c.3, sorted) AS types
     FROM system.tables AS t INNER JOIN system.columns AS c ON c.table = t.name AND c.database = t.database
     WHERE t.database = '${home}' GROUP BY table, engine ORDER BY table`,
  );
  const functions = await inspect<EngineFunction>(FUNCTIONS_QUERY);
  const offered = rows.filter(holdsRows);
  return {
    reach: {
      // Names that mean a database whether or not this user is shown it.
      databases: new Set([
        'system',
        'information_schema',
        'INFORMATION_SCHEMA',
        home,
        ...databases.map(({ name }) => name),
      ]),
      home,
      offered: new Set([
        ...offered.map(({ table }) => `${home}.${table}`),
        ...systemTables.map((table) => `system.${table}`),
      ]),
      withheld: new Set(rows.filter((row) => !holdsRows(row)).map(({ table }) => `${home}.${table}`)),
    },
    functions: new SqlFunctions(functions),
    tables: offered.map(({ table, names, types }) => ({
      name: table,
      columns: names.map((name, index) => ({ name, type: types[index] ?? '' })),
    })),
  };
}

/** A catalogue that is read when first needed and again after a while: migrations and upgrades change it. */
export class RememberedCatalogue {
  readonly #read: () => Promise<SqlCatalogue>;
  readonly #keepMs: number;
  #known: { readonly catalogue: Promise<SqlCatalogue>; readonly until: number } | undefined;

  constructor(read: () => Promise<SqlCatalogue>, keepMs = 60_000) {
    this.#read = read;
    this.#keepMs = keepMs;
  }

  /** @param now Unix ms */
  async get(now: number): Promise<SqlCatalogue> {
    if (this.#known !== undefined && now < this.#known.until) return this.#known.catalogue;
    const catalogue = this.#read();
    this.#known = { catalogue, until: now + this.#keepMs };
    catalogue.catch(() => {
      this.#known = undefined;
    });
    return catalogue;
  }
}
