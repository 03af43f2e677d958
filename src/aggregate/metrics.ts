import type { RollupFamily } from './rollup-source.ts';

export type MetricGroup = 'service' | 'route' | 'db_system' | 'db_operation' | 'provider' | 'model' | 'operation';

type Unit = 'requests' | 'ratio' | 'ms' | 'bytes' | 'calls' | 'tokens' | 'lookups' | 'seconds' | 'samples' | 'points';

interface MetricDefinition {
  readonly family: RollupFamily;
  readonly unit: Unit;
  /** Aggregate over the rows of one step. */
  readonly value: string;
  /** What a step without rows means: nothing happened (0), or nothing can be said (null). */
  readonly whenEmpty: 0 | null;
}

const sum = (family: RollupFamily, unit: Unit, column: string): MetricDefinition => ({
  family,
  unit,
  value: `sum(${column})`,
  whenEmpty: 0,
});

const percentile = (index: 1 | 2 | 3): MetricDefinition => ({
  family: 'requests',
  unit: 'ms',
  value: `quantilesDDMerge(0.005, 0.5, 0.95, 0.99)(Latency)[${index}]`,
  whenEmpty: null,
});

/** Senders leave out what is zero, and many send none of it at all: nothing is "not measured", never zero. */
const resource = (unit: Unit, column: string): MetricDefinition => ({
  family: 'resource_use',
  unit,
  value: `nullIf(sum(${column}), 0)${unit === 'seconds' ? ' / 1e9' : ''}`,
  whenEmpty: null,
});

/** Every metric that can be drawn over time. */
export const METRICS = {
  requests: sum('requests', 'requests', 'Requests'),
  errors: sum('requests', 'requests', 'Errors'),
  error_rate: { family: 'requests', unit: 'ratio', value: 'sum(Errors) / sum(Requests)', whenEmpty: null },
  p50_ms: percentile(1),
  p95_ms: percentile(2),
  p99_ms: percentile(3),
  request_bytes: sum('requests', 'bytes', 'RequestBytes'),
  response_bytes: sum('requests', 'bytes', 'ResponseBytes'),
  db_calls: sum('db_calls', 'calls', 'Calls'),
  db_ms: { family: 'db_calls', unit: 'ms', value: 'sum(DurationNs) / 1e6', whenEmpty: 0 },
  db_slow_calls: sum('db_calls', 'calls', 'SlowCalls'),
  cache_hits: sum('cache_lookups', 'lookups', 'Hits'),
  cache_misses: sum('cache_lookups', 'lookups', 'Misses'),
  ai_calls: sum('ai_usage', 'calls', 'Calls'),
  ai_input_tokens: sum('ai_usage', 'tokens', 'InputTokens'),
  ai_output_tokens: sum('ai_usage', 'tokens', 'OutputTokens'),
  ai_cache_read_tokens: sum('ai_usage', 'tokens', 'CacheReadTokens'),
  ai_cache_write_tokens: sum('ai_usage', 'tokens', 'CacheWriteTokens'),
  ai_reasoning_tokens: sum('ai_usage', 'tokens', 'ReasoningTokens'),
  cpu_seconds: resource('seconds', 'CpuNs'),
  cpu_samples: resource('samples', 'CpuSamples'),
  event_loop_seconds: resource('seconds', 'EventLoopNs'),
  network_receive_bytes: resource('bytes', 'NetworkReceiveBytes'),
  network_transmit_bytes: resource('bytes', 'NetworkTransmitBytes'),
  memory_allocated_bytes: resource('bytes', 'AllocatedBytes'),
  resource_points_not_added: sum('resource_use', 'points', 'PointsNotAdded'),
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** The column of each group, by family; a pair that is absent cannot be asked for. */
export const GROUP_COLUMNS: Readonly<Record<RollupFamily, Partial<Record<MetricGroup, string>>>> = {
  requests: { service: 'ServiceName', route: 'Route' },
  db_calls: { service: 'ServiceName', db_system: 'DbSystem', db_operation: 'DbOperation' },
  db_queries: { service: 'ServiceName', db_system: 'DbSystem' },
  cache_lookups: { service: 'ServiceName' },
  ai_usage: { service: 'ServiceName', provider: 'Provider', model: 'Model', operation: 'Operation' },
  resource_use: { service: 'ServiceName' },
  spans: { service: 'ServiceName' },
};
