import type { Anomaly } from '../domain/anomaly.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ActivityTable } from './ports.ts';

/**
 * The rule of absolute ceilings: a tenant that sends more than its plan allows, in `NEEDED` of the last `WINDOW`
 * intervals. It has no baseline, so no slow ramp can teach it anything.
 */
export const PLAN_CEILING_RULE = 'plan-ceiling/1';
const PLAN_CEILING_METRIC = 'plan_ceiling';

const WINDOW = 5;
const NEEDED = 3;

export interface CeilingQuestion {
  readonly table: ActivityTable;
  /** Unix ms up to which the table is complete; later intervals are left for the next time. */
  readonly dataUntil: number;
  /** Requests per second that each tenant's plan allows; those without a ceiling are absent. */
  readonly ceilings: ReadonlyMap<TenantId, number>;
  /** Findings of this rule that are open, by tenant. */
  readonly open: ReadonlyMap<TenantId, Anomaly>;
  readonly now: number;
  readonly newId: () => string;
}

export interface CeilingFindings {
  readonly opened: readonly Anomaly[];
  readonly updated: readonly Anomaly[];
  readonly ended: readonly Anomaly[];
}

/**
 * Judges the newest complete intervals. Pure. A finding ends after `WINDOW` measured intervals below the ceiling, or when
 * its tenant has none any more; intervals that were not measured say nothing.
 */
export function judgeCeilings(question: CeilingQuestion): CeilingFindings {
  const { table, ceilings, open, now } = question;
  const opened: Anomaly[] = [];
  const updated: Anomaly[] = [];
  const ended: Anomaly[] = [];
  for (const tenantId of new Set([...ceilings.keys(), ...open.keys()])) {
    const ceiling = ceilings.get(tenantId);
    const before = open.get(tenantId);
    if (ceiling === undefined) {
      if (before !== undefined) ended.push({ ...before, endedAt: now });
      continue;
    }
    const rates = newestRates(question, tenantId);
    const above = rates.filter((rate) => rate > ceiling);
    if (above.length >= NEEDED) {
      const finding = findingOf(question, tenantId, { ceiling, above, before });
      (before === undefined ? opened : updated).push(finding);
    } else if (before !== undefined && above.length === 0 && rates.length === WINDOW) {
      ended.push({ ...before, endedAt: table.end - WINDOW * table.intervalSeconds * SECOND_MS });
    }
  }
  return { opened, updated, ended };
}

/** Requests per second of the newest complete intervals that were measured. */
function newestRates({ table, dataUntil }: CeilingQuestion, tenantId: TenantId): readonly number[] {
  const { intervalSeconds, end, tenants } = table;
  const incomplete = Math.ceil(Math.max(0, end - dataUntil) / (intervalSeconds * SECOND_MS));
  const counts = tenants.get(tenantId)?.requests;
  // Absent from the table: it did nothing in any interval.
  if (counts === undefined) return Array<number>(WINDOW).fill(0);
  const complete = counts.slice(0, Math.max(0, counts.length - incomplete));
  return complete.slice(-WINDOW).flatMap((count) => (count === null ? [] : [count / intervalSeconds]));
}

function findingOf(
  { table, now, newId }: CeilingQuestion,
  tenantId: TenantId,
  {
    ceiling,
    above,
    before,
  }: { readonly ceiling: number; readonly above: readonly number[]; readonly before: Anomaly | undefined },
): Anomaly {
  const value = above.reduce((sum, rate) => sum + rate, 0) / above.length;
  return {
    id: before?.id ?? newId(),
    tenantId,
    metric: PLAN_CEILING_METRIC,
    startedAt: before?.startedAt ?? table.end - WINDOW * table.intervalSeconds * SECOND_MS,
    detectedAt: before?.detectedAt ?? now,
    endedAt: null,
    value,
    baseline: ceiling,
    ratio: ceiling === 0 ? above.length : value / ceiling,
    rule: PLAN_CEILING_RULE,
    reason:
      `${tenantId} sent ${Math.round(value)} requests/s, its plan allows ${ceiling}, ` +
      `in ${above.length} of ${WINDOW} intervals of ${table.intervalSeconds} s`,
  };
}
