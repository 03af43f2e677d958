import { natureOf } from '../detect/metric-kind.ts';
import type { MinuteFinding } from '../detect/tenant-minutes.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';

/** One series, and so at most one open finding of a rule. */
export function keyOf(tenantId: string, metric: string): string {
  return `${tenantId} ${metric}`;
}

/** Findings speak of counts per second, as everything of the detector's does; percentiles and shares are what they are. */
function perSecond(metric: string): number {
  return natureOf(metric).kind === 'count' ? SECOND_MS / MINUTE_MS : 1;
}

/** A finding about minutes as it is stored. Undefined for a tenant whose name no tenant may have. */
export function anomalyOf(
  { tenantId, metric, departure, reason }: MinuteFinding,
  id: string,
  rule: string,
): Anomaly | undefined {
  const tenant = parseTenantId(tenantId);
  if (tenant === undefined) return undefined;
  const { startedAt, detectedAt, endedAt, value, baseline, ratio } = departure;
  return {
    id,
    tenantId: tenant,
    metric,
    startedAt: startedAt * MINUTE_MS,
    detectedAt: detectedAt * MINUTE_MS,
    endedAt: endedAt === null ? null : endedAt * MINUTE_MS,
    value: value * perSecond(metric),
    baseline: baseline * perSecond(metric),
    ratio,
    rule,
    reason,
  };
}
