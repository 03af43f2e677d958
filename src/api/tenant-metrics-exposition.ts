import { Gauge, Registry } from 'prom-client';
import type { TenantMetrics, TenantMetricsRow } from './tenant-metrics-ports.ts';

interface TenantGauge {
  readonly name: string;
  readonly help: string;
  /** null: not known, so there is no sample: 0 would be a claim. */
  readonly value: (row: TenantMetricsRow) => number | null;
}

/** Sums over a window that slides, so gauges: a counter that a tenant enters and leaves with its rank has no rate. */
const PER_TENANT: readonly TenantGauge[] = [
  { name: 'tenantry_tenant_requests', help: 'Requests in the window', value: (row) => row.requests },
  { name: 'tenantry_tenant_errors', help: 'Requests in the window that failed', value: (row) => row.errors },
  {
    name: 'tenantry_tenant_request_p95_seconds',
    help: '95th percentile of how long requests took; absent without requests',
    value: (row) => (row.p95Ms === null ? null : row.p95Ms / 1_000),
  },
  {
    name: 'tenantry_tenant_db_seconds',
    help: 'Time in database calls in the window',
    value: (row) => row.dbMs / 1_000,
  },
  {
    name: 'tenantry_tenant_ai_cost_usd',
    help: 'What AI calls in the window cost in US dollars; absent where no call has a known price',
    value: (row) => (row.aiCostMicro === null ? null : Number(row.aiCostMicro) / 1e6),
  },
  {
    name: 'tenantry_tenant_ai_unpriced_calls',
    help: 'AI calls in the window without a known price: their cost is in no sum',
    value: (row) => row.aiUnpricedCalls,
  },
  {
    name: 'tenantry_tenant_throttled',
    help: '1 while a throttle is enforced; of (other): on any of them',
    value: (row) => Number(row.isThrottled),
  },
  {
    name: 'tenantry_tenant_open_anomalies',
    help: 'Metrics of the tenant that are out of line now',
    value: (row) => row.openAnomalies,
  },
];

/** The Prometheus text of an answer, and its content type. A registry of its own: every scrape has other tenants. */
export async function tenantMetricsText(
  answer: Awaited<ReturnType<TenantMetrics['read']>>,
): Promise<{ readonly type: string; readonly text: string }> {
  const registry = new Registry();
  const registers = [registry];
  const plain = (name: string, help: string, value: number) => new Gauge({ name, help, registers }).set(value);
  const { from, to } = answer.window;
  plain('tenantry_tenants_window_seconds', 'Length of the window that sums of tenants are over', (to - from) / 1_000);
  plain('tenantry_tenants_window_end_timestamp_seconds', 'End of that window, Unix time', to / 1_000);
  plain('tenantry_tenants_throttled', 'Tenants on which a throttle is enforced now, of all', answer.throttledTenants);
  for (const { name, help, value } of PER_TENANT) {
    const gauge = new Gauge({ name, help, labelNames: ['tenant_id'], registers });
    for (const row of answer.rows) {
      const known = value(row);
      if (known !== null) gauge.set({ tenant_id: row.tenant }, known);
    }
  }
  const tokens = new Gauge({
    ...{ name: 'tenantry_tenant_ai_tokens', help: 'Tokens of AI calls in the window, by kind', registers },
    labelNames: ['tenant_id', 'kind'],
  });
  for (const row of answer.rows) {
    tokens.set({ tenant_id: row.tenant, kind: 'input' }, row.aiInputTokens);
    tokens.set({ tenant_id: row.tenant, kind: 'output' }, row.aiOutputTokens);
  }
  return { type: registry.contentType, text: await registry.metrics() };
}
