import { refused } from './sql-tokens.ts';

/** One node of the engine's own picture of a statement (`EXPLAIN AST`). */
export interface SqlNode {
  /** `Function`, `TableIdentifier`, … */
  readonly kind: string;
  /** What is called or named; empty where the kind says everything. */
  readonly name: string;
  readonly children: readonly SqlNode[];
}

interface OpenNode {
  readonly kind: string;
  readonly name: string;
  readonly children: OpenNode[];
  readonly expected: number;
  readonly depth: number;
}

const COUNT = / \(children (\d+)\)$/;
const LINE = /^( *)([A-Za-z:]+)(?: ([\s\S]*))?$/;
const ALIAS = / \(alias .*\)$/s;

/**
 * Reads the lines of `EXPLAIN AST`. A name in a statement could hold a line of its own and so feign a tree; names with
 * line ends are refused before, and a tree whose counts of children do not add up is refused here.
 * @throws TenantryError SQL_REFUSED
 */
export function readTree(lines: readonly string[]): SqlNode {
  let root: OpenNode | undefined;
  const path: OpenNode[] = [];
  for (const line of lines) {
    if (line === '') continue;
    const node = nodeOf(line);
    while ((path.at(-1)?.depth ?? -1) >= node.depth) path.pop();
    const parent = path.at(-1);
    if (parent === undefined ? root !== undefined : parent.depth !== node.depth - 1) throw notUnderstood();
    if (parent === undefined) root = node;
    else parent.children.push(node);
    path.push(node);
  }
  if (root === undefined || !isWhole(root)) throw notUnderstood();
  return root;
}

function nodeOf(line: string): OpenNode {
  const count = COUNT.exec(line)?.[1] ?? '0';
  const [, indent = '', kind = '', rest = ''] = LINE.exec(line.replace(COUNT, '')) ?? [];
  if (kind === '') throw notUnderstood();
  const name = kind === 'Literal' ? '' : rest.replace(ALIAS, '').trim();
  return { kind, name, children: [], expected: Number(count), depth: indent.length };
}

function isWhole(node: OpenNode): boolean {
  return node.children.length === node.expected && node.children.every(isWhole);
}

export function notUnderstood() {
  return refused('This kind of statement is not supported here.', 'Write it in a plainer way.');
}

/** Every node with its parent, from the top. */
export function* walkTree(
  node: SqlNode,
  parent?: SqlNode,
): Generator<{ readonly node: SqlNode; readonly parent: SqlNode | undefined }> {
  yield { node, parent };
  for (const child of node.children) yield* walkTree(child, node);
}
