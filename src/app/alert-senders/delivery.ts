import type { Alert, AlertEvent } from '../../domain/alert.ts';

/** One message to one route: alerts of one group to which the same has happened. */
export interface Delivery {
  /** The same for every attempt to tell the same. */
  readonly idempotencyKey: string;
  /** Keys of the messages that told of these alerts first; empty for news. */
  readonly answers: readonly string[];
  readonly event: AlertEvent;
  /** At least one. */
  readonly alerts: readonly Alert[];
  /** Whole address of the page that explains an alert. */
  readonly linkOf: (alert: Alert) => string;
  /** Unix ms. */
  readonly now: number;
}
