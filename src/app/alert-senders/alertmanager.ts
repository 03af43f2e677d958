import type { Alert } from '../../domain/alert.ts';
import { MINUTE_MS } from '../../domain/window.ts';
import type { Delivery } from './delivery.ts';
import type { Message } from './safe-post.ts';

/** It is told once a minute: should this server die, its alerts end by themselves after four missed ones. */
const LIFE_MS = 5 * MINUTE_MS;

/** Alerts for `POST /api/v2/alerts`. Labels are the identity: nothing that changes may be among them. */
export function alertmanagerMessage(
  { url, authorization }: { readonly url: string; readonly authorization: string | null },
  { event, alerts, linkOf, now }: Delivery,
): Message {
  const endOf = (alert: Alert) => (event === 'resolve' ? (alert.endedAt ?? now) : now + LIFE_MS);
  const body = alerts.map((alert) => ({
    labels: {
      alertname: `tenantry_${alert.kind}`,
      tenant_id: alert.tenantId,
      alert_key: alert.key,
      alert_id: alert.id,
      ...(alert.plan === null ? {} : { plan: alert.plan }),
    },
    annotations: { summary: alert.title, description: alert.reason, severity: alert.severity },
    startsAt: new Date(alert.startedAt).toISOString(),
    // An end before the start is refused.
    endsAt: new Date(Math.max(endOf(alert), alert.startedAt)).toISOString(),
    generatorURL: linkOf(alert),
  }));
  return {
    url: `${url.replace(/\/+$/, '')}/api/v2/alerts`,
    headers: authorization === null ? {} : { authorization },
    body: JSON.stringify(body),
  };
}
