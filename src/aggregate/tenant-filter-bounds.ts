import { type ColumnNode, GIVEN, type Reference, referenceOf } from './tenant-filter-scope.ts';

/**
 * Which columns a statement holds to given values. `a = $1` binds a; `a = b` binds either if the other is; a column of a
 * UNION is bound if it is in every part.
 */
export class Bounds {
  readonly #bound = new Set<ColumnNode>([GIVEN]);
  readonly #implications: [ColumnNode, ColumnNode][] = [];
  readonly #conjunctions: { readonly all: readonly ColumnNode[]; readonly then: ColumnNode }[] = [];

  bind(node: ColumnNode): void {
    this.#bound.add(node);
  }

  imply(from: ColumnNode, to: ColumnNode): void {
    this.#implications.push([from, to]);
  }

  implyByAll(all: readonly ColumnNode[], then: ColumnNode): void {
    this.#conjunctions.push({ all, then });
  }

  /**
   * To be called when everything is known.
   * A table without a tenant column of which one column is bound counts as a look-up: `tenants` by its slug gives one
   * tenant, so whatever is equal to another of its columns is bound as well.
   */
  settle(references: readonly Reference[]): ReadonlySet<ColumnNode> {
    for (let before = -1; before < this.#bound.size; ) {
      before = this.#bound.size;
      for (const [from, to] of this.#implications) if (this.#bound.has(from)) this.#bound.add(to);
      for (const { all, then } of this.#conjunctions) {
        if (all.length > 0 && all.every((node) => this.#bound.has(node))) this.#bound.add(then);
      }
      this.#bindLookUps(references);
    }
    return this.#bound;
  }

  #bindLookUps(references: readonly Reference[]): void {
    const boundReferences = new Set([...this.#bound].map(referenceOf));
    for (const reference of references) {
      if (reference.kind !== 'table' || reference.table !== undefined || !boundReferences.has(reference.id)) continue;
      for (const column of reference.seen) this.#bound.add(`${reference.id}.${column}`);
    }
  }
}
