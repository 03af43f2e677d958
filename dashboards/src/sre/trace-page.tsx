import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { TraceDetail } from '../../../src/api/traces-contract.ts';
import { formatCount, formatDuration } from '../shared/format.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { tenantHref, tenantsHref, withQuery } from '../shared/router.ts';
import { ErrorState, Loading, Notice } from '../shared/states.tsx';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { CopyText } from './copy-text.tsx';
import { getTrace } from './trace-api.ts';
import { tracesHref } from './trace-filter.ts';
import { SpanPanel } from './trace-span-panel.tsx';
import { nextError, revealed, type TraceTree, traceTree } from './trace-tree.ts';
import { Waterfall } from './trace-waterfall.tsx';
import '../styles/trace.css';

/** What happened in one trace, as far as it is this tenant's. */
export function TracePage({ params, query }: PageProps) {
  const tenantId = params['tenant_id'] ?? '';
  const traceId = params['trace_id'] ?? '';
  const at = query.get('at');
  const validAt = at !== null && Number.isFinite(Date.parse(at)) ? at : undefined;
  const live = useLive(
    JSON.stringify([tenantId, traceId]),
    (signal) => getTrace(tenantId, traceId, validAt, signal),
    null,
  );
  const crumbs = (
    <nav aria-label="Where you are" class="crumbs">
      <Link href={tenantsHref(query)}>Tenants</Link>
      <Link href={tenantHref(tenantId, query)}>{tenantId}</Link>
      <Link href={tracesHref(tenantId, query, { order: 'slowest' })}>Traces</Link>
    </nav>
  );
  if (live.data !== undefined && !live.pending) return <TraceView trace={live.data} query={query} crumbs={crumbs} />;
  return (
    <>
      <header class="page-head">
        <div class="tenant-title">
          {crumbs}
          <h1 tabIndex={-1}>Trace</h1>
          <p class="tenant-facts">
            <CopyText text={traceId} label="the trace id" />
          </p>
        </div>
      </header>
      {live.error === undefined && <Loading />}
      {live.error?.status === 404 && (
        <Notice title="No such trace here" testId="trace-absent">
          <p>{live.error.message}</p>
          <p>
            Spans are kept for some days only, and a trace can take a few seconds to arrive. Was it just made? Then try
            again; else look among{' '}
            <Link href={tracesHref(tenantId, query, { order: 'newest' })}>the newest traces</Link>.
          </p>
          <p class="notice-actions">
            <button type="button" class="button primary" onClick={live.refresh}>
              Try again
            </button>
          </p>
        </Notice>
      )}
      {live.error !== undefined && live.error.status !== 404 && (
        <ErrorState error={live.error} onRetry={live.refresh} />
      )}
    </>
  );
}

function TraceView(props: { trace: TraceDetail; query: URLSearchParams; crumbs: ComponentChildren }) {
  const { trace, query } = props;
  const { zone } = usePreferences();
  const tree = useMemo(() => traceTree(trace.spans), [trace]);
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const asked = query.get('span') ?? undefined;
  const selected = asked !== undefined && tree.byKey.has(asked) ? asked : undefined;
  const node = selected === undefined ? undefined : tree.byKey.get(selected);
  const select = (key: string | undefined) => {
    const next = new URLSearchParams(query);
    if (key === undefined) next.delete('span');
    else next.set('span', key);
    if (key !== undefined) setCollapsed((before) => revealed(tree, before, key));
    navigate(withQuery(location.pathname, next), { replace: true });
  };
  const errors = tree.nodes.filter(({ span }) => span.status === 'error').length;
  const root = tree.byKey.get(tree.roots[0] ?? '');
  const clock = timeText(zone);
  return (
    <>
      <header class="page-head">
        <div class="tenant-title">
          {props.crumbs}
          <h1 tabIndex={-1}>{root?.span.name ?? 'Trace'}</h1>
          <p class="tenant-facts" data-testid="trace-facts">
            <strong>{formatDuration(trace.duration_ms)}</strong>
            <span class="muted">{clock.full(Date.parse(trace.started_at))}</span>
            <span class="muted">
              {formatCount(trace.total_spans)} {trace.total_spans === 1 ? 'span' : 'spans'} in{' '}
              {tree.services.length === 1 ? tree.services[0] : `${tree.services.length} services`}
            </span>
            {errors > 0 && <span class="badge anomaly">{formatCount(errors)} failed</span>}
            <CopyText text={trace.trace_id} label="the trace id" />
          </p>
        </div>
        <div class="page-actions action-pair">
          {errors > 0 && (
            <button type="button" class="button" onClick={() => select(nextError(tree, selected))}>
              Next error
            </button>
          )}
          <button
            type="button"
            class="button"
            onClick={() =>
              setCollapsed(
                collapsed.size > 0
                  ? new Set()
                  : new Set(
                      tree.nodes
                        .filter(({ children, depth }) => children.length > 0 && depth > 0)
                        .map(({ key }) => key),
                    ),
              )
            }
          >
            {collapsed.size > 0 ? 'Unfold all' : 'Fold all'}
          </button>
        </div>
      </header>
      <Honesty trace={trace} tree={tree} />
      <Legend tree={tree} />
      <div class={`trace-layout${node === undefined ? '' : ' with-panel'}`}>
        <Waterfall tree={tree} selected={selected} collapsed={collapsed} onSelect={select} onCollapse={setCollapsed} />
        {node !== undefined && (
          <SpanPanel
            key={node.key}
            node={node}
            tree={tree}
            trace={trace}
            zone={zone}
            onClose={() => select(undefined)}
            onSelect={select}
          />
        )}
      </div>
    </>
  );
}

/** What is not in the picture, in plain sight. */
function Honesty({ trace, tree }: { trace: TraceDetail; tree: TraceTree }) {
  const orphans = tree.nodes.filter(({ oddities }) => oddities.includes('parent-missing')).length;
  const rings = tree.nodes.filter(({ oddities }) => oddities.includes('cycle')).length;
  const early = tree.nodes.filter(({ oddities }) => oddities.includes('starts-early')).length;
  const count = (number: number, one: string, many: string) => `${formatCount(number)} ${number === 1 ? one : many}`;
  const said = [
    trace.cut && `The first ${formatCount(trace.spans.length)} of ${formatCount(trace.total_spans)} spans are shown.`,
    trace.other_spans !== null &&
      trace.other_spans > 0 &&
      `${count(trace.other_spans, 'span', 'spans')} of this trace ${trace.other_spans === 1 ? 'is' : 'are'} not of this tenant and not shown.`,
    orphans > 0 &&
      `${count(orphans, 'span names', 'spans name')} a parent that is not here; ${orphans === 1 ? 'it stands' : 'they stand'} at the top level.`,
    rings > 0 && `${count(rings, 'ring', 'rings')} of parents cut open.`,
    early > 0 && `${count(early, 'span begins', 'spans begin')} before the parent: clocks differ.`,
  ].filter((text) => text !== false);
  if (said.length === 0) return null;
  return (
    <ul class="honesty" data-testid="trace-honesty">
      {said.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}

function Legend({ tree }: { tree: TraceTree }) {
  return (
    <p class="trace-legend small">
      {tree.services.slice(0, 8).map((service, index) => (
        <span key={service}>
          <span class={`service-dot series-${(index % 8) + 1}`} /> {service}
        </span>
      ))}
      {tree.services.length > 8 && <span class="muted">and {tree.services.length - 8} more</span>}
      <span>
        <span class="critical-swatch" /> critical path: what the end waited for
      </span>
    </p>
  );
}
