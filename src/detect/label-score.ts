import { DAY } from './calendar.ts';

/** Something that is known to have happened, or a finding; unix seconds. */
export interface Span {
  readonly tenant_id: string;
  /** Labels without a metric hold for every one. */
  readonly metric?: string;
  readonly started_at: number;
  readonly ended_at: number;
}

export interface FoundSpan extends Span {
  readonly detected_at: number;
}

export interface LabelScore {
  readonly labels: number;
  readonly found: number;
  readonly findings: number;
  readonly falseAlarms: number;
  /** null where there is nothing to divide by. */
  readonly precision: number | null;
  readonly recall: number | null;
  /** Seconds from a label's beginning to its first finding. */
  readonly medianDelay: number | null;
  readonly p90Delay: number | null;
  readonly falseAlarmsPerTenantMonth: number | null;
}

const MONTH_MINUTES = 30 * DAY;

function belongs(finding: FoundSpan, label: Span): boolean {
  return (
    finding.tenant_id === label.tenant_id &&
    (label.metric === undefined || label.metric === finding.metric) &&
    finding.detected_at <= label.ended_at &&
    finding.ended_at > label.started_at
  );
}

/**
 * How findings agree with labels. A label is found when a finding was made before its end and lasted into it; a finding
 * that belongs to no label is a false alarm.
 */
export function scoreLabels(
  findings: readonly FoundSpan[],
  labels: readonly Span[],
  tenantMinutes: number,
): LabelScore {
  const byTenant = new Map<string, FoundSpan[]>();
  for (const finding of findings) {
    const own = byTenant.get(finding.tenant_id) ?? [];
    own.push(finding);
    byTenant.set(finding.tenant_id, own);
  }
  const right = new Set<FoundSpan>();
  const delays: number[] = [];
  for (const label of labels) {
    const own = (byTenant.get(label.tenant_id) ?? []).filter((finding) => belongs(finding, label));
    for (const finding of own) right.add(finding);
    if (own.length === 0) continue;
    const first = Math.min(...own.map(({ detected_at }) => detected_at));
    delays.push(Math.max(0, first - label.started_at));
  }
  delays.sort((one, other) => one - other);
  const falseAlarms = findings.length - right.size;
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  return {
    labels: labels.length,
    found: delays.length,
    findings: findings.length,
    falseAlarms,
    precision: share(right.size, findings.length),
    recall: share(delays.length, labels.length),
    medianDelay: delays[Math.floor(delays.length / 2)] ?? null,
    p90Delay: delays[Math.min(delays.length - 1, Math.floor(delays.length * 0.9))] ?? null,
    falseAlarmsPerTenantMonth: share(falseAlarms, tenantMinutes / MONTH_MINUTES),
  };
}
