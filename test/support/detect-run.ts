import type { RuleSetName } from '../../src/detect/rule-sets.ts';
import { type MinuteFinding, TenantMinutes } from '../../src/detect/tenant-minutes.ts';
import type { Alarm } from './detect-score.ts';

/** Minute values of one tenant by metric; NaN = absent. All of the same length. */
export interface MinuteData {
  readonly id: string;
  readonly start: number;
  readonly metrics: Readonly<Record<string, Float64Array>>;
}

/** What the product's own detectors emit for a tenant, in the order in which departures end. */
export function emitted(data: MinuteData, rules: RuleSetName = 'tenantry'): MinuteFinding[] {
  const findings: MinuteFinding[] = [];
  const minutes = new TenantMinutes(data.id, rules, (finding) => {
    if (finding.change === 'ended') findings.push(finding);
  });
  const columns = Object.entries(data.metrics);
  const length = Math.max(...columns.map(([, values]) => values.length));
  for (let index = 0; index < length; index += 1) {
    for (const [metric, values] of columns) {
      const value = values[index] ?? Number.NaN;
      if (!Number.isNaN(value)) minutes.put(data.start + index, metric, value);
    }
  }
  minutes.finish();
  return findings;
}

export function alarmsOf(findings: readonly MinuteFinding[], metric?: string): Alarm[] {
  return findings
    .filter((finding) => metric === undefined || finding.metric === metric)
    .map(({ departure }) => ({
      started: departure.startedAt,
      detected: departure.detectedAt,
      ended: departure.endedAt ?? departure.detectedAt,
    }));
}
