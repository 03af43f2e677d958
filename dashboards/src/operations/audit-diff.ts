/** What a change changed, line by line. Pure. */
export interface DiffLine {
  /** `limit.requests_per_second`; empty: the value itself. */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed' | 'same';
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Deeper or longer than people read; the rest of a value is shown as it is. */
const MOST_DEPTH = 6;

type Leaves = ReadonlyMap<string, string>;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}

function leavesOf(value: unknown): Leaves {
  const leaves = new Map<string, string>();
  const walk = (inner: unknown, path: string, depth: number) => {
    const entries = isRecord(inner) && depth < MOST_DEPTH ? Object.entries(inner) : [];
    if (entries.length === 0) leaves.set(path, textOf(inner));
    for (const [name, child] of entries) walk(child, path === '' ? name : `${path}.${name}`, depth + 1);
  };
  if (value !== null && value !== undefined) walk(value, '', 0);
  return leaves;
}

function kindOf(before: string | undefined, after: string | undefined): DiffLine['kind'] {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  return before === after ? 'same' : 'changed';
}

/** Every field that either side has, in the order of their first appearance; those that changed come first. */
export function diffLines(before: unknown, after: unknown): readonly DiffLine[] {
  const [left, right] = [leavesOf(before), leavesOf(after)];
  const paths = [...new Set([...left.keys(), ...right.keys()])];
  const lines = paths.map((path): DiffLine => {
    const [old, fresh] = [left.get(path), right.get(path)];
    return { path, kind: kindOf(old, fresh), before: old, after: fresh };
  });
  return [...lines.filter(({ kind }) => kind !== 'same'), ...lines.filter(({ kind }) => kind === 'same')];
}

/** `throttle.create` as people say it: `Throttle created`. Unknown verbs stay as they are. */
export function actionText(action: string): string {
  const [noun = '', verb = ''] = action.split('.');
  const words = noun.replaceAll(/[_-]/g, ' ');
  const said = PAST[verb] ?? verb.replaceAll(/[_-]/g, ' ');
  const text = `${words} ${said}`.trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const PAST: Readonly<Record<string, string>> = {
  ...{ create: 'created', delete: 'deleted', remove: 'removed', set: 'set', put: 'set', lift: 'lifted' },
  ...{ revoke: 'revoked', change: 'changed', import: 'imported', read: 'looked around', apply: 'applied' },
  ...{ acknowledge: 'acknowledged', close: 'closed', dismiss: 'dismissed', order: 'ordered', ask: 'asked for' },
  ...{ replay: 'replayed', drop: 'dropped', allocate: 'shared out', map: 'mapped', cancel: 'cancelled' },
  ...{ invite: 'invited', rotate: 'rotated', step: 'moved', update: 'updated', test: 'tested' },
};
