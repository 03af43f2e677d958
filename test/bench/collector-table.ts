/**
 * The table that the OpenTelemetry Collector's ClickHouse exporter creates for traces, by its own template:
 * open-telemetry/opentelemetry-collector-contrib, exporter/clickhouseexporter/internal/sqltemplates/traces_table.sql
 * (commit f92a5763). Columns, codecs, indices and order are its; only the layout of the text is not.
 */
export function collectorTable(name: string): string {
  const attributes = 'Map(LowCardinality(String), String)';
  const columns: readonly (readonly [name: string, type: string, codec?: string])[] = [
    ['Timestamp', 'DateTime64(9)', 'Delta, ZSTD(1)'],
    ['TraceId', 'String'],
    ['SpanId', 'String'],
    ['ParentSpanId', 'String'],
    ['TraceState', 'String'],
    ['SpanName', 'LowCardinality(String)'],
    ['SpanKind', 'LowCardinality(String)'],
    ['ServiceName', 'LowCardinality(String)'],
    ['ResourceAttributes', attributes],
    ['ScopeName', 'String'],
    ['ScopeVersion', 'String'],
    ['SpanAttributes', attributes],
    ['Duration', 'UInt64'],
    ['StatusCode', 'LowCardinality(String)'],
    ['StatusMessage', 'String'],
    ['Events', `Nested(Timestamp DateTime64(9), Name LowCardinality(String), Attributes ${attributes})`],
    ['Links', `Nested(TraceId String, SpanId String, TraceState String, Attributes ${attributes})`],
  ];
  const indices = [
    ['idx_trace_id', 'TraceId', 'bloom_filter(0.001)'],
    ...['res_attr ResourceAttributes', 'span_attr SpanAttributes'].flatMap((pair) => {
      const [short, column] = pair.split(' ');
      return ['Keys', 'Values'].map((part) => [
        `idx_${short}_${part.toLowerCase()}`,
        `map${part}(${column})`,
        'bloom_filter(0.01)',
      ]);
    }),
    ['idx_duration', 'Duration', 'minmax'],
  ];
  const lines = [
    ...columns.map(([column, type, codec = 'ZSTD(1)']) => `${column} ${type} CODEC(${codec})`),
    ...indices.map(([index, expression, type]) => `INDEX ${index} ${expression} TYPE ${type} GRANULARITY 1`),
  ];
  return `CREATE TABLE ${name} (${lines.join(', ')}) ENGINE = MergeTree PARTITION BY toDate(Timestamp)
    ORDER BY (ServiceName, SpanName, toDateTime(Timestamp)) SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1`;
}

/** What the exporter keeps beside it, to find a trace by its id: traces_id_ts_lookup_table.sql of the same folder. */
export function collectorLookupTable(name: string): string {
  return `CREATE TABLE ${name} (TraceId String CODEC(ZSTD(1)), Start SimpleAggregateFunction(min, DateTime) CODEC(ZSTD(1)), End SimpleAggregateFunction(max, DateTime) CODEC(ZSTD(1)))
    ENGINE = AggregatingMergeTree PARTITION BY toStartOfWeek(Start) ORDER BY (TraceId) SETTINGS index_granularity = 8192`;
}
