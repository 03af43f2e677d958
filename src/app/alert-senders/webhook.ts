import type { Delivery } from './delivery.ts';
import type { Message } from './safe-post.ts';
import { signedHeaders } from './webhook-signature.ts';

/** An event about alerts; the same id for every attempt. */
export function webhookMessage(
  { url, signingSecret }: { readonly url: string; readonly signingSecret: string },
  { idempotencyKey, event, alerts, linkOf, now }: Delivery,
): Message {
  const body = JSON.stringify({
    type: `alert.${event}`,
    timestamp: new Date(now).toISOString(),
    data: {
      alerts: alerts.map((alert) => ({
        id: alert.id,
        kind: alert.kind,
        severity: alert.severity,
        tenant_id: alert.tenantId,
        plan: alert.plan,
        title: alert.title,
        reason: alert.reason,
        started_at: new Date(alert.startedAt).toISOString(),
        ended_at: alert.endedAt === null ? null : new Date(alert.endedAt).toISOString(),
        acknowledged_by: alert.ackedBy,
        link: linkOf(alert),
      })),
    },
  });
  return { url, headers: signedHeaders(signingSecret, idempotencyKey, now, body), body };
}
