/** What names mean within a statement: the tables, derived tables and CTEs that columns can belong to. */

/** A table or view of the audited database that has a tenant column, or reads such a table. */
export interface TenantTable {
  readonly schema: string;
  readonly name: string;
  /** Of the configured names, those that it has; none for a view that hides the column of the tables below it. */
  readonly tenantColumns: readonly string[];
  /** Row security holds for whoever runs the statement. */
  readonly rowSecurity: boolean;
  /** Set where nothing can be said of it, and why. */
  readonly unclear?: string;
}

/** Finds a table by the name that a statement gives it; undefined: it has no tenant column. */
export type FindTable = (schema: string | undefined, name: string) => TenantTable | undefined;

/**
 * A column of a reference, or a value. Two references that share one hold the same values; a node is bound when a
 * statement holds it to given values.
 */
export type ColumnNode = string;

/** Numbers grow in the order in which references are met, so that all within a part of FROM lie in one range. */
interface ReferenceBase {
  readonly id: number;
  /** What qualifies its columns. */
  readonly alias: string;
}

export type Reference = ReferenceBase &
  (
    | {
        readonly kind: 'table';
        readonly label: string;
        readonly table: TenantTable | undefined;
        readonly seen: Set<string>;
      }
    | { readonly kind: 'derived'; readonly output: OutputColumns }
    | { readonly kind: 'cte'; readonly cte: Cte }
  );

/** Columns that a subquery gives, found by name. */
export interface OutputColumns {
  readonly byName: (name: string) => ColumnNode | undefined;
  /** In their order; absent where a star hides how many there are. */
  readonly inOrder: readonly (ColumnNode | undefined)[] | undefined;
}

export interface Cte {
  readonly name: string;
  output: OutputColumns;
  /** Columns that anybody asked for. */
  readonly asked: Set<string>;
  readonly references: { readonly id: number; readonly isSelf: boolean }[];
  /** While a recursive one is being worked out: what its first part gives. */
  first: OutputColumns | undefined;
  isOpen: boolean;
}

export interface Scope {
  readonly parent: Scope | undefined;
  readonly references: Reference[];
  readonly ctes: Map<string, Cte>;
  /** Whether a column of a scope around it was used. */
  usesOuter: boolean;
}

export function newScope(parent: Scope | undefined): Scope {
  return { parent, references: [], ctes: new Map(), usesOuter: false };
}

export function findCte(scope: Scope | undefined, name: string): Cte | undefined {
  if (scope === undefined) return undefined;
  return scope.ctes.get(name) ?? findCte(scope.parent, name);
}

export const GIVEN: ColumnNode = 'given';

export const nodeOf = (reference: number, column: string): ColumnNode => `${reference}.${column}`;
/** NaN for a value that belongs to no reference. */
export const referenceOf = (node: ColumnNode): number => Number.parseInt(node, 10);

/** The node of a column that is said to be of this reference. */
export function columnOf(reference: Reference, column: string): ColumnNode | undefined {
  switch (reference.kind) {
    case 'table':
      reference.seen.add(column);
      return nodeOf(reference.id, column);
    case 'derived':
      return reference.output.byName(column);
    case 'cte':
      reference.cte.asked.add(column);
      return nodeOf(reference.id, column);
  }
}

/** The node of a column of this reference if it is known to have it; for names without a qualifier. */
export function knownColumnOf(reference: Reference, column: string): ColumnNode | undefined {
  if (reference.kind === 'table') {
    return reference.table?.tenantColumns.includes(column) === true ? columnOf(reference, column) : undefined;
  }
  if (reference.kind === 'cte') {
    return reference.cte.output.byName(column) === undefined && !reference.cte.isOpen
      ? undefined
      : columnOf(reference, column);
  }
  return reference.kind === 'derived' ? reference.output.byName(column) : undefined;
}

/** What a name stands for: one column, those that USING has merged, or nothing that is known. */
export function resolve(scope: Scope, qualifier: string | undefined, column: string): readonly ColumnNode[] {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const found = resolveHere(at, qualifier, column);
    if (found.length === 0) continue;
    if (at !== scope) markOuter(scope, at);
    return found;
  }
  return [];
}

function resolveHere({ references }: Scope, qualifier: string | undefined, column: string): readonly ColumnNode[] {
  if (qualifier !== undefined) {
    const reference = references.find(({ alias }) => alias === qualifier);
    const node = reference === undefined ? undefined : columnOf(reference, column);
    return node === undefined ? [] : [node];
  }
  const known = references.flatMap((reference) => knownColumnOf(reference, column) ?? []);
  if (known.length > 0) return known;
  // With a single table there is nothing else that the name could belong to but a scope around it.
  const [only] = references;
  return references.length === 1 && only?.kind === 'table' && only.table === undefined
    ? [columnOf(only, column) ?? GIVEN]
    : [];
}

function markOuter(from: Scope, until: Scope): void {
  for (let at: Scope | undefined = from; at !== undefined && at !== until; at = at.parent) at.usesOuter = true;
}
