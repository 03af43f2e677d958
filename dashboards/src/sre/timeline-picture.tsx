import '../styles/timeline.css';
import { useMemo } from 'preact/hooks';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { ChooseLink } from './noisy-link.tsx';
import { useWidth } from './noisy-use-width.ts';
import type { Lane, TimelineEvent } from './timeline-events.ts';
import { AXIS_HEIGHT, BAR_HEIGHT, type PlacedEvent, type Timeline, timelineOf } from './timeline-geometry.ts';

const LANE_NAMES: Readonly<Record<Lane, string>> = {
  slow: 'Tenants slow',
  anomalies: 'Anomalies',
  throttles: 'Throttles',
  actions: 'Decisions, approvals, breakers',
  deploys: 'Deploys',
};

interface TimelineProps {
  events: readonly TimelineEvent[];
  window: RangeWindow;
  now: number;
  zone: Zone;
  /** The event that the address names. */
  chosen: string | undefined;
  /** Without an id: nothing chosen. */
  hrefOf: (id: string | undefined) => string;
  query: URLSearchParams;
}

/** Findings, actions and deploys on one axis; each opens below it. */
export function TimelinePicture(props: TimelineProps) {
  const { events, window: shown, now } = props;
  const { host, width } = useWidth();
  const timeline = useMemo(
    () => timelineOf(events, shown, Math.max(200, width), now),
    [events, shown.from, shown.to, width, now],
  );
  const chosen = events.find(({ id }) => id === props.chosen);
  return (
    <section class="card timeline" aria-label="Timeline" data-testid="timeline">
      <header class="section-head">
        <h2>Timeline</h2>
        <span class="muted small">
          {events.length === 0 ? 'Nothing happened in this window.' : 'Choose an event to read it.'}
        </span>
      </header>
      <div ref={host} class="timeline-host">
        {width > 0 && (
          <svg width={width} height={timeline.height} viewBox={`0 0 ${width} ${timeline.height}`}>
            <title>What happened when</title>
            <Axis timeline={timeline} width={width} zone={props.zone} />
            {timeline.lanes.map((lane) => (
              <g key={lane.lane} data-lane={lane.lane}>
                <text class="timeline-lane" x={0} y={lane.y + 12}>
                  {LANE_NAMES[lane.lane]}
                  <tspan class="timeline-count"> {lane.events.length === 0 ? 'none' : lane.events.length}</tspan>
                </text>
                {lane.events.map((placed) => (
                  <Placed key={placed.event.id} placed={placed} {...props} />
                ))}
              </g>
            ))}
          </svg>
        )}
      </div>
      {chosen !== undefined && <Chosen event={chosen} {...props} />}
    </section>
  );
}

function Axis({ timeline, width, zone }: { timeline: Timeline; width: number; zone: Zone }) {
  const clock = timeText(zone);
  const bottom = timeline.height - AXIS_HEIGHT;
  const isLong = (timeline.ticks.at(-1)?.at ?? 0) - (timeline.ticks[0]?.at ?? 0) > 86_400_000;
  return (
    <g>
      {timeline.lanes
        .find(({ lane }) => lane === 'deploys')
        ?.events.map(({ event, x }) => (
          <path key={event.id} class="timeline-deploy-line" d={`M${x + 5} 0V${bottom}`} />
        ))}
      {timeline.ticks.map(({ at, x }) => (
        <g key={at}>
          <path class="timeline-grid" d={`M${x} 0V${bottom}`} />
          <text
            class="timeline-tick"
            x={x}
            y={timeline.height - 6}
            text-anchor={x < 24 ? 'start' : x > width - 24 ? 'end' : 'middle'}
          >
            {isLong ? clock.dateMinute(at) : clock.minute(at)}
          </text>
        </g>
      ))}
    </g>
  );
}

function Placed({ placed, ...props }: TimelineProps & { placed: PlacedEvent }) {
  const { event, x, y, width } = placed;
  const isChosen = props.chosen === event.id;
  const label = `${event.title}, ${timeText(props.zone).dateMinute(event.from)}`;
  return (
    <ChooseLink
      href={props.hrefOf(isChosen ? undefined : event.id)}
      class={`timeline-event ${event.kind}${isChosen ? ' chosen' : ''}`}
      label={label}
    >
      <title>{label}</title>
      {event.to === null && !event.isOpen ? (
        <path d={`M${x + 5} ${y}L${x + 10} ${y + 6}L${x + 5} ${y + BAR_HEIGHT}L${x} ${y + 6}Z`} />
      ) : (
        <rect x={x} y={y} width={width} height={BAR_HEIGHT} rx={3} />
      )}
    </ChooseLink>
  );
}

function Chosen({ event, ...props }: TimelineProps & { event: TimelineEvent }) {
  const clock = timeText(props.zone);
  const until =
    event.to === null
      ? event.isOpen
        ? ', still going on'
        : ''
      : `, for ${formatSpan(event.to - event.from)}${event.isOpen ? ' if nobody ends it' : ''}`;
  return (
    <article class="timeline-chosen" data-testid="timeline-chosen" aria-live="polite">
      <header class="section-head">
        <h3>{event.title}</h3>
        <ChooseLink href={props.hrefOf(undefined)} class="button quiet small">
          Close
        </ChooseLink>
      </header>
      <p class="muted small">
        {clock.full(event.from)}
        {until}
      </p>
      <p>{event.text}</p>
      <p class="timeline-links small">
        {event.tenantId !== null && <Link href={tenantHref(event.tenantId, props.query)}>Open {event.tenantId}</Link>}
        {event.url !== null && (
          <a href={event.url} rel="noreferrer" target="_blank">
            Read more
          </a>
        )}
      </p>
    </article>
  );
}
