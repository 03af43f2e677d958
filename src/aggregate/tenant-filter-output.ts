import { isNode, namesIn, nodesIn, ofKind, textOf } from './sql-tree.ts';
import type { Bounds } from './tenant-filter-bounds.ts';
import { type Conditions, columnsOf } from './tenant-filter-quals.ts';
import {
  type ColumnNode,
  type Cte,
  columnOf,
  GIVEN,
  knownColumnOf,
  nodeOf,
  type OutputColumns,
  type Reference,
  type Scope,
} from './tenant-filter-scope.ts';

/** What a select list or RETURNING gives. A star gives whatever the tables behind it are known to have. */
export function outputOf(targets: readonly unknown[], scope: Scope, conditions: Conditions): OutputColumns {
  const columns: { readonly name: string | undefined; readonly node: ColumnNode | undefined }[] = [];
  const stars: Reference[] = [];
  for (const target of targets) {
    const result = ofKind(target, 'ResTarget');
    const fields = nodesIn(ofKind(result?.['val'], 'ColumnRef')?.['fields']);
    const names = namesIn(fields);
    if (fields.some((field) => isNode(field) && 'A_Star' in field)) {
      const qualifier = names.at(-1);
      stars.push(...scope.references.filter(({ alias }) => qualifier === undefined || alias === qualifier));
      continue;
    }
    const [node] = columnsOf(result?.['val'], scope);
    const given = node === undefined && conditions.isGiven(result?.['val'], scope) ? GIVEN : undefined;
    columns.push({ name: textOf(result?.['name']) ?? names.at(-1), node: node ?? given });
  }
  return {
    byName: (name) => columns.find((column) => column.name === name)?.node ?? fromStars(stars, name),
    inOrder: stars.length > 0 ? undefined : columns.map(({ node }) => node),
  };
}

function fromStars(stars: readonly Reference[], name: string): ColumnNode | undefined {
  const [only] = stars;
  if (stars.length === 1 && only !== undefined) return columnOf(only, name);
  return stars.flatMap((reference) => knownColumnOf(reference, name) ?? [])[0];
}

/** What holds for the whole holds for each part; for the whole holds what holds for both. */
export function unionOutput(left: OutputColumns, right: OutputColumns, id: number, bounds: Bounds): OutputColumns {
  const joined = new Map<string, ColumnNode>();
  const join = (name: string, one: ColumnNode | undefined, other: ColumnNode | undefined) => {
    if (one === undefined || other === undefined) return undefined;
    const known = joined.get(name);
    if (known !== undefined) return known;
    const node = nodeOf(id, name);
    joined.set(name, node);
    bounds.imply(node, one);
    bounds.imply(node, other);
    bounds.implyByAll([one, other], node);
    return node;
  };
  const inOrder = left.inOrder?.map((one, index) => join(`#${index}`, one, right.inOrder?.[index]));
  const byName = (name: string) => {
    const one = left.byName(name);
    if (one === undefined) return undefined;
    // The first part gives the names; the second may call its column otherwise.
    const at = left.inOrder?.indexOf(one) ?? -1;
    return inOrder?.[at] ?? join(name, one, right.byName(name));
  };
  return { byName, inOrder };
}

/** Columns under the names that an alias list gives them. */
export function renamed(output: OutputColumns, names: readonly string[]): OutputColumns {
  if (names.length === 0) return output;
  return {
    inOrder: output.inOrder,
    byName: (name) => {
      const at = names.indexOf(name);
      return at === -1 ? output.byName(name) : output.inOrder?.[at];
    },
  };
}

/** To be called after the whole statement was read: only then it is known who reads which column of which CTE. */
export function joinCtes(ctes: readonly Cte[], bounds: Bounds): void {
  const done = new Set<string>();
  for (let before = -1; before < done.size; ) {
    before = done.size;
    for (const [index, cte] of ctes.entries()) {
      for (const column of [...cte.asked]) {
        const key = `${index}.${column}`;
        if (done.has(key)) continue;
        done.add(key);
        joinCteColumn(cte, column, bounds);
      }
    }
  }
}

function joinCteColumn({ output, first, references }: Cte, column: string, bounds: Bounds): void {
  const node = output.byName(column);
  const begun = first?.byName(column);
  for (const { id, isSelf } of references) {
    // By induction: what holds for the rows that a recursion begins with holds for those that come of them.
    const from = isSelf ? begun : node;
    if (from !== undefined) bounds.imply(from, nodeOf(id, column));
  }
  const readers = references.filter(({ isSelf }) => !isSelf).map(({ id }) => nodeOf(id, column));
  if (node !== undefined) bounds.implyByAll(readers, node);
}
