import { isNode, namesIn, nodesIn, ofKind, type SqlNode, textOf } from './sql-tree.ts';
import { Bounds } from './tenant-filter-bounds.ts';
import { joinCtes, outputOf, renamed, unionOutput } from './tenant-filter-output.ts';
import { Conditions, EVERYWHERE, NOWHERE, type Reach, type Subquery } from './tenant-filter-quals.ts';
import {
  type Cte,
  type FindTable,
  findCte,
  GIVEN,
  knownColumnOf,
  newScope,
  type OutputColumns,
  type Reference,
  type Scope,
  type TenantTable,
} from './tenant-filter-scope.ts';

const NO_OUTPUT: OutputColumns = { byName: () => undefined, inOrder: [] };

/** A table that a statement writes to or empties without reading it. */
export interface WrittenTable {
  readonly label: string;
  readonly table: TenantTable;
  readonly named: 'tenant named' | 'left to its default' | 'whole table';
}

/**
 * One statement, walked once: which tables it reads and what its conditions hold their columns to. PostgreSQL's rules
 * of names; where something is not understood, nothing is taken for a filter.
 */
export class StatementReading {
  readonly bounds = new Bounds();
  readonly references: Reference[] = [];
  readonly written: WrittenTable[] = [];
  readonly #findTable: FindTable;
  readonly #conditions = new Conditions((sublink, scope, outer) => this.#sublink(sublink, scope, outer));
  readonly #sublinks = new Map<unknown, Subquery>();
  readonly #ctes: Cte[] = [];
  #nextId = 0;

  constructor(findTable: FindTable) {
    this.#findTable = findTable;
  }

  /** A statement of any kind; what reads and writes no rows is passed over. */
  read(statement: unknown): void {
    const inner = ['ExplainStmt', 'PrepareStmt', 'DeclareCursorStmt', 'CreateTableAsStmt', 'ViewStmt', 'CopyStmt']
      .map((kind) => ofKind(statement, kind))
      .find((found) => found !== undefined);
    if (inner !== undefined) {
      if (inner['query'] !== undefined) this.read(inner['query']);
      else this.#emptied(inner['relation']);
      return;
    }
    for (const relation of nodesIn(ofKind(statement, 'TruncateStmt')?.['relations'])) {
      this.#emptied(ofKind(relation, 'RangeVar'));
    }
    this.#query(statement, undefined, NOWHERE);
    joinCtes(this.#ctes, this.bounds);
  }

  #query(statement: unknown, parent: Scope | undefined, outer: Reach, recursive?: Cte): Subquery {
    const select = ofKind(statement, 'SelectStmt');
    if (select !== undefined) return this.#select(select, parent, outer, recursive);
    const insert = ofKind(statement, 'InsertStmt');
    if (insert !== undefined) return this.#insert(insert, parent);
    const change = ofKind(statement, 'UpdateStmt') ?? ofKind(statement, 'DeleteStmt') ?? ofKind(statement, 'MergeStmt');
    return change === undefined ? { output: NO_OUTPUT, usesOuter: false } : this.#change(change, parent);
  }

  #select(select: SqlNode, parent: Scope | undefined, outer: Reach, recursive?: Cte): Subquery {
    const scope = newScope(parent);
    const first = this.#nextId;
    this.#withClause(select['withClause'], scope);
    const { larg, rarg, fromClause, whereClause, havingClause, withClause: _with, ...rest } = select;
    if (isNode(larg) && isNode(rarg)) return this.#union(select, scope, outer, recursive);
    const values = nodesIn(select['valuesLists']);
    if (values.length > 0) return this.#values(values, scope);
    for (const item of nodesIn(fromClause)) this.#from(item, scope);
    const reach: Reach = (id) => id >= first || outer(id);
    for (const condition of [whereClause, havingClause]) {
      if (condition !== undefined) this.#conditions.read(condition, { scope, reach, sink: this.bounds });
    }
    this.#conditions.readSubqueries(rest, scope);
    return { output: outputOf(nodesIn(select['targetList']), scope, this.#conditions), usesOuter: scope.usesOuter };
  }

  /** What holds for the whole holds for each part; for the whole holds what holds for all parts. */
  #union(select: SqlNode, scope: Scope, outer: Reach, recursive?: Cte): Subquery {
    const left = this.#select(select['larg'] as SqlNode, scope, outer);
    if (recursive !== undefined) recursive.first = left.output;
    const right = this.#select(select['rarg'] as SqlNode, scope, outer);
    return { output: unionOutput(left.output, right.output, this.#newId(), this.bounds), usesOuter: scope.usesOuter };
  }

  #values(rows: readonly unknown[], scope: Scope): Subquery {
    const lists = rows.map((row) => nodesIn(ofKind(row, 'List')?.['items']));
    this.#conditions.readSubqueries(rows, scope);
    const inOrder = (lists[0] ?? []).map((_, index) =>
      lists.every((list) => this.#conditions.isGiven(list[index], scope)) ? GIVEN : undefined,
    );
    const byName = (name: string) => inOrder[Number(/^column(\d+)$/.exec(name)?.[1]) - 1];
    return { output: { byName, inOrder }, usesOuter: scope.usesOuter };
  }

  #insert(insert: SqlNode, parent: Scope | undefined): Subquery {
    const scope = newScope(parent);
    this.#withClause(insert['withClause'], scope);
    const relation = isNode(insert['relation']) ? insert['relation'] : {};
    const { table, label } = this.#named(relation);
    if (table !== undefined) {
      const columns = nodesIn(insert['cols']).flatMap((column) => textOf(ofKind(column, 'ResTarget')?.['name']) ?? []);
      const isNamed =
        columns.length === 0
          ? insert['selectStmt'] !== undefined
          : table.tenantColumns.some((name) => columns.includes(name));
      this.written.push({ label, table, named: isNamed ? 'tenant named' : 'left to its default' });
    }
    this.#query(insert['selectStmt'], scope, NOWHERE);
    this.#conditions.readSubqueries([insert['onConflictClause'], insert['returningClause']], scope);
    return { output: NO_OUTPUT, usesOuter: scope.usesOuter };
  }

  /** UPDATE, DELETE and MERGE: the table that is changed is one more in FROM. */
  #change(change: SqlNode, parent: Scope | undefined): Subquery {
    const scope = newScope(parent);
    const first = this.#nextId;
    this.#withClause(change['withClause'], scope);
    const sources = [...nodesIn(change['fromClause']), ...nodesIn(change['usingClause']), change['sourceRelation']];
    this.#from({ RangeVar: change['relation'] }, scope);
    for (const item of sources) if (item !== undefined) this.#from(item, scope);
    const reach: Reach = (id) => id >= first;
    for (const condition of [change['whereClause'], change['joinCondition']]) {
      if (condition !== undefined) this.#conditions.read(condition, { scope, reach, sink: this.bounds });
    }
    const { targetList, returningList, returningClause, mergeWhenClauses } = change;
    this.#conditions.readSubqueries([targetList, returningList, returningClause, mergeWhenClauses], scope);
    const returning = isNode(returningClause) ? returningClause['exprs'] : returningList;
    return { output: outputOf(nodesIn(returning), scope, this.#conditions), usesOuter: scope.usesOuter };
  }

  #withClause(clause: unknown, scope: Scope): void {
    if (!isNode(clause)) return;
    for (const item of nodesIn(clause['ctes'])) {
      const expression = ofKind(item, 'CommonTableExpr');
      const name = textOf(expression?.['ctename']);
      if (expression === undefined || name === undefined) continue;
      const isOpen = clause['recursive'] === true;
      const cte: Cte = { name, output: NO_OUTPUT, asked: new Set(), references: [], first: undefined, isOpen };
      this.#ctes.push(cte);
      if (isOpen) scope.ctes.set(name, cte);
      const { output } = this.#query(expression['ctequery'], scope, NOWHERE, cte);
      const names = namesIn(expression['aliascolnames']);
      cte.output = renamed(output, names);
      if (cte.first !== undefined) cte.first = renamed(cte.first, names);
      cte.isOpen = false;
      scope.ctes.set(name, cte);
    }
  }

  #from(item: unknown, scope: Scope): void {
    const join = ofKind(item, 'JoinExpr');
    if (join !== undefined) {
      this.#join(join, scope);
      return;
    }
    const relation = ofKind(item, 'RangeVar') ?? ofKind(ofKind(item, 'RangeTableSample')?.['relation'], 'RangeVar');
    if (relation !== undefined) {
      this.#add(scope, this.#relation(relation, scope));
      return;
    }
    const subselect = ofKind(item, 'RangeSubselect');
    if (subselect !== undefined) {
      const { alias, names } = aliasOf(subselect);
      const { output } = this.#query(subselect['subquery'], this.#sight(subselect, scope), NOWHERE);
      this.#add(scope, { kind: 'derived', id: this.#newId(), alias: alias ?? '', output: renamed(output, names) });
      return;
    }
    this.#rowSource(item, scope);
  }

  /** Only a LATERAL subquery sees what stands before it in FROM. */
  #sight(subselect: SqlNode, scope: Scope): Scope {
    if (subselect['lateral'] === true) return scope;
    return { ...newScope(scope.parent), ctes: scope.ctes };
  }

  /** Functions and the like in FROM. */
  #rowSource(item: unknown, scope: Scope): void {
    const [inner] = isNode(item) ? Object.values(item) : [];
    if (!isNode(inner)) return;
    this.#conditions.readSubqueries(inner, scope);
    const { alias = '', names } = aliasOf(inner);
    const isGiven = this.#conditions.isGiven(inner['functions'], scope);
    const id = this.#newId();
    const columns = new Set([...names, alias]);
    const output = { byName: (name: string) => (isGiven && columns.has(name) ? GIVEN : undefined), inOrder: undefined };
    this.#add(scope, { kind: 'derived', id, alias, output });
  }

  #join(join: SqlNode, scope: Scope): void {
    const left = this.#side(join['larg'], scope);
    const right = this.#side(join['rarg'], scope);
    const within =
      ([from, to]: Range): Reach =>
      (id) =>
        id >= from && id < to;
    const kinds: Readonly<Record<string, Reach>> = {
      JOIN_INNER: EVERYWHERE,
      JOIN_LEFT: within(right.range),
      JOIN_RIGHT: within(left.range),
    };
    const reach = kinds[String(join['jointype'])] ?? NOWHERE;
    if (join['quals'] !== undefined) this.#conditions.read(join['quals'], { scope, reach, sink: this.bounds });
    const isNatural = join['isNatural'] === true;
    const shared = isNatural
      ? tenantColumnsOf([...left.references, ...right.references])
      : namesIn(join['usingClause']);
    for (const column of shared) {
      for (const one of left.references) {
        for (const other of right.references) this.#merge(column, one, other, reach);
      }
    }
  }

  #merge(column: string, left: Reference, right: Reference, reach: Reach): void {
    const [one, other] = [knownColumnOf(left, column), knownColumnOf(right, column)];
    if (one === undefined || other === undefined) return;
    if (reach(right.id)) this.bounds.imply(one, other);
    if (reach(left.id)) this.bounds.imply(other, one);
  }

  #side(item: unknown, scope: Scope): { range: Range; references: readonly Reference[] } {
    const [from, before] = [this.#nextId, scope.references.length];
    this.#from(item, scope);
    return { range: [from, this.#nextId], references: scope.references.slice(before) };
  }

  #relation(relation: SqlNode, scope: Scope): Reference {
    const name = textOf(relation['relname']) ?? '';
    const alias = aliasOf(relation).alias ?? name;
    const cte = relation['schemaname'] === undefined ? findCte(scope, name) : undefined;
    const id = this.#newId();
    if (cte !== undefined) {
      cte.references.push({ id, isSelf: cte.isOpen });
      return { kind: 'cte', id, alias, cte };
    }
    return { kind: 'table', id, alias, ...this.#named(relation), seen: new Set() };
  }

  #named(relation: SqlNode): { table: TenantTable | undefined; label: string } {
    const [schema, name = ''] = [textOf(relation['schemaname']), textOf(relation['relname'])];
    const table = this.#findTable(schema, name);
    return { table, label: table === undefined ? name : `${table.schema}.${table.name}` };
  }

  #emptied(relation: unknown): void {
    if (!isNode(relation)) return;
    const { table, label } = this.#named(relation);
    if (table !== undefined) this.written.push({ label, table, named: 'whole table' });
  }

  #sublink(sublink: SqlNode, scope: Scope, outer: Reach): Subquery {
    const known = this.#sublinks.get(sublink);
    if (known !== undefined) return known;
    const found = this.#query(sublink['subselect'], scope, outer);
    this.#sublinks.set(sublink, found);
    return found;
  }

  #add(scope: Scope, reference: Reference): void {
    scope.references.push(reference);
    this.references.push(reference);
  }

  #newId(): number {
    this.#nextId += 1;
    return this.#nextId - 1;
  }
}

type Range = readonly [from: number, to: number];

function aliasOf(item: SqlNode): { alias: string | undefined; names: readonly string[] } {
  const alias = isNode(item['alias']) ? item['alias'] : undefined;
  return { alias: textOf(alias?.['aliasname']), names: namesIn(alias?.['colnames']) };
}

function tenantColumnsOf(references: readonly Reference[]): string[] {
  const columns = references.flatMap((reference) =>
    reference.kind === 'table' ? [...(reference.table?.tenantColumns ?? [])] : [],
  );
  return [...new Set(columns)];
}
