import { DATABASE } from './clickhouse.ts';
import { OWN_ROWS } from './row-policies.ts';

/** Database of the views that tenants may ask, and of nothing else. */
export const TENANT_DATABASE = 'tenantry_sql';

const levels = (name: string, columns: readonly string[]) =>
  ['minute', 'hour', 'day'].map((level) => [`${name}_by_${level}`, ['TenantId', 'Time', ...columns]] as const);

/** Table -> the columns of it that a tenant is shown of its own rows. What the pages and exports show it, and no more. */
export const TENANT_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  [
    'spans',
    [
      ...[
        'TenantId',
        'Timestamp',
        'Duration',
        'TraceId',
        'SpanId',
        'ParentSpanId',
        'SpanName',
        'SpanKind',
        'ServiceName',
      ],
      ...['StatusCode', 'IsError', 'Route', 'HttpStatus', 'RequestBytes', 'ResponseBytes', 'DbSystem', 'DbOperation'],
      ...['CacheHits', 'CacheMisses', 'AiOperation', 'AiProvider', 'AiModel', 'AiInputTokens', 'AiOutputTokens'],
    ],
  ],
  ...levels('requests', [
    ...['ServiceName', 'Route', 'Requests', 'Errors', 'DurationNs', 'RequestBytes', 'ResponseBytes', 'Latency'],
  ]),
  ...levels('db_calls', ['ServiceName', 'DbSystem', 'DbOperation', 'Calls', 'Errors', 'SlowCalls', 'DurationNs']),
  ...levels('cache_lookups', ['ServiceName', 'Hits', 'Misses']),
  ...levels('ai_usage', [
    ...[
      'ServiceName',
      'Provider',
      'Model',
      'Operation',
      'Calls',
      'Errors',
      'DurationNs',
      'InputTokens',
      'OutputTokens',
    ],
    ...['CacheReadTokens', 'CacheWriteTokens', 'ReasoningTokens'],
  ]),
  ...levels('resource_use', ['ServiceName', 'CpuNs', 'NetworkReceiveBytes', 'NetworkTransmitBytes', 'AllocatedBytes']),
  ...levels('event_values', ['Type', 'Path', 'Events', 'Total', 'Least', 'Most']),
  ...['hour', 'day'].map(
    (level) => [`storage_by_${level}`, ['TenantId', 'Time', 'Store', 'ByteMs', 'CoveredMs', 'Bytes']] as const,
  ),
]);

/** Tables with tenants' rows that no tenant is shown, and why. A new table stands in one list or the other. */
export const WITHHELD_TABLES: Readonly<Record<string, string>> = {
  activity_by_ten_seconds: 'what automation judges by',
  adopting_traces: 'on the way: whose it is may be open still',
  spans_waiting: 'on the way: whose it is may be open still',
  spans_set_aside: 'of the operator: what was not taken, and of which key',
  metric_points: "of the operator's processes: attributes and keys",
  metric_points_set_aside: 'of the operator: what was not taken, and of which key',
  db_queries_by_hour: "of the operator's product: texts of its statements",
  db_queries_by_day: "of the operator's product: texts of its statements",
  spans_by_minute: 'of the operator: how telemetry is attributed',
  spans_by_hour: 'of the operator: how telemetry is attributed',
  spans_by_day: 'of the operator: how telemetry is attributed',
  storage_gauges: 'readings as they came, corrections included',
  usage_events: 'as they were sent, with keys and whatever else is in them',
};

/**
 * The views as statements. Each carries the tenant's filter itself and reads with the rights of who asks (INVOKER), so that
 * row policies and grants on columns hold for it as for the table: a view with rights of its own would be a way around them.
 */
export function viewStatements(cluster: string): readonly string[] {
  return [
    `CREATE DATABASE IF NOT EXISTS ${TENANT_DATABASE} ${cluster}`,
    ...[...TENANT_COLUMNS].map(
      ([table, columns]) =>
        `CREATE OR REPLACE VIEW ${TENANT_DATABASE}.${table} ${cluster} SQL SECURITY INVOKER AS
         SELECT ${columns.map(selection).join(', ')} FROM ${DATABASE}.${table} WHERE ${OWN_ROWS}`,
    ),
  ];
}

/** Ids as people write them. */
function selection(column: string): string {
  return /^(?:Trace|Span|ParentSpan)Id$/.test(column) ? `lower(hex(${column})) AS ${column}Hex` : column;
}
