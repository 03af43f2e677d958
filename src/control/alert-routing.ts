/** Which routes hear of an alert, with whom it is told together, and when. Pure. */
import { type Alert, type AlertMatch, type AlertRoute, type GroupField, severityRank } from '../domain/alert.ts';
import type { ZoneOffset } from '../domain/calendar-period.ts';
import { SECOND_MS } from '../domain/window.ts';
import { afterQuietHours } from './alert-quiet-hours.ts';

/** A trigger for one route. */
export interface PlannedNotice {
  readonly routeId: string;
  readonly groupKey: string;
  /** Unix ms. */
  readonly dueAt: number;
}

/** What is on its way, or went last, to one group of one route. Unix ms. */
export interface GroupState {
  /** When the triggers that wait will be told; null: none waits. */
  readonly waitingDueAt: number | null;
  readonly lastSentAt: number | null;
}

type Routed = Pick<Alert, 'tenantId' | 'plan' | 'kind' | 'severity'>;

/** Whether a route with this filter takes the alert. */
export function matches(match: AlertMatch, alert: Routed): boolean {
  const fits = (list: readonly string[], value: string | null) =>
    list.length === 0 || (value !== null && list.includes(value));
  return (
    fits(match.tenants, alert.tenantId) &&
    fits(match.plans, alert.plan) &&
    fits(match.kinds, alert.kind) &&
    severityRank(alert.severity) >= severityRank(match.minSeverity)
  );
}

/** Equal for alerts that a route tells together. JSON, as plans and tenants may hold any separator. */
export function groupKeyOf(groupBy: readonly GroupField[], alert: Routed): string {
  const values = { tenant: alert.tenantId, plan: alert.plan, kind: alert.kind, severity: alert.severity };
  return JSON.stringify([...new Set(groupBy)].sort().map((field) => [field, values[field]]));
}

/**
 * The triggers of a new alert: one for each route that takes it, and one for each route that it escalates to, which is
 * cancelled when somebody acknowledges before. A route is told once, at the earliest of its times; escalations in a
 * circle therefore end.
 * @param groupState of a route's group, by route id and group key
 * @param now Unix milliseconds
 */
export function planNotices(
  alert: Routed,
  routes: readonly AlertRoute[],
  {
    groupState,
    zone,
    now,
  }: {
    readonly groupState: (routeId: string, groupKey: string) => GroupState;
    readonly zone: (timeZone: string) => ZoneOffset;
    readonly now: number;
  },
): readonly PlannedNotice[] {
  const byId = new Map(routes.map((route) => [route.id, route]));
  const earliest = new Map<string, number>();
  const visit = (route: AlertRoute, at: number) => {
    const known = earliest.get(route.id);
    if (known !== undefined && known <= at) return;
    earliest.set(route.id, at);
    const next = route.escalation === null ? undefined : byId.get(route.escalation.routeId);
    if (route.escalation !== null && next !== undefined) visit(next, at + route.escalation.afterSeconds * SECOND_MS);
  };
  for (const route of routes) if (matches(route.match, alert)) visit(route, now);

  return [...earliest].flatMap(([routeId, at]) => {
    const route = byId.get(routeId);
    if (route === undefined) return [];
    const groupKey = groupKeyOf(route.groupBy, alert);
    const isEscalation = at > now;
    const grouped = isEscalation ? at : groupedAt(route, groupState(routeId, groupKey), now);
    const dueAt = heldBack(route, alert, grouped, zone);
    return [{ routeId, groupKey, dueAt }];
  });
}

/** Joins those that wait already; else waits for company, and for the interval since the group's last message. */
function groupedAt(route: AlertRoute, { waitingDueAt, lastSentAt }: GroupState, now: number): number {
  const after = lastSentAt === null ? now : lastSentAt + route.groupIntervalSeconds * SECOND_MS;
  const alone = Math.max(now + route.groupWaitSeconds * SECOND_MS, after);
  // One that waits for a repeat in hours is no company for something new.
  return waitingDueAt !== null && waitingDueAt >= now && waitingDueAt < alone ? waitingDueAt : alone;
}

function heldBack(route: AlertRoute, { severity }: Routed, at: number, zone: (name: string) => ZoneOffset): number {
  const { quietHours } = route;
  if (quietHours === null) return at;
  if (quietHours.exceptFrom !== null && severityRank(severity) >= severityRank(quietHours.exceptFrom)) return at;
  return afterQuietHours(quietHours, at, zone(quietHours.timeZone));
}

/** An Alertmanager forgets an alert that is not repeated within its resolve_timeout, 5 minutes by default. */
const ALERTMANAGER_REPEAT_SECONDS = 60;

/** When a route that was just told of a trigger is told again (Unix ms); null: never. */
export function repeatAt(
  route: AlertRoute,
  alert: Routed & Pick<Alert, 'endedAt' | 'ackedAt'>,
  { zone, now }: { readonly zone: (timeZone: string) => ZoneOffset; readonly now: number },
): number | null {
  if (alert.endedAt !== null) return null;
  // It has no acknowledgement, and shows a state: quiet hours are its own routing's business.
  if (route.channel === 'alertmanager') return now + ALERTMANAGER_REPEAT_SECONDS * SECOND_MS;
  if (alert.ackedAt !== null || route.repeatSeconds === null) return null;
  return heldBack(route, alert, now + route.repeatSeconds * SECOND_MS, zone);
}
