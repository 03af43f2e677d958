import type { TraceSpanItem } from '../../../src/api/traces-contract.ts';

/** What is odd about a span's place in its trace; said on the page, as a waterfall that hides it would lie. */
export type Oddity = 'parent-missing' | 'cycle' | 'starts-early' | 'ends-late';

export interface TraceNode {
  /** Span id; a second span of the same id has a number behind it. */
  readonly key: string;
  readonly span: TraceSpanItem;
  readonly parent: string | null;
  readonly depth: number;
  /** Keys, earliest first. */
  readonly children: readonly string[];
  /** Nodes below it. */
  readonly below: number;
  /** Below it something failed. */
  readonly errorBelow: boolean;
  readonly oddities: readonly Oddity[];
  /** Time in which none of its children ran, in ms. */
  readonly selfMs: number;
  /** Stretches of the critical path that are its own, in ms since the start of the trace. */
  readonly critical: readonly (readonly [from: number, to: number])[];
}

export interface TraceTree {
  /** In the order of the waterfall: each before its children. */
  readonly nodes: readonly TraceNode[];
  readonly byKey: ReadonlyMap<string, TraceNode>;
  readonly roots: readonly string[];
  /** End of the last span in ms since the start of the trace. */
  readonly durationMs: number;
  readonly services: readonly string[];
}

interface Draft {
  readonly key: string;
  readonly span: TraceSpanItem;
  parent: string | null;
  readonly children: Draft[];
  readonly oddities: Oddity[];
  critical: [number, number][];
  depth: number;
  below: number;
  errorBelow: boolean;
}

const startOf = ({ span }: { span: TraceSpanItem }) => span.offset_ms;
const endOf = ({ span }: { span: TraceSpanItem }) => span.offset_ms + span.duration_ms;
/** Clocks of one machine agree to less than this. */
const TOLERANCE_MS = 0.05;

function byStart(left: Draft, right: Draft): number {
  return startOf(left) - startOf(right) || endOf(right) - endOf(left) || (left.key < right.key ? -1 : 1);
}

/** Every span once, under a key of its own: apps that retry an export send some twice. */
function draftsOf(spans: readonly TraceSpanItem[]): Map<string, Draft> {
  const drafts = new Map<string, Draft>();
  for (const span of spans) {
    let key = span.span_id;
    for (let copy = 2; drafts.has(key); copy += 1) key = `${span.span_id}~${copy}`;
    drafts.set(key, {
      ...{ key, span, parent: span.parent_span_id, children: [], oddities: [], critical: [] },
      ...{ depth: 0, below: 0, errorBelow: false },
    });
  }
  return drafts;
}

/** Takes parents away that are not there, and one of each ring of spans that are each other's parents: its earliest. */
function cutLooseEnds(drafts: ReadonlyMap<string, Draft>): void {
  for (const draft of drafts.values()) {
    if (draft.parent !== null && !drafts.has(draft.parent)) {
      draft.parent = null;
      draft.oddities.push('parent-missing');
    }
  }
  const settled = new Set<string>();
  for (const start of drafts.values()) {
    const way: Draft[] = [];
    const onWay = new Set<string>();
    let here: Draft | undefined = start;
    while (here !== undefined && !settled.has(here.key) && !onWay.has(here.key)) {
      way.push(here);
      onWay.add(here.key);
      here = here.parent === null ? undefined : drafts.get(here.parent);
    }
    if (here !== undefined && onWay.has(here.key)) {
      const first = way.slice(way.indexOf(here)).toSorted(byStart)[0];
      if (first !== undefined) {
        first.parent = null;
        first.oddities.push('cycle');
      }
    }
    for (const key of onWay) settled.add(key);
  }
}

/** Each before its children, without recursion: a chain of 2,000 spans is as deep. */
function inOrder(roots: readonly Draft[]): Draft[] {
  const order: Draft[] = [];
  const stack = roots.toReversed();
  for (let here = stack.pop(); here !== undefined; here = stack.pop()) {
    order.push(here);
    for (const child of here.children.toReversed()) {
      child.depth = here.depth + 1;
      stack.push(child);
    }
  }
  return order;
}

function sumUp(order: readonly Draft[], drafts: ReadonlyMap<string, Draft>): void {
  for (const draft of order.toReversed()) {
    const parent = draft.parent === null ? undefined : drafts.get(draft.parent);
    if (parent === undefined) continue;
    parent.below += draft.below + 1;
    parent.errorBelow ||= draft.errorBelow || draft.span.status === 'error';
    if (startOf(draft) < startOf(parent) - TOLERANCE_MS) draft.oddities.push('starts-early');
    else if (endOf(draft) > endOf(parent) + TOLERANCE_MS) draft.oddities.push('ends-late');
  }
}

/** Time of `draft` that none of its children covers. */
function selfTime(draft: Draft): number {
  let covered = 0;
  let reached = startOf(draft);
  for (const child of draft.children) {
    const from = Math.max(reached, startOf(child));
    const to = Math.min(endOf(draft), endOf(child));
    if (to <= from) continue;
    covered += to - from;
    reached = to;
  }
  return Math.max(0, draft.span.duration_ms - covered);
}

/**
 * What the end of the trace waited for, from its end backwards: the child that ended last, before it the one that had
 * ended when that one began, and between them the span itself. A child that still ran when the next began did not hold
 * that one up, so it is not on the path.
 */
function markCriticalPath(root: Draft): void {
  const stack: [draft: Draft, until: number][] = [[root, endOf(root)]];
  for (let here = stack.pop(); here !== undefined; here = stack.pop()) {
    const [draft, until] = here;
    let reached = Math.min(until, endOf(draft));
    const last = draft.children.toSorted((a, b) => endOf(b) - endOf(a));
    for (const child of last) {
      const end = Math.min(endOf(child), endOf(draft), until);
      if (end > reached + TOLERANCE_MS || startOf(child) >= reached || end <= startOf(draft)) continue;
      if (end < reached) draft.critical.unshift([end, reached]);
      stack.push([child, end]);
      reached = Math.max(startOf(draft), startOf(child));
    }
    if (reached > startOf(draft)) draft.critical.unshift([startOf(draft), reached]);
  }
}

/** The spans of a trace as a forest, whatever is wrong with their parents, ids and clocks. */
export function traceTree(spans: readonly TraceSpanItem[]): TraceTree {
  const drafts = draftsOf(spans);
  cutLooseEnds(drafts);
  const roots: Draft[] = [];
  for (const draft of drafts.values()) {
    const parent = draft.parent === null ? undefined : drafts.get(draft.parent);
    if (parent === undefined) roots.push(draft);
    else parent.children.push(draft);
  }
  for (const draft of drafts.values()) draft.children.sort(byStart);
  roots.sort(byStart);
  const order = inOrder(roots);
  sumUp(order, drafts);
  const main = roots.toSorted((left, right) => right.span.duration_ms - left.span.duration_ms)[0];
  if (main !== undefined) markCriticalPath(main);
  const nodes = order.map(
    (draft): TraceNode => ({
      ...draft,
      children: draft.children.map(({ key }) => key),
      selfMs: selfTime(draft),
    }),
  );
  return {
    nodes,
    byKey: new Map(nodes.map((node) => [node.key, node])),
    roots: roots.map(({ key }) => key),
    durationMs: Math.max(0, ...nodes.map(endOf)),
    services: [...new Set(nodes.map(({ span }) => span.service))],
  };
}

/** The nodes that are to be seen when those in `collapsed` hide what is below them. */
export function visibleNodes({ nodes }: TraceTree, collapsed: ReadonlySet<string>): readonly TraceNode[] {
  if (collapsed.size === 0) return nodes;
  const visible: TraceNode[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    if (node.depth > hiddenBelow) continue;
    hiddenBelow = collapsed.has(node.key) ? node.depth : Number.POSITIVE_INFINITY;
    visible.push(node);
  }
  return visible;
}

/** `collapsed` without what hides `key`. */
export function revealed(tree: TraceTree, collapsed: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(collapsed);
  for (let parent = tree.byKey.get(key)?.parent ?? null; parent !== null; ) {
    next.delete(parent);
    parent = tree.byKey.get(parent)?.parent ?? null;
  }
  return next;
}

/** The key of the next failed span behind `key`, going round; undefined: none failed. */
export function nextError({ nodes }: TraceTree, key: string | undefined): string | undefined {
  const from = nodes.findIndex((node) => node.key === key) + 1;
  const order = [...nodes.slice(from), ...nodes.slice(0, from)];
  return order.find(({ span }) => span.status === 'error')?.key;
}

/** What a key of the keyboard does in the waterfall, as in any tree; undefined: nothing. */
export function moveInTree(
  tree: TraceTree,
  visible: readonly TraceNode[],
  collapsed: ReadonlySet<string>,
  at: string,
  pressed: string,
): { readonly key: string; readonly collapsed: ReadonlySet<string> } | undefined {
  const index = visible.findIndex(({ key }) => key === at);
  const node = visible[index];
  if (node === undefined) return undefined;
  const to = (key: string | undefined | null, next = collapsed) =>
    key === undefined || key === null ? undefined : { key, collapsed: next };
  const isClosed = collapsed.has(at);
  switch (pressed) {
    case 'ArrowDown':
      return to(visible[index + 1]?.key);
    case 'ArrowUp':
      return to(visible[index - 1]?.key);
    case 'Home':
      return to(visible[0]?.key);
    case 'End':
      return to(visible.at(-1)?.key);
    case 'ArrowRight':
      if (node.children.length === 0) return undefined;
      return isClosed ? to(at, new Set([...collapsed].filter((key) => key !== at))) : to(node.children[0]);
    case 'ArrowLeft':
      if (node.children.length > 0 && !isClosed) return to(at, new Set([...collapsed, at]));
      return to(tree.byKey.get(at)?.parent);
    default:
      return undefined;
  }
}

/** Round places of an axis over `durationMs`, about `count` of them, 0 first. */
export function axisTicks(durationMs: number, count: number): number[] {
  if (!(durationMs > 0)) return [0];
  const rough = durationMs / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  return Array.from({ length: Math.floor(durationMs / step) + 1 }, (_, index) => index * step);
}

/** Text of an oddity, in the words of the page. */
export const ODDITY_TEXT: Readonly<Record<Oddity, string>> = {
  'parent-missing': 'Its parent is not here: of another tenant, never sent, or not yet arrived.',
  cycle: 'It is its own ancestor: the parents that were sent form a ring, which is cut here.',
  'starts-early': 'It begins before its parent: the clocks of the two differ.',
  'ends-late': 'It goes on after its parent has ended.',
};
