import type { Finding } from '../control/guard.ts';
import { usageMetric } from '../control/policy-metric.ts';
import { PLAN_CEILING_RULE } from '../detect/plan-ceiling.ts';
import type { ActivityTable } from '../detect/ports.ts';
import { RULE_VERSIONS } from '../detect/rule-sets.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { SECOND_MS } from '../domain/window.ts';

/** Rules beside the fast one whose findings the policy decides about; those of others only tell. */
const DRIVING_RULES: readonly string[] = [RULE_VERSIONS.tenantry, PLAN_CEILING_RULE];

const ROUTE = 'requests on ';

/** Open findings of the rules that judge whole minutes and plans, with what a fair limit is made from. */
export function drivingFindings(anomalies: readonly Anomaly[], table: ActivityTable): readonly Finding[] {
  return anomalies
    .filter(({ rule, endedAt }) => endedAt === null && DRIVING_RULES.includes(rule))
    .map((anomaly) => findingOf(anomaly, usualBefore(anomaly, table)));
}

/** A finding with what a fair limit is made from. @param usual requests a second before it began; null: not known */
export function findingOf(anomaly: Anomaly, usual: number | null): Finding {
  const { metric, rule, baseline } = anomaly;
  if (rule === PLAN_CEILING_RULE) {
    return { anomaly, usualRequestsPerSecond: baseline, ceilingRequestsPerSecond: baseline };
  }
  if (usageMetric(metric) !== 'requests') return { anomaly, usualRequestsPerSecond: usual };
  const scope = metric.startsWith(ROUTE) ? { scope: { route: metric.slice(ROUTE.length) } } : {};
  return { anomaly, usualRequestsPerSecond: baseline, ...scope };
}

/** Mean requests a second before the finding began, as far back as the table goes; null: not measured. */
function usualBefore(
  { tenantId, startedAt }: Anomaly,
  { tenants, intervalSeconds, end }: ActivityTable,
): number | null {
  const counts = tenants.get(tenantId)?.requests;
  if (counts === undefined) return null;
  const begun = counts.length - Math.ceil(Math.max(0, end - startedAt) / (intervalSeconds * SECOND_MS));
  const measured = counts.slice(0, Math.max(0, begun)).flatMap((count) => (count === null ? [] : [count]));
  if (measured.length === 0) return null;
  return measured.reduce((sum, count) => sum + count, 0) / measured.length / intervalSeconds;
}
