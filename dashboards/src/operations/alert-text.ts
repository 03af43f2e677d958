/** Alerts and their routes in words. */
import type { AlertItem, AlertRouteItem } from '../../../src/api/alert-contract.ts';
import { formatSpan, type TimeText } from '../shared/time-format.ts';

export const ALERT_TABS = [
  ['/alerts', 'Alerts'],
  ['/alert-routes', 'Routes'],
] as const;

const URGENCY = { critical: 0, warning: 1, info: 2 } as const;

/** What nobody has yet before what somebody has, the gravest first, then the newest. */
export function byUrgency(a: AlertItem, b: AlertItem): number {
  return (
    Number(a.acknowledged_at !== null) - Number(b.acknowledged_at !== null) ||
    URGENCY[a.severity] - URGENCY[b.severity] ||
    b.started_at.localeCompare(a.started_at)
  );
}

export const KIND_LABELS: Readonly<Record<AlertItem['kind'], string>> = {
  finding: 'Out of line',
  throttle: 'Throttled',
  spend_threshold: 'Spend cap',
  breaker_flapping: 'Flapping breaker',
  page: 'Detector stopped',
  data_health: 'Data health',
  self_check: 'Self-check',
};

export const CHANNEL_LABELS: Readonly<Record<AlertRouteItem['channel'], string>> = {
  slack: 'Slack',
  pagerduty: 'PagerDuty',
  alertmanager: 'Alertmanager',
  webhook: 'Webhook',
  email: 'E-mail',
};

/** What alerts about no tenant in particular say in the place of one. */
export const ALL_TENANTS = '(all)';

type Notice = AlertItem['notices'][number];

const EVENT_WORDS: Readonly<Record<Notice['event'], string>> = {
  trigger: '',
  acknowledge: ' of its acknowledgement',
  resolve: ' of its end',
};

export interface NoticeText {
  readonly tone: 'ok' | 'wait' | 'bad';
  readonly text: string;
}

/** One line on what became of telling one route of one thing. `now`: Unix ms. */
export function noticeText(notice: Notice, route: string, clock: TimeText, now: number): NoticeText {
  const { state, attempts, error } = notice;
  const of = EVENT_WORDS[notice.event];
  if (state === 'sent') {
    const at = notice.told_at === null ? '' : ` at ${clock.time(Date.parse(notice.told_at))}`;
    return { tone: 'ok', text: `${route} was told${of}${at}` };
  }
  if (state === 'cancelled') return { tone: 'wait', text: `${route} was not told${of}: it was over before` };
  const why = error === null ? '' : `: ${error}`;
  if (state === 'dead') {
    return { tone: 'bad', text: `${route} was not reached${of}, given up after ${times(attempts)}${why}` };
  }
  const due = Date.parse(notice.due_at);
  const when = due > now ? `in ${formatSpan(due - now)}` : 'now';
  if (attempts > 0)
    return { tone: 'bad', text: `${route} was not reached${of} in ${times(attempts)}${why}; next try ${when}` };
  return { tone: 'wait', text: `${route} will be told${of} ${when}` };
}

function times(count: number): string {
  return count === 1 ? '1 attempt' : `${count} attempts`;
}

/** Whether telling worked, over all notices of an alert, in two words. */
export function deliverySummary({ notices }: Pick<AlertItem, 'notices'>): NoticeText {
  const wanted = notices.filter(({ state }) => state !== 'cancelled');
  const failing = wanted.filter(({ state, attempts }) => state === 'dead' || (state === 'waiting' && attempts > 0));
  const sent = wanted.filter(({ state }) => state === 'sent').length;
  if (wanted.length === 0) return { tone: 'wait', text: 'nobody' };
  if (failing.length > 0) return { tone: 'bad', text: `${failing.length} of ${wanted.length} failed` };
  return { tone: sent === wanted.length ? 'ok' : 'wait', text: `${sent} of ${wanted.length}` };
}

const SEVERITY_WORDS = { info: 'every alert', warning: 'warnings and critical', critical: 'critical only' } as const;

/** "warnings and critical, spend cap, of plan enterprise" */
export function matchText({ match }: Pick<AlertRouteItem, 'match'>): string {
  const parts: string[] = [SEVERITY_WORDS[match.min_severity]];
  if (match.kinds.length > 0) parts.push(match.kinds.map((kind) => KIND_LABELS[kind].toLowerCase()).join(', '));
  if (match.plans.length > 0) parts.push(`of plan ${match.plans.join(', ')}`);
  if (match.tenants.length > 0) parts.push(`of ${match.tenants.join(', ')}`);
  return parts.join('; ');
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** How a route tells, beyond what it takes; one sentence each. */
export function routeTerms(route: AlertRouteItem, nameOf: (id: string) => string): string[] {
  const { group_by: fields, quiet_hours: quiet, escalation, repeat_seconds: repeat } = route;
  const together = fields.length === 0 ? 'All alerts in one message' : `Together by ${fields.join(', ')}`;
  const lines = [
    `${together}, after ${formatSpan(route.group_wait_seconds * 1000)}, at most every ${formatSpan(route.group_interval_seconds * 1000)}.`,
  ];
  if (repeat !== null) lines.push(`Again every ${formatSpan(repeat * 1000)} until somebody acknowledges.`);
  if (escalation !== null) {
    lines.push(
      `Also ${nameOf(escalation.route_id)} after ${formatSpan(escalation.after_seconds * 1000)} without an answer.`,
    );
  }
  if (quiet !== null) {
    const days = quiet.days.length === 7 ? 'every day' : quiet.days.map((day) => DAYS[day] ?? '').join(', ');
    const but = quiet.except_from === null ? '' : `, but for ${SEVERITY_WORDS[quiet.except_from].replace(' only', '')}`;
    lines.push(`Silent from ${quiet.from} to ${quiet.to} (${quiet.time_zone}), ${days}${but}.`);
  }
  return lines;
}
