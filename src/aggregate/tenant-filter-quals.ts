import { bare, eachOfKind, isNode, namesIn, nodesIn, ofKind, type SqlNode } from './sql-tree.ts';
import { type ColumnNode, GIVEN, type OutputColumns, referenceOf, resolve, type Scope } from './tenant-filter-scope.ts';

/** Which references a condition can hold back: one of an outer join only those that it may leave out. */
export type Reach = (reference: number) => boolean;

export const EVERYWHERE: Reach = () => true;
export const NOWHERE: Reach = () => false;

/** Takes what conditions say. */
interface Sink {
  bind(node: ColumnNode): void;
  imply(from: ColumnNode, to: ColumnNode): void;
}

export interface Subquery {
  readonly output: OutputColumns;
  /** Its rows depend on the row of a query around it. */
  readonly usesOuter: boolean;
}

/** Works out a subquery that stands in an expression; `outer`: what its own conditions hold back around it. */
export type SubqueryReader = (sublink: SqlNode, scope: Scope, outer: Reach) => Subquery;

interface Place {
  readonly scope: Scope;
  readonly reach: Reach;
  readonly sink: Sink;
}

/** The columns that an expression stands for, casts aside; none if it is anything else. */
export function columnsOf(expression: unknown, scope: Scope): readonly ColumnNode[] {
  const fields = namesIn(ofKind(bare(expression), 'ColumnRef')?.['fields']);
  const column = fields.at(-1);
  return column === undefined ? [] : resolve(scope, fields.at(-2), column);
}

/**
 * What a condition that must be true holds columns to. Only equality counts: `tenant_id > $1` is no filter by tenant.
 * Of an OR only what all its parts say counts, of a NOT nothing.
 */
export class Conditions {
  readonly #subquery: SubqueryReader;

  constructor(subquery: SubqueryReader) {
    this.#subquery = subquery;
  }

  read(condition: unknown, place: Place): void {
    const expression = bare(condition);
    const boolean = ofKind(expression, 'BoolExpr');
    if (boolean !== undefined) this.#boolean(boolean, place);
    else this.#comparison(expression, place);
    // Whatever is left has been read already, or says nothing about columns here.
    this.readSubqueries(expression, place.scope);
  }

  /** Every subquery within, so that its tables are known. */
  readSubqueries(expression: unknown, scope: Scope): void {
    eachOfKind(expression, 'SubLink', (sublink) => {
      this.#subquery(sublink, scope, NOWHERE);
      this.readSubqueries(sublink['testexpr'], scope);
    });
  }

  /** Whether it is the same for every row: parameters, constants, settings, and what a subquery of its own gives. */
  isGiven(expression: unknown, scope: Scope): boolean {
    if (expression === undefined || expression === null) return false;
    let given = true;
    const visit = (value: unknown): void => {
      if (Array.isArray(value)) {
        for (const part of value) visit(part);
        return;
      }
      if (!isNode(value) || !given) return;
      const sublink = ofKind(value, 'SubLink');
      if (sublink !== undefined) {
        given = sublink['subLinkType'] === 'EXPR_SUBLINK' && !this.#subquery(sublink, scope, NOWHERE).usesOuter;
      } else if (ofKind(value, 'ColumnRef') !== undefined) {
        const columns = columnsOf(value, scope);
        given = columns.length > 0 && columns.every((column) => column === GIVEN);
      } else {
        for (const part of Object.values(value)) visit(part);
      }
    };
    visit(expression);
    return given;
  }

  #boolean(boolean: SqlNode, place: Place): void {
    const parts = nodesIn(boolean['args']);
    if (boolean['boolop'] === 'AND_EXPR') for (const part of parts) this.read(part, place);
    if (boolean['boolop'] !== 'OR_EXPR') return;
    const said = parts.map((part) => {
      const recorder = new Recorder();
      this.read(part, { ...place, sink: recorder });
      return recorder;
    });
    const [first] = said;
    for (const node of first?.bound ?? []) if (said.every(({ bound }) => bound.has(node))) place.sink.bind(node);
    for (const [key, [from, to]] of first?.implied ?? []) {
      if (said.every(({ implied }) => implied.has(key))) place.sink.imply(from, to);
    }
  }

  #comparison(expression: unknown, place: Place): void {
    const comparison = ofKind(expression, 'A_Expr');
    if (comparison !== undefined) {
      const isEquality = namesIn(comparison['name']).at(-1) === '=';
      const { kind, lexpr, rexpr } = comparison;
      if (kind === 'AEXPR_NOT_DISTINCT' || (isEquality && kind === 'AEXPR_OP')) this.#equal(lexpr, rexpr, place);
      if (isEquality && kind === 'AEXPR_OP_ANY' && this.isGiven(rexpr, place.scope)) this.#bindAll(lexpr, place);
      if (isEquality && kind === 'AEXPR_IN') this.#inList(lexpr, rexpr, place);
    }
    const sublink = ofKind(expression, 'SubLink');
    if (sublink?.['subLinkType'] === 'EXISTS_SUBLINK') this.#subquery(sublink, place.scope, place.reach);
    if (sublink?.['subLinkType'] === 'ANY_SUBLINK') this.#inSubquery(sublink, place);
  }

  #equal(left: unknown, right: unknown, place: Place): void {
    const [lefts, rights] = [rowParts(left), rowParts(right)];
    if (lefts.length !== rights.length) return;
    for (const [index, leftPart] of lefts.entries()) this.#equalParts(leftPart, rights[index], place);
  }

  #equalParts(left: unknown, right: unknown, place: Place): void {
    const [leftNodes, rightNodes] = [columnsOf(left, place.scope), columnsOf(right, place.scope)];
    if (leftNodes.length > 0 && rightNodes.length > 0) {
      for (const one of leftNodes) for (const other of rightNodes) this.#link(one, other, place);
    } else if (this.isGiven(right, place.scope)) this.#bindNodes(leftNodes, place);
    else if (this.isGiven(left, place.scope)) this.#bindNodes(rightNodes, place);
  }

  #link(one: ColumnNode, other: ColumnNode, { reach, sink }: Place): void {
    if (reach(referenceOf(other))) sink.imply(one, other);
    if (reach(referenceOf(one))) sink.imply(other, one);
  }

  #bindAll(expression: unknown, place: Place): void {
    this.#bindNodes(columnsOf(expression, place.scope), place);
  }

  #bindNodes(nodes: readonly ColumnNode[], { reach, sink }: Place): void {
    for (const node of nodes) if (reach(referenceOf(node))) sink.bind(node);
  }

  #inList(left: unknown, list: unknown, place: Place): void {
    const items = nodesIn(ofKind(list, 'List')?.['items']);
    for (const [index, part] of rowParts(left).entries()) {
      const isGiven = items.every((item) => this.isGiven(rowParts(item)[index], place.scope));
      if (isGiven && items.length > 0) this.#bindAll(part, place);
    }
  }

  #inSubquery(sublink: SqlNode, place: Place): void {
    const operator = namesIn(sublink['operName']).at(-1) ?? '=';
    const { output } = this.#subquery(sublink, place.scope, NOWHERE);
    if (operator !== '=') return;
    for (const [index, part] of rowParts(sublink['testexpr']).entries()) {
      const given = output.inOrder?.[index];
      if (given === undefined) continue;
      for (const node of columnsOf(part, place.scope)) {
        if (place.reach(referenceOf(node))) place.sink.imply(given, node);
        place.sink.imply(node, given);
      }
    }
  }
}

/** The parts of `(a, b)`; a single expression is its own only part. */
function rowParts(expression: unknown): readonly unknown[] {
  const row = ofKind(expression, 'RowExpr') ?? ofKind(expression, 'List');
  return row === undefined ? [expression] : nodesIn(row['args'] ?? row['items']);
}

/** What one part of an OR says. */
class Recorder implements Sink {
  readonly bound = new Set<ColumnNode>();
  readonly implied = new Map<string, [ColumnNode, ColumnNode]>();

  bind(node: ColumnNode): void {
    this.bound.add(node);
  }

  imply(from: ColumnNode, to: ColumnNode): void {
    if (from === GIVEN) this.bind(to);
    else this.implied.set(`${from}>${to}`, [from, to]);
  }
}
