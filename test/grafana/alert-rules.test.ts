import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantMetricsText } from '../../src/api/tenant-metrics-exposition.ts';
import type { TenantMetricsRow } from '../../src/api/tenant-metrics-ports.ts';
import { AlertMetrics } from '../../src/app/alert-metrics.ts';
import { ownMetrics } from '../../src/app/own-metrics.ts';
import { ROOT } from '../support/rules-cruise.ts';

const RULES = join(ROOT, 'dashboards/grafana/tenantry-alerts.yaml');
const text = readFileSync(RULES, 'utf8');
const PROMTOOL = 'promtool';
const NO_PROMTOOL =
  spawnSync(PROMTOOL, ['--version']).error === undefined
    ? undefined
    : 'promtool is not installed (Debian: apt-get install prometheus)';

/** Everything that both endpoints expose; a tenant of each kind, so that no metric is left out for want of a value. */
async function exposed(): Promise<ReadonlySet<string>> {
  const row: TenantMetricsRow = {
    ...{ tenant: 'acme', requests: 1, errors: 1, p95Ms: 1, dbMs: 1, aiInputTokens: 1, aiOutputTokens: 1 },
    ...{ aiCostMicro: 1n, aiUnpricedCalls: 1, isThrottled: true, openAnomalies: 1 },
  };
  const tenants = await tenantMetricsText({ window: { from: 0, to: 300_000 }, throttledTenants: 1, rows: [row] });
  const registry = ownMetrics({
    loader: () =>
      ({
        loadedSegments: 1,
        loadedBytes: 1,
        waitingSegments: 1,
        oldestWaitingMs: 1,
        quarantinedRequests: 1,
        evictedRequests: 1,
      }) as never,
    spoolFolder: '/nowhere',
    detector: () => ({ openFindings: 1, lastTickAt: 1, unjudgedIntervals: 0 }) as never,
  });
  new AlertMetrics(registry, async () => ({ waiting: 1, oldestSeconds: 1 }));
  const lines = `${tenants.text}\n${await registry.metrics()}`.split('\n');
  return new Set(lines.flatMap((line) => /^(tenantry_[a-z0-9_]+)/.exec(line)?.[1] ?? []));
}

describe('the alert rules', () => {
  it('ask for metrics that are exposed, and for nothing else', async () => {
    const known = await exposed();
    const expressions = text
      .split('\n')
      .filter((line) => !/^\s*(?:#|summary|description|- alert|- record|- name)/.test(line));
    const asked = new Set(expressions.join('\n').match(/\btenantry_[a-z0-9_]+(?![a-z0-9_:])\b(?!:)/g));
    expect(asked.size).toBeGreaterThan(10);
    expect([...asked].filter((name) => !known.has(name))).toEqual([]);
  });

  it('use the baselines that they record', () => {
    const recorded = [...text.matchAll(/- record: (\S+)/g)].map(([, name]) => name);
    const used = new Set(text.match(/\btenantry_tenant:[a-z0-9_]+:baseline/g));
    expect([...used].toSorted()).toEqual(recorded.toSorted());
  });

  it.each(
    [...text.matchAll(/- alert: (\w+)\n([\s\S]*?)(?=\n {6}- |\n {2}- |$)/g)].map(([, name, rule]) => [name, rule]),
  )('%s says how bad it is and what to do', (_name, rule) => {
    expect(rule).toMatch(/severity: (?:info|warning|critical)\n/);
    expect(rule).toMatch(/summary: ['"].{10,}['"]/);
    expect(rule).toMatch(/description: ['"].{10,}['"]/);
  });
});

/** A day of quiet, then what `last` says; one value a minute. */
const series = (name: string, labels: string, quiet: number | string, last: string) =>
  `      - series: '${name}{${labels}}'\n        values: '${quiet}x1500 ${last}'`;

const CASES = `
rule_files: [${RULES}]
evaluation_interval: 5m
tests:
  - interval: 1m
    input_series:
${[
  series('tenantry_tenant_requests', 'tenant_id="noisy"', '500+0', '2000x20'),
  series('tenantry_tenant_requests', 'tenant_id="steady"', '500+0', '900x20'),
  series('tenantry_tenant_requests', 'tenant_id="(other)"', '500+0', '9000x20'),
  // It came a quarter of an hour ago: nobody knows what is usual.
  series('tenantry_tenant_requests', 'tenant_id="newcomer"', '_', '2000x20'),
  series('tenantry_tenant_errors', 'tenant_id="steady"', '1+0', '200x20'),
  series('tenantry_tenant_request_p95_seconds', 'tenant_id="steady"', '0.2+0', '0.5x20'),
  series('tenantry_tenant_request_p95_seconds', 'tenant_id="noisy"', '0.2+0', '0.3x20'),
  series('tenantry_tenant_ai_tokens', 'tenant_id="noisy",kind="input"', '10000+0', '200000x20'),
  series('tenantry_tenant_ai_tokens', 'tenant_id="noisy",kind="output"', '1000+0', '1000x20'),
  series('tenantry_tenant_throttled', 'tenant_id="noisy"', '0+0', '1x20'),
  series('tenantry_loader_oldest_waiting_seconds', '', '1+0', '90x20'),
].join('\n')}
    alert_rule_test:
${[
  ['TenantryTenantThreeTimesItsBaseline', 'tenant_id: noisy, severity: warning'],
  ['TenantryTenantLatencyDoubled', 'tenant_id: steady, severity: warning'],
  ['TenantryTenantFailing', 'tenant_id: steady, severity: warning'],
  ['TenantryTenantTokenSpike', 'tenant_id: noisy, severity: warning'],
  ['TenantryTenantThrottled', 'tenant_id: noisy, severity: info'],
  ['TenantryTelemetryLate', 'severity: critical'],
]
  .map(
    ([alert, labels]) => `      - eval_time: 1520m
        alertname: ${alert}
        exp_alerts: [{ exp_labels: { ${labels} }, exp_annotations: EXPECTED_${alert} }]
      - eval_time: 1490m
        alertname: ${alert}
        exp_alerts: []`,
  )
  .join('\n')}
`;

/** What the annotations of a rule become for these labels and this value. */
function annotations(alert: string, tenant: string, values: readonly (readonly [string, string])[]): string {
  const rule = text.slice(text.indexOf(`- alert: ${alert}\n`));
  const of = (name: string) => {
    let said = new RegExp(`${name}: (['"])(.*)\\1`).exec(rule)?.[2] ?? '';
    for (const [from, to] of [['{{ $labels.tenant_id }}', tenant] as const, ...values])
      said = said.replaceAll(from, to);
    return JSON.stringify(said);
  };
  return `{ summary: ${of('summary')}, description: ${of('description')} }`;
}

describe.skipIf(NO_PROMTOOL !== undefined)(
  `with promtool${NO_PROMTOOL === undefined ? '' : ` (skipped: ${NO_PROMTOOL})`}`,
  () => {
    let folder = '';
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'tenantry-rules-'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('are rules that Prometheus takes', () => {
      expect(execFileSync(PROMTOOL, ['check', 'rules', RULES], { encoding: 'utf8' })).toMatch(
        /SUCCESS: \d+ rules found/,
      );
    });

    it('fire for who is out of line with its own past, and for nobody else', () => {
      const file = join(folder, 'cases.yaml');
      const filled = CASES.replaceAll(/EXPECTED_(\w+)/g, (_, alert: string) =>
        annotations(alert, /Latency|Failing/.test(alert) ? 'steady' : 'noisy', [
          ['{{ $value | humanizePercentage }}', '22.22%'],
          ['{{ $value | humanizeDuration }}', alert === 'TenantryTelemetryLate' ? '1m 30s' : '500ms'],
          ['{{ $value }}', alert.endsWith('Spike') ? '201000' : '2000'],
        ]),
      );
      writeFileSync(file, filled);
      const { status, stdout, stderr } = spawnSync(PROMTOOL, ['test', 'rules', file], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`).toContain('SUCCESS');
      expect(status).toBe(0);
    });
  },
);
