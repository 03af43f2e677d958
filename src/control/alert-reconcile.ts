import { type Alert, type AlertCondition, severityRank } from '../domain/alert.ts';
import { SECOND_MS } from '../domain/window.ts';

/** A condition that goes and comes back within this is the same alert: a throttle is renewed only after it expired. */
const HOLD_MS = 30 * SECOND_MS;

export interface Reconciliation {
  readonly raise: readonly AlertCondition[];
  readonly resolve: readonly Alert[];
  /** Since when open alerts have had no condition (Unix ms, by alert id); give it to the next call. */
  readonly missingSince: ReadonlyMap<string, number>;
}

export function conditionName({ tenantId, kind, key }: Pick<AlertCondition, 'tenantId' | 'kind' | 'key'>): string {
  return JSON.stringify([tenantId, kind, key]);
}

/**
 * What has to change so that the open alerts say what is so. Level-triggered: whatever a crash or a missed run left
 * behind is put right by the next one. A condition that grew graver is raised again, over its open alert.
 * @param conditions of the kinds in `known`; alerts of other kinds are left as they are, as nothing is known of them
 */
export function reconcile(
  open: readonly Alert[],
  conditions: readonly AlertCondition[],
  {
    known,
    missingSince,
    now,
  }: {
    readonly known: ReadonlySet<string>;
    readonly missingSince: ReadonlyMap<string, number>;
    readonly now: number;
  },
): Reconciliation {
  const alertOf = new Map(open.map((alert) => [conditionName(alert), alert]));
  const holding = new Map(conditions.map((condition) => [conditionName(condition), condition]));
  const raise = [...holding].flatMap(([name, condition]) => {
    const alert = alertOf.get(name);
    const isNews = alert === undefined || severityRank(condition.severity) > severityRank(alert.severity);
    return isNews ? [condition] : [];
  });
  const stillMissing = new Map<string, number>();
  const resolve: Alert[] = [];
  for (const [name, alert] of alertOf) {
    if (!known.has(alert.kind) || holding.has(name)) continue;
    const since = missingSince.get(alert.id) ?? now;
    if (now - since >= HOLD_MS) resolve.push(alert);
    else stillMissing.set(alert.id, since);
  }
  return { raise, resolve, missingSince: stillMissing };
}
