/** How much one route may be told, so that a storm of alerts is a bounded number of messages. Pure: the clock is given. */
import type { AlertChannel } from '../domain/alert.ts';
import { MINUTE_MS } from '../domain/window.ts';

interface Allowance {
  /** Messages at once after a quiet time. */
  readonly burst: number;
  readonly perMinute: number;
}

/**
 * For PagerDuty in events: it takes one alert at a time, and 120 events a minute and integration. Slack takes one
 * message a second and webhook. Alertmanager has to hear of every open alert each minute, many in one message.
 */
export const ALLOWANCES: Readonly<Record<AlertChannel, Allowance>> = {
  email: { burst: 10, perMinute: 10 },
  slack: { burst: 20, perMinute: 30 },
  webhook: { burst: 60, perMinute: 120 },
  alertmanager: { burst: 60, perMinute: 120 },
  pagerduty: { burst: 100, perMinute: 100 },
};

interface Bucket {
  readonly channel: AlertChannel;
  readonly left: number;
  /** Unix ms. */
  readonly at: number;
}

/** A token bucket for each route. One server's: several servers may together tell as many times as much. */
export class AlertBudget {
  readonly #buckets = new Map<string, Bucket>();

  /** Messages that may be told now by the routes that were told lately, by route id; all others have their burst. */
  left(now: number): Readonly<Record<string, number>> {
    const left: Record<string, number> = {};
    for (const [id, bucket] of this.#buckets) {
      const tokens = refilled(bucket, now);
      if (tokens >= ALLOWANCES[bucket.channel].burst) this.#buckets.delete(id);
      else left[id] = Math.floor(tokens);
    }
    return left;
  }

  /** May go below zero, as the rest of a storm is one message more: that is made up for before the next. */
  spend({ id, channel }: { readonly id: string; readonly channel: AlertChannel }, messages: number, now: number): void {
    const bucket = this.#buckets.get(id) ?? { channel, left: ALLOWANCES[channel].burst, at: now };
    this.#buckets.set(id, { channel, left: refilled(bucket, now) - messages, at: now });
  }
}

function refilled({ channel, left, at }: Bucket, now: number): number {
  const { burst, perMinute } = ALLOWANCES[channel];
  return Math.min(burst, left + (Math.max(0, now - at) / MINUTE_MS) * perMinute);
}
