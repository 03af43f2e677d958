/**
 * Reasons as a customer may read them. Those that staff and the detector write name rules, limits, other tenants and
 * whatever else was on somebody's mind: none of that text reaches a tenant.
 */
import type { Anomaly } from '../domain/anomaly.ts';
import type { DegradeOrder } from '../domain/degrade-order.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';

const PROTECTS = 'so that the service stays fast for everybody';

/** Why a tenant is held back, from how it came about. */
export function throttleReasonForTenant({ anomalyId }: Pick<ThrottleRecord, 'anomalyId'>): string {
  return anomalyId === null
    ? `The operator has limited your requests for a while, ${PROTECTS}.`
    : `You sent far more requests than usual, and they are limited for a while, ${PROTECTS}.`;
}

/** One decimal below 10, none above. */
function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : String(Math.round(ratio));
}

/** What was unusual about a tenant's own use, in its own figures. */
export function anomalyReasonForTenant({ metric, ratio }: Pick<Anomaly, 'metric' | 'ratio'>): string {
  return `Your ${metric.replaceAll('_', ' ')} were at ${times(ratio)} times their usual level.`;
}

export const ORDER_REASON_FOR_TENANT = 'The operator has set this for a while.';

/** Why a feature is taken from a tenant. */
export function degradationReasonForTenant({ automatic }: Pick<DegradeOrder, 'automatic'>): string {
  return automatic ? 'Your AI spend has reached a mark of its budget.' : ORDER_REASON_FOR_TENANT;
}
