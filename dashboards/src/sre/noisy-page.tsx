import '../styles/noisy.css';
import { useMemo } from 'preact/hooks';
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { navigate } from '../shared/navigation.tsx';
import { isFor, OPERATOR_ROLES, type PageProps, PEOPLE_ROLES } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { withQuery } from '../shared/router.ts';
import { ErrorState, Loading, Notice, NotUpdating } from '../shared/states.tsx';
import { timeText, type Zone } from '../shared/time-format.ts';
import { type RangeWindow, rangeFromQuery, windowOf } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import { throttlesInForce } from './attention.ts';
import { type InForce, lookAtNeighbors, whatHappened, whatIsInForce } from './noisy-api.ts';
import { Approvals } from './noisy-approvals.tsx';
import { WhatHolds } from './noisy-in-force.tsx';
import { KillSwitch } from './noisy-kill-switch.tsx';
import { NoisyPicture, NoisyTable } from './noisy-picture.tsx';
import { Suspects } from './noisy-suspects.tsx';
import { headlineOf } from './noisy-text.ts';
import { eventsOf } from './timeline-events.ts';
import { TimelinePicture } from './timeline-picture.tsx';

const LOOK_MS = 10_000;
const IN_FORCE_MS = 3_000;
const DAY_MS = 86_400_000;

/** Blame is worked out minute by minute, for a day at most: of a longer range its last day. */
function blameWindow(window: RangeWindow): RangeWindow {
  return { from: Math.max(window.from, window.to - DAY_MS), to: window.to };
}

function useNoisy(query: URLSearchParams) {
  const range = rangeFromQuery(query);
  const service = query.get('service') ?? undefined;
  const isRolling = range.kind === 'last';
  const key = JSON.stringify([range, service]);
  const look = useLive(
    key,
    async (signal) => {
      const window = windowOf(range, serverNow());
      return { window, answer: await lookAtNeighbors({ window: blameWindow(window), service }, signal) };
    },
    isRolling ? LOOK_MS : null,
  );
  const inForce = useLive('in-force', whatIsInForce, IN_FORCE_MS);
  const history = useLive(
    JSON.stringify(range),
    (signal) => whatHappened(windowOf(range, serverNow()), signal),
    isRolling ? LOOK_MS : null,
  );
  return { range, look, inForce, history };
}

function hrefWith(query: URLSearchParams, name: string, value: string | undefined): string {
  const next = new URLSearchParams(query);
  if (value === undefined) next.delete(name);
  else next.set(name, value);
  return withQuery(location.pathname, next);
}

/** Who hurts whom, what has been done about it, and what can be. */
export function NoisyPage({ query, who }: PageProps) {
  const { zone } = usePreferences();
  const { range, look, inForce, history } = useNoisy(query);
  const refresh = () => {
    inForce.refresh();
    history.refresh();
  };
  const answer = look.data?.answer;
  const head = (
    <header class="page-head">
      <h1 tabIndex={-1}>Noisy neighbours</h1>
      <div class="page-actions">
        {answer !== undefined && <ServicePicker look={answer} query={query} />}
        <RangePicker range={range} query={query} zone={zone} drop={['event']} />
      </div>
    </header>
  );
  if (answer === undefined) {
    return (
      <>
        {head}
        {look.error === undefined ? <Loading /> : <ErrorState error={look.error} onRetry={look.refresh} />}
      </>
    );
  }
  const mayAct = isFor(who, OPERATOR_ROLES);
  return (
    <>
      {head}
      {look.error && look.answeredAt !== undefined && (
        <NotUpdating error={look.error} since={timeText(zone).time(look.answeredAt)} onRetry={look.refresh} />
      )}
      {inForce.error && (
        <p class="bad-text small" role="status">
          What is in force is {inForce.data === undefined ? 'not known' : 'not updating'}: {inForce.error.message}
        </p>
      )}
      {inForce.data && (
        <KillSwitch state={inForce.data.killSwitch} mayTurn={mayAct} zone={zone} onTurned={inForce.refresh} />
      )}
      {inForce.data && (
        <Approvals approvals={inForce.data.approvals} mayDecide={isFor(who, PEOPLE_ROLES)} onDecided={refresh} />
      )}
      <Verdict look={answer} inForce={inForce.data} query={query} zone={zone} pending={look.pending} />
      <Suspects
        look={answer}
        chosen={query.get('tenant') ?? undefined}
        throttles={inForce.data?.throttles ?? []}
        breakers={inForce.data?.breakers ?? []}
        mayAct={mayAct}
        zone={zone}
        query={query}
        onActed={refresh}
      />
      {inForce.data && <WhatHolds inForce={inForce.data} mayAct={mayAct} zone={zone} query={query} onActed={refresh} />}
      <History
        look={answer}
        window={look.data?.window}
        inForce={inForce.data}
        history={history}
        query={query}
        zone={zone}
      />
    </>
  );
}

function ServicePicker({ look, query }: { look: NeighborsAnswer; query: URLSearchParams }) {
  const asked = query.get('service');
  // One that was asked for and fell silent stays choosable, or the box would name another.
  const services = [...new Set([...look.services, ...(asked === null ? [] : [asked])])];
  if (services.length === 0) return null;
  return (
    <label class="service-picker">
      <span class="visually-hidden">Service</span>
      <select
        value={asked ?? ''}
        onChange={(event) => navigate(hrefWith(query, 'service', event.currentTarget.value || undefined))}
      >
        <option value="">
          {asked === null && look.service !== null ? `${look.service} (in most trouble)` : 'in most trouble'}
        </option>
        {services.map((service) => (
          <option key={service} value={service}>
            {service}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The stricter of a tenant's throttles is what counts. */
function heldOf(inForce: InForce | undefined, now: number): Map<string, 'enforce' | 'shadow'> {
  const held = new Map<string, 'enforce' | 'shadow'>();
  for (const { tenant_id: id, mode } of throttlesInForce(inForce?.throttles ?? [], now)) {
    if (held.get(id) !== 'enforce') held.set(id, mode);
  }
  return held;
}

function Verdict(props: {
  look: NeighborsAnswer;
  inForce: InForce | undefined;
  query: URLSearchParams;
  zone: Zone;
  pending: boolean;
}) {
  const { look, query } = props;
  const { title, tone, when } = headlineOf(look, Date.parse(look.to));
  const now = useNow(5_000);
  const held = useMemo(() => heldOf(props.inForce, now), [props.inForce, now]);
  if (look.service === null) {
    return (
      <Notice title={title} testId="noisy-silent">
        <p>Choose a longer time range. Missing data is not zero traffic: see whether telemetry arrives.</p>
      </Notice>
    );
  }
  const at = look.at ?? look.load?.at;
  return (
    <section
      class={`card verdict ${tone}${props.pending ? ' pending' : ''}`}
      aria-label="Who hurts whom"
      data-testid="verdict"
    >
      <header>
        <h2>{title}</h2>
        {when !== '' && <span class={`badge ${tone === 'calm' ? '' : 'anomaly'}`}>{when}</span>}
        {at !== undefined && (
          <span class="muted small">
            Minute of {timeText(props.zone).dateMinute(Date.parse(at))}; the line in a bar marks the usual.
          </span>
        )}
      </header>
      <p class="verdict-reason">{look.reason}</p>
      {look.load === null ? (
        <p class="muted">Nobody used the service in this window.</p>
      ) : (
        <NoisyPicture
          look={look}
          held={held}
          chosen={query.get('tenant') ?? undefined}
          hrefOf={(tenantId) => hrefWith(query, 'tenant', query.get('tenant') === tenantId ? undefined : tenantId)}
        />
      )}
      <NoisyTable look={look} query={query} />
    </section>
  );
}

function History(props: {
  look: NeighborsAnswer;
  window: RangeWindow | undefined;
  inForce: InForce | undefined;
  history: ReturnType<typeof useNoisy>['history'];
  query: URLSearchParams;
  zone: Zone;
}) {
  const { look, window: shown, inForce, history, query } = props;
  const now = shown?.to ?? 0;
  const events = useMemo(
    () =>
      shown === undefined
        ? []
        : eventsOf({ history: history.data, timeline: look.timeline, breakers: inForce?.breakers ?? [] }, shown, now),
    [shown, history.data, look.timeline, inForce?.breakers],
  );
  if (shown === undefined) return null;
  return (
    <>
      {history.error && (
        <p class="bad-text small" role="status">
          {history.data === undefined ? 'What happened is not known' : 'The timeline is not updating'}:{' '}
          {history.error.message}
        </p>
      )}
      <TimelinePicture
        events={events}
        window={shown}
        now={now}
        zone={props.zone}
        chosen={query.get('event') ?? undefined}
        hrefOf={(id) => hrefWith(query, 'event', id)}
        query={query}
      />
    </>
  );
}
