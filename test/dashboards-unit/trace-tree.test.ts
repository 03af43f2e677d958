import { describe, expect, it } from 'vitest';
import {
  axisTicks,
  moveInTree,
  nextError,
  revealed,
  traceTree,
  visibleNodes,
} from '../../dashboards/src/sre/trace-tree.ts';
import { spanItem } from '../support/dashboards-trace-data.ts';

const shapeOf = (spans: Parameters<typeof traceTree>[0]) =>
  traceTree(spans).nodes.map(({ key, depth, oddities }) => [depth, key, ...oddities].join(' '));

/** A request with a query, and a call that has one below it. */
const SPANS = [
  spanItem('root', null, [0, 100]),
  spanItem('call', 'root', [40, 90]),
  spanItem('query', 'root', [10, 30]),
  spanItem('deep', 'call', [50, 80], { status: 'error' }),
];

describe('a trace as a tree', () => {
  it('has each span below its parent, earliest first, whatever the order they came in', () => {
    const expected = ['0 root', '1 query', '1 call', '2 deep'];
    expect(shapeOf(SPANS)).toEqual(expected);
    expect(shapeOf(SPANS.toReversed())).toEqual(expected);
  });

  it('says what each did itself, and what the end waited for', () => {
    const tree = traceTree(SPANS);
    expect(tree.durationMs).toBe(100);
    expect(tree.nodes.map(({ key, selfMs }) => [key, selfMs])).toEqual([
      ['root', 30],
      ['query', 20],
      ['call', 20],
      ['deep', 30],
    ]);
    expect(tree.byKey.get('root')?.critical).toEqual([
      [0, 10],
      [30, 40],
      [90, 100],
    ]);
    expect(tree.byKey.get('call')?.critical).toEqual([
      [40, 50],
      [80, 90],
    ]);
    const all = tree.nodes.flatMap(({ critical }) => critical.map(([from, to]) => to - from));
    expect(all.reduce((sum, length) => sum + length, 0)).toBe(100);
  });

  it('leaves a call off the critical path that nothing waited for', () => {
    const tree = traceTree([
      spanItem('root', null, [0, 100]),
      spanItem('slow', 'root', [5, 95]),
      spanItem('beside', 'root', [10, 60]),
    ]);
    expect(tree.byKey.get('beside')?.critical).toEqual([]);
    expect(tree.byKey.get('slow')?.critical).toEqual([[5, 95]]);
  });

  it('does not count children that overlap twice', () => {
    const tree = traceTree([
      spanItem('root', null, [0, 100]),
      spanItem('a', 'root', [10, 60]),
      spanItem('b', 'root', [20, 50]),
      spanItem('c', 'root', [40, 200]),
    ]);
    expect(tree.byKey.get('root')?.selfMs).toBe(10);
  });

  it('knows of errors below', () => {
    const tree = traceTree(SPANS);
    expect(tree.byKey.get('root')).toMatchObject({ below: 3, errorBelow: true });
    expect(tree.byKey.get('query')).toMatchObject({ below: 0, errorBelow: false });
    expect(nextError(tree, undefined)).toBe('deep');
    expect(nextError(tree, 'deep')).toBe('deep');
    expect(nextError(traceTree([spanItem('root', null, [0, 1])]), 'root')).toBeUndefined();
  });
});

describe('a trace with something wrong in it', () => {
  it('keeps spans whose parent is not there, and says so', () => {
    expect(shapeOf([spanItem('a', 'gone', [5, 9]), spanItem('b', 'a', [6, 8])])).toEqual(['0 a parent-missing', '1 b']);
  });

  it('cuts rings of parents at their earliest span', () => {
    expect(
      shapeOf([
        spanItem('b', 'a', [5, 9]),
        spanItem('a', 'c', [2, 10]),
        spanItem('c', 'b', [6, 8]),
        spanItem('x', 'c', [7, 8]),
      ]),
    ).toEqual(['0 a cycle', '1 b', '2 c', '3 x']);
    expect(shapeOf([spanItem('self', 'self', [0, 1])])).toEqual(['0 self cycle']);
    expect(
      shapeOf([
        spanItem('a', 'b', [0, 1]),
        spanItem('b', 'a', [0, 1]),
        spanItem('c', 'd', [0, 1]),
        spanItem('d', 'c', [0, 1]),
      ]),
    ).toEqual(['0 a cycle', '1 b', '0 c cycle', '1 d']);
  });

  it('shows spans that were sent twice twice, once each with the children', () => {
    expect(shapeOf([spanItem('a', null, [0, 9]), spanItem('a', null, [0, 9]), spanItem('b', 'a', [1, 2])])).toEqual([
      '0 a',
      '1 b',
      '0 a~2',
    ]);
  });

  it('says where clocks differ and where a child outlives its parent', () => {
    expect(
      shapeOf([spanItem('a', null, [10, 20]), spanItem('early', 'a', [4, 8]), spanItem('late', 'a', [15, 40])]),
    ).toEqual(['0 a', '1 early starts-early', '1 late ends-late']);
  });

  it('stays finite with spans that take no time, and with none', () => {
    const tree = traceTree([spanItem('a', null, [0, 0]), spanItem('b', 'a', [0, 0])]);
    expect(tree.nodes.map(({ selfMs }) => selfMs)).toEqual([0, 0]);
    expect(traceTree([])).toMatchObject({ nodes: [], roots: [], durationMs: 0 });
  });

  it('takes a chain of 2,000, and 2,000 beside each other', () => {
    const chain = Array.from({ length: 2_000 }, (_, index) =>
      spanItem(`s${index}`, index === 0 ? null : `s${index - 1}`, [index, 4_000 - index]),
    );
    const deep = traceTree(chain);
    expect(deep.nodes.at(-1)?.depth).toBe(1_999);
    expect(deep.nodes[0]?.below).toBe(1_999);
    const wide = traceTree([
      spanItem('root', null, [0, 2_000]),
      ...Array.from({ length: 1_999 }, (_, index) => spanItem(`c${index}`, 'root', [index, index + 1])),
    ]);
    expect(wide.nodes[0]?.children.length).toBe(1_999);
    expect(wide.nodes[0]?.selfMs).toBe(1);
  });

  it('takes names that mean something to JavaScript', () => {
    expect(shapeOf([spanItem('__proto__', null, [0, 2]), spanItem('constructor', '__proto__', [0, 1])])).toEqual([
      '0 __proto__',
      '1 constructor',
    ]);
  });
});

describe('folding', () => {
  const tree = traceTree(SPANS);
  const keys = (collapsed: string[]) => visibleNodes(tree, new Set(collapsed)).map(({ key }) => key);

  it('hides what is below, and nothing else', () => {
    expect(keys([])).toEqual(['root', 'query', 'call', 'deep']);
    expect(keys(['call'])).toEqual(['root', 'query', 'call']);
    expect(keys(['root', 'call'])).toEqual(['root']);
    expect(keys(['query'])).toEqual(['root', 'query', 'call', 'deep']);
  });

  it('is undone for what is to be shown', () => {
    expect([...revealed(tree, new Set(['root', 'call', 'query']), 'deep')]).toEqual(['query']);
  });

  it.each([
    ['root', 'ArrowDown', [], 'query', []],
    ['query', 'ArrowUp', [], 'root', []],
    ['call', 'ArrowRight', [], 'deep', []],
    ['call', 'ArrowRight', ['call'], 'call', []],
    ['call', 'ArrowLeft', [], 'call', ['call']],
    ['call', 'ArrowLeft', ['call'], 'root', ['call']],
    ['deep', 'ArrowLeft', [], 'call', []],
    ['query', 'End', [], 'deep', []],
    ['deep', 'Home', [], 'root', []],
  ] as const)('at %s, %s with %j folded leads to %s with %j folded', (at, pressed, before, key, after) => {
    const collapsed = new Set<string>(before);
    const move = moveInTree(tree, visibleNodes(tree, collapsed), collapsed, at, pressed);
    expect([move?.key, [...(move?.collapsed ?? [])]]).toEqual([key, [...after]]);
  });

  it('does nothing at the edges and for other keys', () => {
    const move = (at: string, pressed: string) => moveInTree(tree, tree.nodes, new Set(), at, pressed);
    expect([move('root', 'ArrowUp'), move('deep', 'ArrowDown'), move('deep', 'ArrowRight'), move('root', 'a')]).toEqual(
      [undefined, undefined, undefined, undefined],
    );
  });
});

describe('the axis', () => {
  it.each([
    [1_000, 5, [0, 200, 400, 600, 800, 1_000]],
    [7, 4, [0, 2, 4, 6]],
    [0, 5, [0]],
    [0.3, 3, [0, 0.1, 0.2]],
  ])('of %d ms in about %d', (durationMs, count, expected) => {
    const ticks = axisTicks(durationMs, count);
    expect(ticks.slice(0, expected.length).map((tick) => Math.round(tick * 1e6) / 1e6)).toEqual(expected);
    expect(ticks.length).toBeLessThanOrEqual(count + 2);
  });
});
