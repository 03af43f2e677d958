import { normalize } from 'libpg-query';
import type {
  AuditedStatement,
  AuditedTable,
  AuditVerdict,
  QueryAuditReport,
  StatementCounts,
  StatementSnapshot,
} from '../domain/query-audit.ts';
import { auditStatement, type StatementVerdict } from './tenant-filter-audit.ts';
import type { FindTable, TenantTable } from './tenant-filter-scope.ts';

const TOP = 50;
const MAX_FINDINGS = 500;
const MAX_QUERY_CHARACTERS = 2_000;
/** Parsing takes 0.1 to 0.5 ms a statement; others have their turn in between. */
const STATEMENTS_AT_A_TIME = 25;

type Counters = Pick<StatementCounts, 'key' | 'calls' | 'totalMs' | 'rows'>;
export type EarlierSnapshot = Omit<StatementSnapshot, 'statements'> & { readonly statements: readonly Counters[] };

export interface Interval {
  readonly from: number | null;
  readonly to: number;
  readonly wasReset: boolean;
  /** Those that ran in the interval, with counts of it. */
  readonly statements: readonly StatementCounts[];
}

/**
 * What happened between two looks. After a reset, of all counters or of one, what is counted since is all that is known;
 * a statement that was not there before has run since, or was forgotten and came back: its whole count is taken.
 */
export function intervalBetween(before: EarlierSnapshot | undefined, now: StatementSnapshot): Interval {
  const wasReset = before !== undefined && before.statsReset !== now.statsReset;
  const known = before === undefined || wasReset ? [] : before.statements;
  const earlier = new Map(known.map((counters) => [counters.key, counters]));
  const statements = now.statements.flatMap((statement) => {
    const since = earlier.get(statement.key);
    if (since === undefined || since.calls > statement.calls) return [statement];
    const calls = statement.calls - since.calls;
    return calls === 0
      ? []
      : [{ ...statement, calls, totalMs: statement.totalMs - since.totalMs, rows: statement.rows - since.rows }];
  });
  const from = before === undefined || wasReset ? now.statsReset : before.takenAt;
  return { from, to: now.takenAt, wasReset, statements };
}

type Runner = Pick<StatementCounts, 'user' | 'bypassesRowSecurity'>;

/** How tables are found for a statement, by who runs it. */
function tableFinder(tables: readonly AuditedTable[]): (runner: Runner) => FindTable {
  const byName = new Map<string, AuditedTable[]>();
  for (const table of tables) byName.set(table.name, [...(byName.get(table.name) ?? []), table]);
  return (runner) => (schema, name) => {
    const named = (byName.get(name) ?? []).filter((table) => schema === undefined || table.schema === schema);
    const [first] = named;
    if (first === undefined) return undefined;
    const table: TenantTable = {
      schema: first.schema,
      name,
      tenantColumns: [...new Set(named.flatMap(({ tenantColumns }) => tenantColumns))],
      rowSecurity: named.every((one) => isGuarded(one, runner)),
    };
    const unclear = unclearOf(first, schema);
    return unclear === undefined ? table : { ...table, unclear };
  };
}

/** Policies do not hold for whoever may bypass them, nor for the owner unless they are forced. */
function isGuarded({ rowSecurity, owner }: AuditedTable, { user, bypassesRowSecurity }: Runner): boolean {
  if (bypassesRowSecurity) return false;
  return rowSecurity === 'forced' || (rowSecurity === 'enabled' && owner !== user);
}

function unclearOf({ hides, hasNamesake, name }: AuditedTable, schema: string | undefined): string | undefined {
  if (hides.length > 0) return `${name} is a view that hides the tenant column of ${hides.join(', ')}`;
  return hasNamesake && schema === undefined
    ? `there are tables ${name} with and without a tenant column, and the statement names no schema`
    : undefined;
}

/** The statements of an interval, the dearest first, and whether they hold to tenants. */
export async function auditInterval(
  interval: Interval,
  tables: readonly AuditedTable[],
  { forgotten, hidden }: Pick<StatementSnapshot, 'forgotten' | 'hidden'>,
): Promise<QueryAuditReport> {
  const audited: AuditedStatement[] = [];
  const findTable = tableFinder(tables);
  for (const [index, statement] of interval.statements.entries()) {
    if (index % STATEMENTS_AT_A_TIME === 0) await new Promise((resolve) => setImmediate(resolve));
    const verdict = await auditStatement(statement.query, findTable(statement));
    audited.push(await statementOf(statement, verdict));
  }
  const { from, to, wasReset } = interval;
  return {
    ...{ from, to, wasReset, forgotten, hidden },
    tables: tables
      .filter(({ tenantColumns }) => tenantColumns.length > 0)
      .map(({ schema, name, rowSecurity }) => ({ table: `${schema}.${name}`, rowSecurity })),
    summary: summaryOf(audited),
    findings: audited
      .filter(({ verdict }) => verdict === 'unfiltered' || verdict === 'unknown')
      .toSorted(worstFirst)
      .slice(0, MAX_FINDINGS),
    top: {
      time: most(audited, ({ totalMs }) => totalMs),
      calls: most(audited, ({ calls }) => calls),
      rows: most(audited, ({ rows }) => rows),
    },
  };
}

function worstFirst(left: AuditedStatement, right: AuditedStatement): number {
  const isWorse = Number(right.verdict === 'unfiltered') - Number(left.verdict === 'unfiltered');
  return isWorse !== 0 ? isWorse : right.totalMs - left.totalMs;
}

function most(statements: readonly AuditedStatement[], amount: (statement: AuditedStatement) => number) {
  return statements.toSorted((left, right) => amount(right) - amount(left)).slice(0, TOP);
}

function summaryOf(statements: readonly AuditedStatement[]): QueryAuditReport['summary'] {
  const summary: Record<AuditVerdict | 'none', number> = {
    filtered: 0,
    unfiltered: 0,
    row_security: 0,
    unknown: 0,
    none: 0,
  };
  for (const { verdict } of statements) summary[verdict ?? 'none'] += 1;
  return summary;
}

async function statementOf(
  statement: StatementCounts,
  { verdict, tables }: StatementVerdict,
): Promise<AuditedStatement> {
  const { user, calls, totalMs, rows } = statement;
  return { user, query: await withoutValues(statement.query), calls, totalMs, rows, verdict: verdict ?? null, tables };
}

/** What a quote opens after everything that the parser takes for a value of a query has become a parameter. */
const LEFT_OVER_VALUE = /(?:'|\$(?!\d))[\s\S]*$/;

/**
 * The server leaves values in comments and in statements that are no queries (a role's new password), so they are taken
 * out here; what cannot be parsed is not shown.
 */
async function withoutValues(query: string): Promise<string> {
  try {
    const text = await normalize(query);
    return text
      .replaceAll(/\/\*[\s\S]*?\*\/|--[^\n]*/g, ' ')
      .replace(LEFT_OVER_VALUE, '…')
      .replaceAll(/\s+/g, ' ')
      .trim()
      .slice(0, MAX_QUERY_CHARACTERS);
  } catch {
    return '(a statement that cannot be parsed)';
  }
}
