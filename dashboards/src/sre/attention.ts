import type { AnomalyItem, ThrottleItem } from '../../../src/api/contract.ts';

/** One line of "what needs a look": a throttle in force, an open anomaly, or an anomaly together with its throttle. */
export interface AttentionItem {
  readonly key: string;
  readonly tenantId: string;
  readonly reason: string;
  readonly since: number;
  readonly throttle: ThrottleItem | null;
}

/** Throttles in force at `now`: the clock decides, even if the server's answer is a few seconds old. */
export function throttlesInForce(throttles: readonly ThrottleItem[], now: number): ThrottleItem[] {
  return throttles.filter((throttle) => throttle.status === 'active' && Date.parse(throttle.expires_at) > now);
}

/**
 * Open anomalies nobody holds back yet come first, then what is enforced, then what is only watched; newest first
 * within each. An anomaly whose throttle is in force is told once, as that throttle.
 */
export function attentionItems(
  throttles: readonly ThrottleItem[],
  anomalies: readonly AnomalyItem[],
  now: number,
): AttentionItem[] {
  const inForce = throttlesInForce(throttles, now);
  const told = new Set(inForce.map((throttle) => throttle.id));
  const held = inForce.map((throttle) => ({
    key: `throttle:${throttle.id}`,
    tenantId: throttle.tenant_id,
    reason: throttle.reason,
    since: Date.parse(throttle.created_at),
    throttle,
  }));
  const open = anomalies
    .filter((anomaly) => anomaly.ended_at === null && (anomaly.throttle_id === null || !told.has(anomaly.throttle_id)))
    .map((anomaly) => ({
      key: `anomaly:${anomaly.id}`,
      tenantId: anomaly.tenant_id,
      reason: anomaly.reason,
      since: Date.parse(anomaly.started_at),
      throttle: null,
    }));
  const rank = (item: AttentionItem) => (item.throttle === null ? 0 : item.throttle.mode === 'enforce' ? 1 : 2);
  return [...open, ...held].sort((a, b) => rank(a) - rank(b) || b.since - a.since);
}
