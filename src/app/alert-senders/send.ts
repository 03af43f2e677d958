import type { SendOutcome } from '../../control/alert-retry.ts';
import type { AlertTarget } from '../../domain/alert.ts';
import { alertmanagerMessage } from './alertmanager.ts';
import type { Delivery } from './delivery.ts';
import { type PagerDutyRegion, pagerDutyMessage } from './pagerduty.ts';
import { type Message, type PostOptions, safePost } from './safe-post.ts';
import { slackMessage } from './slack.ts';
import { webhookMessage } from './webhook.ts';

export type Send = (target: AlertTarget, delivery: Delivery) => Promise<SendOutcome>;

/** @param pagerDutyEndpoint takes the place of PagerDuty's own, for tests */
export function sender(
  options: PostOptions & { readonly pagerDutyEndpoint?: (region: PagerDutyRegion) => string },
): Send {
  return (target, delivery) => {
    const message = messageFor(target, delivery, options.pagerDutyEndpoint);
    return message === undefined ? Promise.resolve({ kind: 'sent' }) : safePost(message, options);
  };
}

/** Whether the channel takes one alert at a time. */
export function takesOneByOne(channel: AlertTarget['channel']): boolean {
  return channel === 'pagerduty';
}

function messageFor(
  target: AlertTarget,
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
