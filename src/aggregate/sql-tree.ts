/** Reading PostgreSQL's syntax tree as libpg-query gives it: each node an object with one key, its kind. */

export type SqlNode = Readonly<Record<string, unknown>>;

export function isNode(value: unknown): value is SqlNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The node inside `{ Kind: node }`, if it is of that kind. */
export function ofKind(value: unknown, kind: string): SqlNode | undefined {
  const inner = isNode(value) ? value[kind] : undefined;
  return isNode(inner) ? inner : undefined;
}

export function nodesIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The texts of a list of String nodes: a dotted name, or an operator's. */
export function namesIn(value: unknown): readonly string[] {
  return nodesIn(value).flatMap((part) => textOf(ofKind(part, 'String')?.['sval']) ?? []);
}

/** Calls back for each node of the kind, outermost first; what is inside one of them is left to the caller. */
export function eachOfKind(value: unknown, kind: string, found: (node: SqlNode) => void): void {
  if (Array.isArray(value)) {
    for (const part of value) eachOfKind(part, kind, found);
    return;
  }
  if (!isNode(value)) return;
  const inner = ofKind(value, kind);
  if (inner !== undefined) {
    found(inner);
    return;
  }
  for (const part of Object.values(value)) eachOfKind(part, kind, found);
}

/** Casts and collations say nothing of which column it is. */
export function bare(value: unknown): unknown {
  const wrapped = ofKind(value, 'TypeCast') ?? ofKind(value, 'CollateClause');
  return wrapped === undefined ? value : bare(wrapped['arg']);
}
