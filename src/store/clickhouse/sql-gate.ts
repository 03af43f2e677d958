import type { SqlFunctions } from './sql-functions.ts';
import { refused, type SqlText } from './sql-tokens.ts';
import { notUnderstood, readTree, type SqlNode, walkTree } from './sql-tree.ts';
import { declaredNames, functionRefused } from './sql-words.ts';

/** What there is in the store, and what of it may be asked. */
export interface SqlReach {
  /** Names of databases. */
  readonly databases: ReadonlySet<string>;
  /** Database in which a table without one is looked for. */
  readonly home: string;
  /** `database.table` that may be read. */
  readonly offered: ReadonlySet<string>;
  /** `database.table` in `home` that may not. */
  readonly withheld: ReadonlySet<string>;
}

const QUERY_KINDS = new Set(['ExpressionList', 'SelectQuery', 'SelectWithUnionQuery', 'SelectIntersectExceptQuery']);

/**
 * Everything that a statement may be made of. Not in it, among others: `Set` (settings), `ColumnsApplyTransformer` (calls a
 * function that is not in the picture), `Explain`, and whatever a later version of the engine adds.
 */
const KINDS = new Set([
  ...QUERY_KINDS,
  ...['WithElement', 'Subquery', 'Literal', 'Function', 'Identifier', 'Asterisk', 'QualifiedAsterisk', 'SampleRatio'],
  ...['ColumnsRegexpMatcher', 'ColumnsListMatcher', 'QualifiedColumnsRegexpMatcher', 'QualifiedColumnsListMatcher'],
  ...['ColumnsTransformerList', 'ColumnsExceptTransformer', 'ColumnsReplaceTransformer'],
  ...['ColumnsReplaceTransformer::Replacement', 'TablesInSelectQuery', 'TablesInSelectQueryElement', 'TableExpression'],
  ...['TableIdentifier', 'TableJoin', 'ArrayJoin', 'WindowDefinition', 'WindowListElement', 'OrderByElement'],
  ...['InterpolateElement', 'ExpressionElement', 'DataType', 'NameTypePair'],
]);

/** Operators whose right side may be a table's name. */
const MEMBERSHIP = /^(?:global)?(?:not)?(?:null)?in(?:ignoreset)?$/i;
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?$/;

/**
 * The second gate: the engine's own reading of the statement, every node of which must be known to be harmless.
 * @param lines of `EXPLAIN AST`
 * @throws TenantryError SQL_REFUSED
 */
export function assertHarmlessTree(
  lines: readonly string[],
  text: SqlText,
  reach: SqlReach,
  functions: SqlFunctions,
): void {
  const root = readTree(lines);
  if (!/^Select(?:WithUnion|IntersectExcept)Query$/.test(root.kind)) throw notUnderstood();
  const names = declaredNames(text);
  for (const { node, parent } of walkTree(root)) {
    if (!KINDS.has(node.kind)) throw notUnderstood();
    if (QUERY_KINDS.has(node.kind) && node.kind.endsWith('ExceptQuery')) assertOnlyQueries(node);
    if (node.kind === 'SelectWithUnionQuery') assertOnlyQueries(node);
    if (node.kind === 'Function') assertCall(node, parent, functions, reach);
    if (node.kind === 'TableIdentifier') assertTable(node.name, names, reach);
    if (node.kind === 'Identifier') assertNoForeignTable(node.name, reach);
  }
}

/** A format, a file or settings of the whole statement hang beside its queries. */
function assertOnlyQueries(node: SqlNode): void {
  if (!node.children.every(({ kind }) => QUERY_KINDS.has(kind))) throw notUnderstood();
}

function assertCall(node: SqlNode, parent: SqlNode | undefined, functions: SqlFunctions, reach: SqlReach): void {
  const { name } = node;
  if (parent?.kind === 'TableExpression') {
    if (!functions.mayRead(name)) throw functionRefused(name);
    return;
  }
  if (!functions.mayCall(name)) throw functionRefused(name);
  const right = node.children[0]?.children[1];
  if (!MEMBERSHIP.test(name) || right?.kind !== 'Identifier') return;
  // Unqualified it may as well be a column; a table of ours that is not offered is none either way.
  if (!right.name.includes('.') && reach.withheld.has(`${reach.home}.${right.name}`)) throw noSuchTable(right.name);
}

function assertTable(name: string, declared: ReadonlySet<string>, reach: SqlReach): void {
  const qualified = name.includes('.') ? name : `${reach.home}.${name}`;
  // A subquery may be called `system.processes`, and in this picture it looks like the table.
  const isDeclared = !name.includes('.') && declared.has(name) && !reach.withheld.has(qualified);
  if (!isDeclared && !(PLAIN_NAME.test(name) && reach.offered.has(qualified))) throw noSuchTable(name);
}

/** `x IN system.processes` has its table where a column could be: nothing may begin with a database but what is offered. */
function assertNoForeignTable(name: string, reach: SqlReach): void {
  const [database = '', table] = name.split('.');
  if (table === undefined || !reach.databases.has(database)) return;
  if (!reach.offered.has(`${database}.${table}`)) throw noSuchTable(`${database}.${table}`);
}

function noSuchTable(name: string) {
  return refused(
    `There is no table ${JSON.stringify(name.slice(0, 128))} to ask here.`,
    'GET /v1/sql/tables lists those there are.',
  );
}
