import type { BacktestLabel, BacktestResult, WouldThrottle } from '../domain/backtest.ts';
import { SECOND_MS } from '../domain/window.ts';

/** A throttle that comes this late after its cause is still about it. */
const LATE_MS = 120 * SECOND_MS;
const DAY_MINUTES = 1_440;

export interface ThrottleScore extends Pick<BacktestResult, 'precision' | 'recall' | 'falsePerThousandTenantDays'> {
  readonly throttles: readonly WouldThrottle[];
}

/**
 * How throttles agree with what is known to have been right to act on: one is right while a label of its tenant holds.
 * Without labels nothing can be said. @param labels unix seconds
 */
export function scoreThrottles(
  throttles: readonly WouldThrottle[],
  labels: readonly BacktestLabel[] | null,
  tenantMinutes: number,
): ThrottleScore {
  if (labels === null) return { throttles, precision: null, recall: null, falsePerThousandTenantDays: null };
  const belongs = ({ tenantId, at }: WouldThrottle, label: BacktestLabel) =>
    label.tenant_id === tenantId && at >= label.started_at * SECOND_MS && at <= label.ended_at * SECOND_MS + LATE_MS;
  const judged = throttles.map((one) => ({ ...one, right: labels.some((label) => belongs(one, label)) }));
  const right = judged.filter((one) => one.right).length;
  const hit = labels.filter((label) => throttles.some((one) => belongs(one, label))).length;
  const tenantDays = tenantMinutes / DAY_MINUTES;
  return {
    throttles: judged,
    precision: judged.length === 0 ? null : right / judged.length,
    recall: labels.length === 0 ? null : hit / labels.length,
    falsePerThousandTenantDays: tenantDays === 0 ? null : ((judged.length - right) / tenantDays) * 1_000,
  };
}
