-- Where a spool segment lands: the shape of OTLP's ExportTraceServiceRequest as ClickHouse's Protobuf format reads it,
-- plus the trailer that ingest appends (src/domain/spool-format.ts). Null engine: nothing is kept here, the views on it
-- do the work. An AnyValue's `value` column says which kind of the oneof was sent. Below the second level of nesting
-- arrays and key-value lists stay encoded bytes: they are shown as base64 with a mark, never dropped.
CREATE TABLE IF NOT EXISTS otlp_landing {{on_cluster}}
(
    resource_spans Array(Tuple(
        resource Tuple(attributes Array(Tuple(key String, value {{any_value}}))),
        scope_spans Array(Tuple(
            scope Tuple(name String, version String, attributes Array(Tuple(key String, value {{any_value}}))),
            spans Array(Tuple(
                trace_id String,
                span_id String,
                trace_state String,
                parent_span_id String,
                name String,
                kind Int32,
                start_time_unix_nano UInt64,
                end_time_unix_nano UInt64,
                attributes Array(Tuple(key String, value {{any_value}})),
                events Array(Tuple(time_unix_nano UInt64, name String, attributes Array(Tuple(key String, value {{any_value}})))),
                links Array(Tuple(trace_id String, span_id String, trace_state String, attributes Array(Tuple(key String, value {{any_value}})))),
                status Tuple(message String, code Int32)
            ))
        ))
    )),
    tenantry_received_at UInt64,
    tenantry_key_id String,
    tenantry_key_tenant String
)
ENGINE = Null;

-- One row a span, with everything worked out that more than one view needs. Null engine as well: a span is either
-- written to `spans` or set aside with a reason, and this is where the ways part.
CREATE TABLE IF NOT EXISTS span_landing {{on_cluster}}
(
    SetAsideReason LowCardinality(String),
    TenantId String,
    ReceivedAtNs UInt64,
    KeyId String,
    StartNs UInt64,
    EndNs UInt64,
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName String,
    SpanKind Int32,
    ServiceName String,
    ResourceAttributes Map(String, String),
    ScopeName String,
    ScopeVersion String,
    ScopeAttributes Map(String, String),
    SpanAttributes Map(String, String),
    StatusCode Int32,
    StatusMessage String,
    EventsNs Array(UInt64),
    EventsName Array(String),
    EventsAttributes Array(Map(String, String)),
    LinksTraceId Array(String),
    LinksSpanId Array(String),
    LinksTraceState Array(String),
    LinksAttributes Array(Map(String, String))
)
ENGINE = Null;

-- Sort key: the tenant first, as nearly every question names one; then service and name, which compress well and cut
-- most trace searches; time last. Daily partitions, so that retention drops whole parts; ingest bounds the times of
-- one insert to a few days (a year-wide insert would fail at 100 partitions).
CREATE TABLE IF NOT EXISTS spans {{on_cluster}}
(
    TenantId LowCardinality(String),
    Timestamp DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    TraceId FixedString(16) CODEC(ZSTD(1)),
    SpanId FixedString(8) CODEC(ZSTD(1)),
    ParentSpanId FixedString(8) CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind Enum8('Unspecified' = 0, 'Internal' = 1, 'Server' = 2, 'Client' = 3, 'Producer' = 4, 'Consumer' = 5),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StatusCode Enum8('Unset' = 0, 'Ok' = 1, 'Error' = 2),
    StatusMessage String CODEC(ZSTD(1)),
    EventsTimestamp Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    EventsName Array(LowCardinality(String)) CODEC(ZSTD(1)),
    EventsAttributes Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    LinksTraceId Array(FixedString(16)) CODEC(ZSTD(1)),
    LinksSpanId Array(FixedString(8)) CODEC(ZSTD(1)),
    LinksTraceState Array(String) CODEC(ZSTD(1)),
    LinksAttributes Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    ReceivedAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    KeyId LowCardinality(String) CODEC(ZSTD(1)),
    IsError Bool,
    -- Worked out once, here, for rollups and pages alike; empty or 0 where the span is not of that kind.
    Route LowCardinality(String) CODEC(ZSTD(1)),
    HttpStatus UInt16 CODEC(ZSTD(1)),
    RequestBytes UInt64 CODEC(ZSTD(1)),
    ResponseBytes UInt64 CODEC(ZSTD(1)),
    DbSystem LowCardinality(String) CODEC(ZSTD(1)),
    DbOperation LowCardinality(String) CODEC(ZSTD(1)),
    CacheHits UInt32 CODEC(ZSTD(1)),
    CacheMisses UInt32 CODEC(ZSTD(1)),
    AiOperation LowCardinality(String) CODEC(ZSTD(1)),
    AiProvider LowCardinality(String) CODEC(ZSTD(1)),
    AiModel LowCardinality(String) CODEC(ZSTD(1)),
    AiInputTokens UInt64 CODEC(ZSTD(1)),
    AiOutputTokens UInt64 CODEC(ZSTD(1)),
    AiCacheReadTokens UInt64 CODEC(ZSTD(1)),
    AiCacheWriteTokens UInt64 CODEC(ZSTD(1)),
    AiReasoningTokens UInt64 CODEC(ZSTD(1)),
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (TenantId, ServiceName, SpanName, Timestamp)
TTL toDateTime(Timestamp) + INTERVAL {{retain_spans_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- Spans that cannot be placed in time or have malformed ids: kept a while with the reason, so that nobody has to guess
-- where they went. Times stay raw numbers, as they may not fit any date type.
CREATE TABLE IF NOT EXISTS spans_set_aside {{on_cluster}}
(
    ReceivedAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    Reason LowCardinality(String),
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    SpanName String CODEC(ZSTD(1)),
    SpanKind Int32,
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    StartNs UInt64,
    EndNs UInt64,
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    KeyId LowCardinality(String)
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toDate(ReceivedAt)
ORDER BY (ReceivedAt, TenantId)
TTL toDateTime(ReceivedAt) + INTERVAL {{retain_spans_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};
