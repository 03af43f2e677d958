import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { formatDuration, trimZeros } from '../shared/format.ts';
import { useMedia } from '../shared/use-media.ts';
import { useVirtualRows } from '../shared/use-virtual-rows.ts';
import { axisTicks, moveInTree, type TraceNode, type TraceTree, visibleNodes } from './trace-tree.ts';

export interface WaterfallProps {
  readonly tree: TraceTree;
  readonly selected: string | undefined;
  readonly collapsed: ReadonlySet<string>;
  readonly onSelect: (key: string) => void;
  readonly onCollapse: (collapsed: ReadonlySet<string>) => void;
}

const ROW_HEIGHT = 30;
/** On a phone the name stands above its bar. */
const TALL_ROW_HEIGHT = 46;
const MAX_INDENT = 14;

/** All spans of a trace over time; walked through with the arrow keys like any tree. */
export function Waterfall(props: WaterfallProps) {
  const { tree, selected, collapsed } = props;
  const isNarrow = useMedia('(max-width: 720px)');
  const rowHeight = isNarrow ? TALL_ROW_HEIGHT : ROW_HEIGHT;
  const visible = useMemo(() => visibleNodes(tree, collapsed), [tree, collapsed]);
  const body = useRef<HTMLDivElement>(null);
  const virtual = useVirtualRows(visible.length, rowHeight, body);
  const ticks = useMemo(() => axisTicks(tree.durationMs, isNarrow ? 3 : 6), [tree, isNarrow]);
  const active = selected !== undefined && visible.some(({ key }) => key === selected) ? selected : visible[0]?.key;
  /** What was gone to, by a key or by a link, and is not in view yet. */
  const goal = useRef<'focus' | 'show' | null>(selected === undefined ? null : 'show');

  const rowOf = (key: string) => body.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  useLayoutEffect(() => {
    if (goal.current === null || active === undefined) return;
    const row = rowOf(active);
    if (row) {
      if (goal.current === 'focus') row.focus();
      else row.scrollIntoView({ block: 'center' });
      goal.current = null;
    } else virtual.scrollTo(visible.findIndex(({ key }) => key === active));
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (active === undefined) return;
    const move = moveInTree(tree, visible, collapsed, active, event.key);
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      props.onSelect(active);
      return;
    }
    if (move === undefined) return;
    event.preventDefault();
    if (move.collapsed !== collapsed) props.onCollapse(move.collapsed);
    goal.current = 'focus';
    props.onSelect(move.key);
  };
  const toggle = (key: string) => {
    const next = new Set(collapsed);
    if (!next.delete(key)) next.add(key);
    props.onCollapse(next);
  };

  return (
    <div class="waterfall card" data-testid="waterfall">
      <div class="waterfall-axis" aria-hidden="true">
        <span class="waterfall-axis-lane">
          {ticks.map((at) => (
            <span key={at} style={{ left: `${share(at, tree)}%` }}>
              {trimZeros(formatDuration(at))}
            </span>
          ))}
        </span>
      </div>
      <div role="tree" aria-label="Spans of the trace" tabIndex={-1}>
        <div ref={body}>
          <div style={{ height: `${virtual.before}px` }} />
          {visible.slice(virtual.from, virtual.to).map((node, index) => (
            <Row
              key={node.key}
              node={node}
              tree={tree}
              index={virtual.from + index}
              count={visible.length}
              isActive={node.key === active}
              isSelected={node.key === selected}
              isClosed={collapsed.has(node.key)}
              onSelect={props.onSelect}
              onKeyDown={onKeyDown}
              onToggle={toggle}
            />
          ))}
          <div style={{ height: `${virtual.after}px` }} />
        </div>
      </div>
    </div>
  );
}

function share(ms: number, { durationMs }: TraceTree): number {
  return durationMs > 0 ? (ms / durationMs) * 100 : 0;
}

interface RowProps {
  readonly node: TraceNode;
  readonly tree: TraceTree;
  readonly index: number;
  readonly count: number;
  readonly isActive: boolean;
  readonly isSelected: boolean;
  readonly isClosed: boolean;
  readonly onSelect: (key: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onToggle: (key: string) => void;
}

function Row(props: RowProps) {
  const { node, tree, isClosed } = props;
  const { span } = node;
  const failed = span.status === 'error';
  const color = (tree.services.indexOf(span.service) % 8) + 1;
  const hasChildren = node.children.length > 0;
  return (
    <div
      role="treeitem"
      class={`waterfall-row${props.isSelected ? ' selected' : ''}${failed ? ' failed' : ''}`}
      data-key={node.key}
      tabIndex={props.isActive ? 0 : -1}
      aria-level={node.depth + 1}
      aria-posinset={props.index + 1}
      aria-setsize={props.count}
      aria-selected={props.isSelected}
      aria-expanded={hasChildren ? !isClosed : undefined}
      onClick={() => props.onSelect(node.key)}
      onKeyDown={props.onKeyDown}
    >
      <div class="waterfall-name" style={{ paddingLeft: `${Math.min(node.depth, MAX_INDENT) * 14 + 6}px` }}>
        {hasChildren ? (
          <button
            type="button"
            class="waterfall-caret"
            tabIndex={-1}
            aria-label={isClosed ? `Show the ${node.below} below` : `Hide the ${node.below} below`}
            onClick={(event) => {
              event.stopPropagation();
              props.onToggle(node.key);
            }}
          >
            {isClosed ? '▸' : '▾'}
          </button>
        ) : (
          <span class="waterfall-caret" />
        )}
        <span class={`service-dot series-${color}`} title={span.service} />
        <span class="waterfall-text" title={`${span.name}, ${span.service}`}>
          {span.name}
        </span>
        {isClosed && hasChildren && <span class="badge">+{node.below}</span>}
        {node.depth > MAX_INDENT && <span class="muted small">level {node.depth + 1}</span>}
        {(failed || (isClosed && node.errorBelow)) && (
          <span class="badge anomaly">{failed ? 'error' : 'error below'}</span>
        )}
        {node.oddities.some((oddity) => oddity !== 'ends-late') && (
          <span class="badge enforce" title="Something about its place is odd; open it to read what">
            ?
          </span>
        )}
      </div>
      <div class="waterfall-lane">
        <span
          class={`waterfall-bar${failed ? ' failed' : ` series-${color}`}`}
          style={{ left: `${share(span.offset_ms, tree)}%`, width: `${share(span.duration_ms, tree)}%` }}
        />
        {node.critical.map(([from, to]) => (
          <span
            key={from}
            class="waterfall-critical"
            style={{ left: `${share(from, tree)}%`, width: `${share(to - from, tree)}%` }}
          />
        ))}
      </div>
      <div class="waterfall-time">{formatDuration(span.duration_ms)}</div>
    </div>
  );
}
