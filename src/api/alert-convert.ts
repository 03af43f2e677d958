/** Alerts, routes and mutes between wire and domain: names become snake_case, times RFC 3339. */
import type { z } from 'zod';
import type { Alert, AlertMute, AlertRoute, AlertRouteHealth, AlertTarget, NewAlertRoute } from '../domain/alert.ts';
import type { newAlertRouteSchema } from './alert-schemas.ts';
import type { AlertItem, AlertRouteItem, MuteItem } from './contract.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import type { AlertNoticeState } from './ports.ts';

type WireRoute = z.infer<typeof newAlertRouteSchema>;

export function alertToWire(alert: Alert & { readonly notices: readonly AlertNoticeState[] }): AlertItem {
  const { id, kind, severity, plan, title, reason, link, endedAt, ackedAt } = alert;
  const standing = ackedAt === null ? 'open' : 'acknowledged';
  return {
    ...{ id, kind, severity, plan, title, reason, link },
    tenant_id: alert.tenantId,
    status: endedAt === null ? standing : 'ended',
    started_at: rfc3339(alert.startedAt),
    ended_at: nullableTime(endedAt),
    acknowledged_at: nullableTime(ackedAt),
    acknowledged_by: alert.ackedBy,
    notices: alert.notices.map(({ routeId, event, state, attempts, dueAt, toldAt, error }) => ({
      ...{ route_id: routeId, event, state, attempts, error },
      due_at: rfc3339(dueAt),
      told_at: nullableTime(toldAt),
    })),
  };
}

export function routeToWire(route: AlertRoute & { readonly health: AlertRouteHealth }): AlertRouteItem {
  const { id, name, channel, match, escalation, quietHours, health } = route;
  return {
    ...{ id, name, channel },
    match: {
      tenants: [...match.tenants],
      plans: [...match.plans],
      kinds: [...match.kinds],
      min_severity: match.minSeverity,
    },
    group_by: [...route.groupBy],
    group_wait_seconds: route.groupWaitSeconds,
    group_interval_seconds: route.groupIntervalSeconds,
    repeat_seconds: route.repeatSeconds,
    escalation: escalation === null ? null : { after_seconds: escalation.afterSeconds, route_id: escalation.routeId },
    quiet_hours:
      quietHours === null
        ? null
        : {
            time_zone: quietHours.timeZone,
            from: clockText(quietHours.from),
            to: clockText(quietHours.to),
            days: [...quietHours.days],
            except_from: quietHours.exceptFrom,
          },
    created_by: route.createdBy,
    created_at: rfc3339(route.createdAt),
    health: {
      waiting: health.waiting,
      dead: health.dead,
      last_sent_at: nullableTime(health.lastSentAt),
      last_failed_at: nullableTime(health.lastFailedAt),
      last_error: health.lastError,
      problem: health.problem,
    },
  };
}

export function routeFromWire(wire: WireRoute): NewAlertRoute {
  const { name, target, match, escalation, quiet_hours: quiet } = wire;
  const { min_severity: minSeverity, ...lists } = match;
  return {
    name,
    target: targetFromWire(target),
    match: { ...lists, minSeverity },
    groupBy: wire.group_by,
    groupWaitSeconds: wire.group_wait_seconds,
    groupIntervalSeconds: wire.group_interval_seconds,
    repeatSeconds: wire.repeat_seconds,
    escalation: escalation === null ? null : { afterSeconds: escalation.after_seconds, routeId: escalation.route_id },
    quietHours:
      quiet === null
        ? null
        : {
            timeZone: quiet.time_zone,
            from: minutesOf(quiet.from),
            to: minutesOf(quiet.to),
            days: quiet.days,
            exceptFrom: quiet.except_from,
          },
  };
}

function targetFromWire(target: WireRoute['target']): AlertTarget {
  switch (target.channel) {
    case 'slack':
    case 'alertmanager':
      return target;
    case 'email':
      return { channel: target.channel, to: [...new Set(target.to)] };
    case 'pagerduty':
      return { channel: target.channel, routingKey: target.routing_key, region: target.region };
    case 'webhook':
      return { channel: target.channel, url: target.url, signingSecret: target.signing_secret };
  }
}

export function muteToWire(mute: AlertMute): MuteItem {
  const { id, kind, reason } = mute;
  return {
    ...{ id, kind, reason },
    tenant_id: mute.tenantId,
    created_by: mute.createdBy,
    created_at: rfc3339(mute.createdAt),
    expires_at: rfc3339(mute.expiresAt),
  };
}

function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}

function clockText(minutes: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
