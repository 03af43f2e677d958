import type { SendOutcome } from '../../control/alert-retry.ts';
import type { AlertTarget } from '../../domain/alert.ts';
import { alertmanagerMessage } from './alertmanager.ts';
import type { Delivery } from './delivery.ts';
import { type PagerDutyRegion, pagerDutyMessage } from './pagerduty.ts';
import { type Message, type PostOptions, safePost } from './safe-post.ts';
import { slackMessage } from './slack.ts';
import type { SendEmail } from './smtp.ts';
import { webhookMessage } from './webhook.ts';

export type Send = (target: AlertTarget, delivery: Delivery) => Promise<SendOutcome>;

/** What stands against a channel as such; null: nothing. */
export function channelProblem(channel: AlertTarget['channel'], hasMailServer: boolean): string | null {
  if (channel !== 'email' || hasMailServer) return null;
  return 'no mail server is set; set TENANTRY_SMTP_URL and TENANTRY_SMTP_FROM';
}

export interface SenderOptions extends PostOptions {
  /** Undefined without a mail server. */
  readonly email?: SendEmail | undefined;
  /** Takes the place of PagerDuty's own, for tests. */
  readonly pagerDutyEndpoint?: (region: PagerDutyRegion) => string;
}

export function sender(options: SenderOptions): Send {
  const { email } = options;
  return async (target, delivery) => {
    const problem = channelProblem(target.channel, email !== undefined);
    if (problem !== null) return { kind: 'retry', reason: 'setup', detail: problem };
    if (target.channel === 'email') return email?.(target.to, delivery) ?? { kind: 'sent' };
    const message = messageFor(target, delivery, options.pagerDutyEndpoint);
    return message === undefined ? { kind: 'sent' } : safePost(message, options);
  };
}

function messageFor(
  target: Exclude<AlertTarget, { channel: 'email' }>,
  delivery: Delivery,
  pagerDutyEndpoint: ((region: PagerDutyRegion) => string) | undefined,
): Message | undefined {
  switch (target.channel) {
    case 'slack':
      return slackMessage(target.url, delivery);
    case 'pagerduty': {
      const [alert] = delivery.alerts;
      return alert === undefined
        ? undefined
        : pagerDutyMessage(target, alert, delivery, pagerDutyEndpoint?.(target.region));
    }
    case 'alertmanager':
      return alertmanagerMessage(target, delivery);
    case 'webhook':
      return webhookMessage(target, delivery);
  }
}
