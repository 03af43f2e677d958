import { createHmac } from 'node:crypto';
import type { Delivery } from './delivery.ts';
import type { Message } from './safe-post.ts';

/** Secrets are written as the Standard Webhooks specification has them: base64 behind this prefix. */
const SECRET_PREFIX = 'whsec_';

/**
 * Signed as the Standard Webhooks specification says, for which there are verifiers in every language: HMAC-SHA-256
 * over `<id>.<timestamp>.<body>`. The id stays the same over retries; the timestamp is that of the attempt.
 */
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
  const timestamp = String(Math.floor(now / 1_000));
  const key = Buffer.from(signingSecret.slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${idempotencyKey}.${timestamp}.${body}`).digest('base64');
  return {
    url,
    headers: {
      'webhook-id': idempotencyKey,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
      'idempotency-key': idempotencyKey,
    },
    body,
  };
}
