import { createHmac } from 'node:crypto';

/** Secrets are written as the Standard Webhooks specification has them: base64 behind this prefix. */
const SECRET_PREFIX = 'whsec_';

/**
 * Signed as the Standard Webhooks specification says, for which there are verifiers in every language: HMAC-SHA-256
 * over `<id>.<timestamp>.<body>`. The id stays the same over retries; the timestamp is that of the attempt.
 */
export function signedHeaders(
  signingSecret: string,
  id: string,
  now: number,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1_000));
  const key = Buffer.from(signingSecret.slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
    'idempotency-key': id,
  };
}
