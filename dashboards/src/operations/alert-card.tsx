import type { AlertItem } from '../../../src/api/alert-contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { formatSpan, type TimeText } from '../shared/time-format.ts';
import { acknowledgeAlert } from './alert-api.ts';
import { MuteButton } from './alert-mutes.tsx';
import { ALL_TENANTS, KIND_LABELS, noticeText } from './alert-text.ts';

export interface AlertContext {
  readonly clock: TimeText;
  readonly now: number;
  readonly query: URLSearchParams;
  /** May acknowledge and mute. */
  readonly mayAct: boolean;
  readonly routeName: (id: string) => string;
  readonly onChanged: () => void;
}

export function SeverityBadge(props: { severity: AlertItem['severity'] }) {
  return <span class={`badge severity-${props.severity}`}>{props.severity}</span>;
}

/** One alert with its whole story: what and why, since when, who has it, whom it was told to. */
export function AlertCard(props: AlertContext & { alert: AlertItem }) {
  const { alert, clock, now } = props;
  const from = Date.parse(alert.started_at);
  const to = alert.ended_at === null ? now : Date.parse(alert.ended_at);
  const isOver = alert.status === 'ended';
  return (
    <article class={`item card severity-edge-${alert.severity}`} data-testid="alert-card" data-alert={alert.id}>
      <div class="item-main">
        <p class="item-head">
          <SeverityBadge severity={alert.severity} />
          <Link class="item-title" href={alert.link} title="The figures around its beginning">
            {alert.title}
          </Link>
        </p>
        <p>{alert.reason}</p>
        <p class="muted small">
          {KIND_LABELS[alert.kind]} · {isOver ? 'from' : 'since'}{' '}
          <span title={clock.full(from)}>{clock.dateMinute(from)}</span>
          {isOver ? ` to ${clock.dateMinute(to)}` : ''}, {formatSpan(to - from)}
          {alert.tenant_id !== ALL_TENANTS && (
            <>
              {' · '}
              <Link href={tenantHref(alert.tenant_id, props.query)}>{alert.tenant_id}</Link>
              {alert.plan !== null && ` (${alert.plan})`}
            </>
          )}
        </p>
        <Story {...props} />
      </div>
      {!isOver && props.mayAct && (
        <div class="item-actions">
          {alert.tenant_id !== ALL_TENANTS && (
            <MuteButton tenantId={alert.tenant_id} kind={alert.kind} onDone={props.onChanged} />
          )}
          {alert.status === 'open' && <Acknowledge alert={alert} onDone={props.onChanged} />}
        </div>
      )}
    </article>
  );
}

function Story({ alert, clock, now, routeName }: AlertContext & { alert: AlertItem }) {
  const lines = alert.notices.map((notice) => noticeText(notice, routeName(notice.route_id), clock, now));
  return (
    <ul class="story small" aria-label="What became of it">
      {alert.acknowledged_at !== null && (
        <li class="tone-ok" data-testid="acknowledged">
          {alert.acknowledged_by ?? 'Somebody'} took it on at {clock.time(Date.parse(alert.acknowledged_at))}
        </li>
      )}
      {lines.length === 0 && <li class="tone-wait">No route takes it: nobody was told.</li>}
      {lines.map(({ tone, text }) => (
        <li key={text} class={`tone-${tone}`}>
          {text}
        </li>
      ))}
    </ul>
  );
}

function Acknowledge(props: { alert: AlertItem; onDone: () => void }) {
  return (
    <AskButton
      label="Acknowledge"
      about={props.alert.title}
      title="Take this alert on?"
      action="Acknowledge"
      class="button small primary"
      testId="acknowledge"
      onConfirm={() => acknowledgeAlert(props.alert.id)}
      onDone={props.onDone}
    >
      <p>{props.alert.title}</p>
      <p class="muted">Everybody sees that you have it. It is neither repeated nor escalated any more.</p>
    </AskButton>
  );
}
