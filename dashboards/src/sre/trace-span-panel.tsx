import type { ComponentChildren } from 'preact';
import type { TraceDetail } from '../../../src/api/traces-contract.ts';
import { formatCount, formatDuration } from '../shared/format.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { CopyText } from './copy-text.tsx';
import { ODDITY_TEXT, type TraceNode, type TraceTree } from './trace-tree.ts';
import '../styles/span-panel.css';

/** Everything that is known of one span. */
export function SpanPanel(props: {
  node: TraceNode;
  tree: TraceTree;
  trace: TraceDetail;
  zone: Zone;
  onClose: () => void;
  onSelect: (key: string) => void;
}) {
  const { node, tree, trace } = props;
  const { span } = node;
  const startedAt = Date.parse(trace.started_at) + span.offset_ms;
  const criticalMs = node.critical.reduce((sum, [from, to]) => sum + to - from, 0);
  const parent = node.parent === null ? undefined : tree.byKey.get(node.parent);
  const resource = span.resource === null ? undefined : trace.resources[span.resource];
  return (
    <aside class="span-panel card" aria-label="The chosen span" data-testid="span-panel">
      <header class="span-panel-head">
        <h2>{span.name}</h2>
        <button type="button" class="button quiet small" onClick={props.onClose}>
          Close
        </button>
      </header>
      {span.status === 'error' && (
        <p class="span-error">
          <strong>Failed.</strong> {span.status_message ?? 'The app did not say why.'}
        </p>
      )}
      {node.oddities.map((oddity) => (
        <p key={oddity} class="warn-text small">
          {ODDITY_TEXT[oddity]}
        </p>
      ))}
      <dl class="facts">
        <Fact name="Took">{formatDuration(span.duration_ms)}</Fact>
        <Fact name="Itself">
          {formatDuration(node.selfMs)} <span class="muted">in none of its children</span>
        </Fact>
        <Fact name="Critical path">
          {criticalMs === 0 ? (
            <span class="muted">not on it</span>
          ) : (
            `${formatDuration(criticalMs)} of ${formatDuration(tree.durationMs)}`
          )}
        </Fact>
        <Fact name="Started">
          {formatDuration(span.offset_ms)} in, at {timeText(props.zone).time(startedAt)}
        </Fact>
        <Fact name="Service">{span.service}</Fact>
        <Fact name="Kind">{span.kind.toLowerCase()}</Fact>
        {span.http_status !== null && <Fact name="HTTP status">{span.http_status}</Fact>}
        <Fact name="Span id">
          <CopyText text={span.span_id} label="the span id" />
        </Fact>
        {span.parent_span_id !== null && (
          <Fact name="Parent">
            {parent === undefined ? (
              <CopyText text={span.parent_span_id} label="the parent's id" />
            ) : (
              <button type="button" class="link-button" onClick={() => props.onSelect(parent.key)}>
                {parent.span.name}
              </button>
            )}
          </Fact>
        )}
      </dl>
      <Attributes title="Attributes" attributes={span.attributes} hidden={span.attributes_hidden} />
      {span.events.length > 0 && (
        <section aria-label="Events">
          <h3>Events</h3>
          {span.events.map((event, index) => (
            <div key={index} class="span-event">
              <p>
                <strong>{event.name}</strong>{' '}
                <span class="muted">{formatDuration(event.offset_ms)} after its start</span>
              </p>
              <AttributeList attributes={event.attributes} />
            </div>
          ))}
          {span.events_hidden > 0 && <p class="muted small">{formatCount(span.events_hidden)} more are not shown.</p>}
        </section>
      )}
      {resource !== undefined && (
        <details>
          <summary>Process that sent it</summary>
          <AttributeList attributes={resource} />
        </details>
      )}
    </aside>
  );
}

function Fact(props: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function Attributes(props: { title: string; attributes: Readonly<Record<string, string>>; hidden: number }) {
  const isEmpty = Object.keys(props.attributes).length === 0;
  return (
    <section aria-label={props.title}>
      <h3>{props.title}</h3>
      {isEmpty ? <p class="muted small">None.</p> : <AttributeList attributes={props.attributes} />}
      {props.hidden > 0 && <p class="muted small">{formatCount(props.hidden)} more are not shown.</p>}
    </section>
  );
}

function AttributeList({ attributes }: { attributes: Readonly<Record<string, string>> }) {
  return (
    <dl class="attributes">
      {Object.entries(attributes).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
