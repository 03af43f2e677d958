/** What happened, as events on one axis: findings, what was done by whom, deploys. Pure. */
import type { BreakerItem, DecisionList } from '../../../src/api/contract.ts';
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import { formatDuration, formatShort } from '../shared/format.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import type { History } from './noisy-api.ts';

export const LANES = ['slow', 'anomalies', 'throttles', 'actions', 'deploys'] as const;
export type Lane = (typeof LANES)[number];

export interface TimelineEvent {
  /** Kind and id: what a link to it names. */
  readonly id: string;
  readonly lane: Lane;
  readonly kind:
    | 'slow'
    | 'anomaly'
    | 'enforce'
    | 'shadow'
    | 'decision'
    | 'held-back'
    | 'approval'
    | 'breaker'
    | 'deploy';
  /** Unix ms; `to` null: a moment. */
  readonly from: number;
  readonly to: number | null;
  /** It is not over yet. */
  readonly isOpen: boolean;
  readonly title: string;
  readonly text: string;
  readonly tenantId: string | null;
  /** Where people read more, outside. */
  readonly url: string | null;
}

type Decision = DecisionList['items'][number];

const MINUTE_MS = 60_000;
const DECISION_TITLES: Readonly<Record<Decision['kind'], string>> = {
  throttle: 'Automation throttled',
  alert: 'Automation only alerted',
  lift: 'Automation lifted a throttle',
  ask: 'Automation asked a person',
};

function isWithin({ from, to, isOpen }: TimelineEvent, window: RangeWindow): boolean {
  return from < window.to && (isOpen || (to ?? from) >= window.from);
}

/** Minutes in a row with the same verdict are one event. */
function slowEvents(timeline: NeighborsAnswer['timeline']): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  for (const { at, verdict, suspect, victims } of timeline) {
    const from = Date.parse(at);
    const last = events.at(-1);
    const title =
      verdict === 'culprit' && suspect !== null
        ? `${suspect} slowed others`
        : verdict === 'unclear'
          ? 'Tenants were slow'
          : 'Slow for everybody';
    if (last !== undefined && last.title === title && last.to === from) {
      events[events.length - 1] = { ...last, to: from + MINUTE_MS };
      continue;
    }
    const whom = victims === 1 ? '1 tenant was slow' : `${victims} tenants were slow`;
    events.push({
      ...{ id: `slow-${from}`, lane: 'slow', kind: 'slow', from, to: from + MINUTE_MS, isOpen: false, title },
      ...{ text: `${whom} when it began.`, tenantId: verdict === 'culprit' ? suspect : null, url: null },
    });
  }
  return events;
}

function anomalyEvents({ anomalies }: History): TimelineEvent[] {
  return anomalies.map((one) => ({
    ...{ id: `anomaly-${one.id}`, lane: 'anomalies', kind: 'anomaly', from: Date.parse(one.started_at) },
    to: one.ended_at === null ? null : Date.parse(one.ended_at),
    ...{ isOpen: one.ended_at === null, title: `${one.tenant_id}: ${one.metric}`, text: one.reason },
    ...{ tenantId: one.tenant_id, url: null },
  }));
}

function throttleEvents({ throttles }: History, now: number): TimelineEvent[] {
  return throttles.map((one) => {
    const to = Date.parse(one.ended_at ?? one.expires_at);
    const what = one.mode === 'enforce' ? 'throttled' : 'shadow throttle';
    const limit = `${formatShort(one.limit.requests_per_second)} requests/s`;
    const obeyed = one.acks.length === 1 ? '1 instance' : `${one.acks.length} instances`;
    return {
      ...{ id: `throttle-${one.id}`, lane: 'throttles', kind: one.mode, from: Date.parse(one.created_at), to },
      ...{ isOpen: to > now, title: `${one.tenant_id}: ${what}`, tenantId: one.tenant_id, url: null },
      text: `${one.reason} Limit ${limit}, by ${one.created_by}, obeyed by ${obeyed}${one.status === 'lifted' ? ', lifted before its time' : ''}.`,
    };
  });
}

/** What came of it, from the P95 of whoever suffers most. */
function effectText({ effect }: Decision): string {
  const { victims_p95_before_ms: before, victims_p95_after_ms: after } = effect;
  if (before === null || after === null) return '';
  return ` P95 of the tenant that suffered most: ${formatDuration(before)} before, ${formatDuration(after)} since.`;
}

function decisionEvents({ decisions }: History): TimelineEvent[] {
  return decisions.map((one) => ({
    ...{ id: `decision-${one.id}`, lane: 'actions', kind: one.kind === 'alert' ? 'held-back' : 'decision' },
    ...{ from: Date.parse(one.at), to: null, isOpen: false, tenantId: one.tenant_id, url: null },
    title: `${DECISION_TITLES[one.kind]}: ${one.tenant_id}`,
    text: `${one.explanation}${one.held_back_by.length === 0 ? '' : ` Held back by: ${one.held_back_by.join(', ')}.`}${effectText(one)}`,
  }));
}

function approvalEvents({ approvals }: History): TimelineEvent[] {
  return approvals.map((one) => ({
    ...{
      id: `approval-${one.id}`,
      lane: 'actions',
      kind: 'approval',
      from: Date.parse(one.decided_at ?? one.asked_at),
    },
    ...{ to: null, isOpen: false, tenantId: one.tenant_id, url: null },
    title: `Approval ${one.state}${one.tenant_id === null ? '' : `: ${one.tenant_id}`}`,
    text: `${one.explanation} Asked by ${one.asked_by}${one.decided_by === null ? '' : `, ${one.state} by ${one.decided_by}`}.`,
  }));
}

function breakerEvents(breakers: readonly BreakerItem[]): TimelineEvent[] {
  return breakers.flatMap(({ order }) =>
    order === null
      ? []
      : [
          {
            ...({
              id: `breaker-${order.id}`,
              lane: 'actions',
              kind: 'breaker',
              from: Date.parse(order.created_at),
            } as const),
            ...{ to: Date.parse(order.expires_at), isOpen: true, tenantId: order.tenant_id, url: null },
            title: `${order.tenant_id}: breaker of ${order.integration} ${order.state}`,
            text: `${order.reason} By ${order.created_by}.`,
          },
        ],
  );
}

function deployEvents({ deploys }: History): TimelineEvent[] {
  return deploys.map((one) => ({
    ...{ id: `deploy-${one.id}`, lane: 'deploys', kind: 'deploy', from: Date.parse(one.at), to: null, isOpen: false },
    ...{ title: `${one.service} ${one.version}`, tenantId: null, url: one.url },
    text: `${one.note ?? 'Went out.'} Marked by ${one.created_by}.`,
  }));
}

/** Everything that overlaps the window, oldest first. */
export function eventsOf(
  told: {
    readonly history: History | undefined;
    readonly timeline: NeighborsAnswer['timeline'];
    readonly breakers: readonly BreakerItem[];
  },
  window: RangeWindow,
  now: number,
): TimelineEvent[] {
  const { history, timeline, breakers } = told;
  const past =
    history === undefined
      ? []
      : [
          ...anomalyEvents(history),
          ...throttleEvents(history, now),
          ...decisionEvents(history),
          ...approvalEvents(history),
          ...deployEvents(history),
        ];
  return [...slowEvents(timeline), ...past, ...breakerEvents(breakers)]
    .filter((event) => isWithin(event, window))
    .sort((a, b) => a.from - b.from || a.id.localeCompare(b.id));
}
