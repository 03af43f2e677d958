import type {
  AnomalyItem,
  BreakerItem,
  MetricName,
  MetricSeries,
  TenantFigures,
  ThrottleItem,
} from '../../src/api/contract.ts';

/** Fixed figures for the pages: the same numbers on every run, with the shapes that real tenants have. */
const MINUTE_MS = 60_000;
const PLANS = ['free', 'team', 'business', 'enterprise'] as const;
const NAMES = [
  'acme-corp',
  'globex',
  'initech',
  'umbrella-health',
  'stark-industries',
  'wayne-enterprises',
  'hooli',
  'pied-piper',
  'vandelay-imports',
  'wonka',
  'cyberdyne',
  'tyrell',
  'soylent',
  'oscorp',
  'massive-dynamic',
  'gringotts',
  'monarch-solutions',
  'duff-brewing',
  'prestige-worldwide',
  'los-pollos',
  'dunder-mifflin',
  'bluth-company',
  'sterling-cooper',
  'pearson-specter',
  'good-burger',
  'krusty-krab',
  'weyland-yutani',
  'aperture-science',
  'black-mesa',
  'nakatomi',
  'oceanic-airlines',
  'virtucon',
  'zorin',
  'rekall',
  'tricell',
  'abstergo',
  'capsule-corp',
  'shinra',
  'mooby',
  'buy-n-large',
] as const;

/** The same number from 0 to 1 for the same seed. */
function noise(seed: number): number {
  const x = Math.sin(seed * 127.1 + 311.7) * 43_758.5453;
  return x - Math.floor(x);
}

export function figuresOf(tenantId: string, index: number): TenantFigures {
  const requests = Math.round(184_000 / (index + 1) ** 0.9 + noise(index) * 900);
  const p95 = 90 + noise(index + 3) * 240 + (index === 2 ? 1_900 : 0);
  const aiCalls = index % 3 === 2 ? 0 : Math.round(requests * 0.02 * noise(index + 9));
  const unpriced = index === 4 ? 12 : index === 7 ? aiCalls : 0;
  const spark = Array.from({ length: 30 }, (_, step) =>
    Math.round((requests / 30) * (0.7 + 0.6 * noise(index * 31 + step)) * (index === 0 && step > 22 ? 2.4 : 1)),
  );
  return {
    tenant_id: tenantId,
    plan: index === 11 ? null : (PLANS[(index * 7) % PLANS.length] ?? null),
    requests,
    errors: Math.round(requests * (index === 2 ? 0.083 : index === 6 ? 0.018 : noise(index + 5) * 0.004)),
    p50_ms: p95 / 4.2,
    p95_ms: p95,
    p99_ms: p95 * 2.1,
    request_bytes: requests * 812,
    response_bytes: requests * 9_430,
    db_calls: Math.round(requests * (2.1 + noise(index + 2))),
    db_ms: requests * (4 + 9 * noise(index + 8)),
    db_slow_calls: Math.round(requests * 0.001 * noise(index + 1)),
    cache_hits: index === 5 ? 0 : Math.round(requests * (0.6 + 0.3 * noise(index + 6))),
    cache_misses: index === 5 ? 0 : Math.round(requests * 0.2),
    ai_calls: aiCalls,
    ai_input_tokens: aiCalls * 1_155,
    ai_output_tokens: aiCalls * 211,
    ai_cache_read_tokens: 0,
    ai_cache_write_tokens: 0,
    ai_reasoning_tokens: 0,
    ai_cost_micro: aiCalls > 0 && unpriced < aiCalls ? Math.round((aiCalls - unpriced) * 4_998) : null,
    ai_unpriced_calls: unpriced,
    cpu_seconds: index === 3 ? null : requests * 0.0021,
    cpu_error_ratio: index === 3 ? null : 1 / Math.sqrt(requests * 0.21),
    requests_spark: spark,
    throttles: [],
  };
}

export function manyTenants(): TenantFigures[] {
  return NAMES.map((name, index) => figuresOf(name, index));
}

export function throttleOf(tenantId: string, change: Partial<ThrottleItem> & { now: number }): ThrottleItem {
  const { now, ...rest } = change;
  return {
    id: `throttle-${tenantId}`,
    tenant_id: tenantId,
    scope: {},
    limit: { requests_per_second: 40, burst: 80 },
    mode: 'enforce',
    reason: `Requests of ${tenantId} are at 122/s, 5.1 times its baseline of 24/s, for 40 s; 3 other tenants got slower.`,
    created_by: 'detector',
    created_at: new Date(now - 70_000).toISOString(),
    expires_at: new Date(now + 230_000).toISOString(),
    status: 'active',
    ended_at: null,
    revision: 7,
    anomaly_id: null,
    acks: [
      { instance_id: 'checkout-7f9c', service: 'checkout', acked_at: new Date(now - 69_000).toISOString() },
      { instance_id: 'checkout-b21d', service: 'checkout', acked_at: new Date(now - 68_500).toISOString() },
    ],
    ...rest,
  };
}

export function anomalyOf(tenantId: string, change: Partial<AnomalyItem> & { now: number }): AnomalyItem {
  const { now, ...rest } = change;
  return {
    id: `anomaly-${tenantId}`,
    tenant_id: tenantId,
    metric: 'requests',
    started_at: new Date(now - 130_000).toISOString(),
    detected_at: new Date(now - 90_000).toISOString(),
    ended_at: null,
    value: 122,
    baseline: 24,
    ratio: 5.08,
    rule: 'own-baseline@1',
    reason: `Requests of ${tenantId} are at 122/s, 5.1 times its baseline of 24/s.`,
    throttle_id: null,
    ...rest,
  };
}

export function breakerOf(tenantId: string, change: Partial<BreakerItem> & { now: number }): BreakerItem {
  const { now, ...rest } = change;
  return {
    tenant_id: tenantId,
    integration: 'stripe',
    state: 'open',
    instances: { open: 2, half_open: 0, closed: 1 },
    services: ['checkout'],
    since: new Date(now - 125_000).toISOString(),
    calls: 24,
    failures: 21,
    last_error: 'http_503',
    reported_at: new Date(now - 4_000).toISOString(),
    order: null,
    flapping: null,
    ...rest,
  };
}

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  route: [
    'GET /orders',
    'GET /orders/:id',
    'POST /orders',
    'GET /search',
    'POST /assistant',
    'GET /customers/:id',
    'PUT /customers/:id',
    'GET /reports/:id',
    'POST /login',
    'GET /healthz',
  ],
  db_operation: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  db_system: ['postgresql', 'redis'],
  service: ['shop', 'billing'],
  model: ['gpt-4o-mini', 'claude-sonnet-4-5', 'in-house-7b'],
};

const LEVELS: Readonly<Partial<Record<MetricName, number>>> = {
  requests: 2_900,
  error_rate: 0.012,
  p50_ms: 38,
  p95_ms: 170,
  p99_ms: 420,
  db_calls: 8_000,
  db_ms: 42_000,
  db_slow_calls: 3,
  cache_hits: 2_100,
  cache_misses: 600,
  ai_input_tokens: 120_000,
  ai_output_tokens: 21_000,
  cpu_seconds: 9,
  event_loop_seconds: 6,
  network_receive_bytes: 900_000,
  network_transmit_bytes: 14_000_000,
};

const UNITS: Readonly<Record<string, MetricSeries['unit']>> = {
  requests: 'requests',
  error_rate: 'ratio',
  p50_ms: 'ms',
  p95_ms: 'ms',
  p99_ms: 'ms',
  db_calls: 'calls',
  db_ms: 'ms',
  db_slow_calls: 'calls',
  cache_hits: 'lookups',
  cache_misses: 'lookups',
  cpu_seconds: 'seconds',
  event_loop_seconds: 'seconds',
  network_receive_bytes: 'bytes',
  network_transmit_bytes: 'bytes',
};

/** A series with a rise in its last fifth and, for percentiles, a gap of three steps. */
export function seriesOf(query: {
  metric: MetricName;
  groupBy: string | undefined;
  groups?: readonly string[] | undefined;
  from: number;
  to: number;
  stepSeconds: number;
}): MetricSeries {
  const { metric, groupBy, from, to, stepSeconds } = query;
  const step = stepSeconds * 1000;
  const first = Math.floor(from / step) * step;
  const steps = Math.max(1, Math.ceil((to - first) / step));
  const names = groupBy === undefined ? [''] : (query.groups ?? GROUPS[groupBy] ?? []);
  const level = LEVELS[metric] ?? 10;
  const isLevel = metric.endsWith('_ms') && metric !== 'db_ms';
  return {
    metric,
    unit: UNITS[metric] ?? 'tokens',
    step_seconds: stepSeconds,
    series: names.map((name, line) => ({
      group: groupBy === undefined ? {} : { [groupBy]: name },
      points: Array.from({ length: steps }, (_, index): [number, number | null] => {
        if (isLevel && index >= steps / 3 && index < steps / 3 + 3) return [first + index * step, null];
        const rise = index > steps * 0.8 ? 1.9 : 1;
        const share = isLevel ? 0.5 + noise(line + 40) : 1 / (line + 1);
        const scale = metric === 'error_rate' || isLevel ? 1 : step / MINUTE_MS;
        const value = level * share * scale * rise * (0.8 + 0.4 * noise(line * 97 + Math.floor(first / step) + index));
        const time = first + index * step;
        const filled = Math.min(1, (to - time) / step);
        return [time, metric === 'error_rate' || isLevel ? value : Math.round(value * filled)];
      }),
    })),
  };
}
