import { parse } from 'libpg-query';
import { isNode, nodesIn } from './sql-tree.ts';
import { type FindTable, nodeOf, type Reference, type TenantTable } from './tenant-filter-scope.ts';
import { StatementReading, type WrittenTable } from './tenant-filter-statement.ts';

/**
 * filtered: held to given tenants; row_security: not by the statement, but by a policy of the database; unfiltered: by
 * neither, so it reads or changes rows of every tenant; unknown: it cannot be told, and `reason` says why.
 */
export type FilterVerdict = 'filtered' | 'unfiltered' | 'row_security' | 'unknown';

interface TableVerdict {
  /** Schema and name. */
  readonly table: string;
  /** How the statement calls it. */
  readonly alias: string;
  readonly verdict: FilterVerdict;
  /** For people. */
  readonly reason: string;
}

export interface StatementVerdict {
  /** The worst of its tables; undefined: it touches no table with a tenant column. */
  readonly verdict: FilterVerdict | undefined;
  readonly tables: readonly TableVerdict[];
}

const WORST_FIRST: readonly FilterVerdict[] = ['unfiltered', 'unknown', 'row_security', 'filtered'];

/**
 * Whether every table with a tenant column that a statement touches is held to given tenants, by PostgreSQL's own
 * parser. Equality with parameters, constants, settings or other columns that are so held counts, through aliases, joins,
 * subqueries, CTEs and UNIONs; what is not understood counts as no filter. What functions and triggers read is not seen.
 */
export async function auditStatement(sql: string, findTable: FindTable): Promise<StatementVerdict> {
  let statements: readonly unknown[] = [];
  try {
    // The parser takes an empty text for a mistake.
    const tree: unknown = sql.replaceAll(/[\s;]/g, '') === '' ? {} : await parse(sql);
    statements = isNode(tree) ? nodesIn(tree['stmts']) : [];
  } catch {
    // The parser's own words would quote the statement, and with it a value.
    const reason = 'the statement cannot be parsed';
    return { verdict: 'unknown', tables: [{ table: '', alias: '', verdict: 'unknown', reason }] };
  }
  const tables = statements.flatMap((statement) =>
    tablesOf(isNode(statement) ? statement['stmt'] : undefined, findTable),
  );
  return { verdict: WORST_FIRST.find((one) => tables.some(({ verdict }) => verdict === one)), tables };
}

function tablesOf(statement: unknown, findTable: FindTable): TableVerdict[] {
  const reading = new StatementReading(findTable);
  reading.read(statement);
  const bound = reading.bounds.settle(reading.references);
  return [
    ...reading.written.map(verdictOfWritten),
    ...reading.references.flatMap((reference) => verdictOfRead(reference, bound)),
  ];
}

function verdictOfRead(reference: Reference, bound: ReadonlySet<string>): TableVerdict[] {
  if (reference.kind !== 'table' || reference.table === undefined) return [];
  const { id, table, alias, label } = reference;
  const column = table.tenantColumns.find((name) => bound.has(nodeOf(id, name)));
  if (column !== undefined) {
    return [{ table: label, alias, verdict: 'filtered', reason: `${alias}.${column} is held to given values` }];
  }
  return [
    { table: label, alias, ...unheld(table, `nothing holds ${alias}.${table.tenantColumns[0]} to given values`) },
  ];
}

function verdictOfWritten({ table, label, named }: WrittenTable): TableVerdict {
  const of = { table: label, alias: table.name };
  if (named === 'tenant named') return { ...of, verdict: 'filtered', reason: 'the inserted rows name their tenant' };
  if (named === 'whole table')
    return { ...of, verdict: 'unfiltered', reason: 'the statement is about the whole table' };
  return { ...of, verdict: 'unknown', reason: 'the inserted rows take their tenant from the default of the column' };
}

function unheld(table: TenantTable, reason: string): Pick<TableVerdict, 'verdict' | 'reason'> {
  if (table.unclear !== undefined) return { verdict: 'unknown', reason: table.unclear };
  if (table.rowSecurity) return { verdict: 'row_security', reason: `${reason}, but row level security does` };
  return { verdict: 'unfiltered', reason };
}
