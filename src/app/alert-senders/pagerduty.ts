import type { Alert } from '../../domain/alert.ts';
import type { Delivery } from './delivery.ts';
import type { Message } from './safe-post.ts';

/** Limit of the Events API for `payload.summary`. */
const MOST_SUMMARY = 1_024;
const ENDPOINTS = {
  us: 'https://events.pagerduty.com/v2/enqueue',
  eu: 'https://events.eu.pagerduty.com/v2/enqueue',
} as const;

export type PagerDutyRegion = keyof typeof ENDPOINTS;

/** An event of the Events API v2. The alert's id is its dedup key, so repeats and the end find the same incident. */
export function pagerDutyMessage(
  { routingKey, region }: { readonly routingKey: string; readonly region: PagerDutyRegion },
  alert: Alert,
  { event, linkOf }: Delivery,
  endpoint: string = ENDPOINTS[region],
): Message {
  const follow = { routing_key: routingKey, event_action: event, dedup_key: alert.id };
  const body =
    event === 'trigger'
      ? {
          ...follow,
          client: 'Tenantry',
          client_url: linkOf(alert),
          links: [{ href: linkOf(alert), text: 'What happened' }],
          payload: {
            summary: alert.title.slice(0, MOST_SUMMARY),
            source: alert.tenantId,
            severity: alert.severity,
            timestamp: new Date(alert.startedAt).toISOString(),
            component: alert.key,
            group: alert.plan ?? 'no plan',
            class: alert.kind,
            custom_details: { reason: alert.reason, tenant_id: alert.tenantId, plan: alert.plan, kind: alert.kind },
          },
        }
      : follow;
  return { url: endpoint, headers: {}, body: JSON.stringify(body) };
}
