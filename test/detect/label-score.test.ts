import { expect, it } from 'vitest';
import { scoreLabels } from '../../src/detect/label-score.ts';

const finding = (tenant_id: string, detected_at: number, ended_at: number, metric = 'requests') => ({
  tenant_id,
  metric,
  started_at: detected_at - 120,
  detected_at,
  ended_at,
});

it('counts what belongs together, once', () => {
  const labels = [
    { tenant_id: 'a', metric: 'requests', started_at: 1_000, ended_at: 2_000 },
    { tenant_id: 'a', started_at: 9_000, ended_at: 9_500 },
    { tenant_id: 'b', metric: 'requests', started_at: 1_000, ended_at: 2_000 },
  ];
  const findings = [
    finding('a', 1_300, 1_800),
    finding('a', 1_900, 2_500),
    finding('a', 9_100, 9_200, 'p95_ms'),
    finding('b', 1_500, 1_600, 'p95_ms'),
    finding('b', 2_001, 2_600),
    finding('c', 1_500, 1_600),
  ];
  expect(scoreLabels(findings, labels, 43_200)).toEqual({
    labels: 3,
    found: 2,
    findings: 6,
    falseAlarms: 3,
    precision: 0.5,
    recall: 2 / 3,
    medianDelay: 300,
    p90Delay: 300,
    falseAlarmsPerTenantMonth: 3,
  });
});

it('has no shares of nothing', () => {
  expect(scoreLabels([], [], 0)).toMatchObject({
    precision: null,
    recall: null,
    medianDelay: null,
    falseAlarmsPerTenantMonth: null,
  });
});
