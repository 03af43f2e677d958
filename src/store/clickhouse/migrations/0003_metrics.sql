-- Where a segment of metrics lands: OTLP's ExportMetricsServiceRequest as ClickHouse's Protobuf format reads it, plus the
-- trailer that ingest appends. As with spans, nothing is kept here and the views on it do the work. Of the five kinds of
-- data a metric has one (ingest refuses two); what buckets, quantiles and exemplars say is not decoded.
CREATE TABLE IF NOT EXISTS otlp_metrics_landing {{on_cluster}}
(
    resource_metrics Array(Tuple(
        resource Tuple(attributes Array(Tuple(key String, value {{any_value}}))),
        scope_metrics Array(Tuple(
            scope Tuple(name String),
            metrics Array(Tuple(
                name String,
                unit String,
                data Enum8('none' = 0, 'gauge' = 5, 'sum' = 7, 'histogram' = 9, 'exponential_histogram' = 10, 'summary' = 11),
                gauge Tuple(data_points Array(Tuple(
                    start_time_unix_nano UInt64,
                    time_unix_nano UInt64,
                    value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6),
                    as_double Float64,
                    as_int Int64,
                    attributes {{leaf_attributes}},
                    flags UInt32))),
                sum Tuple(
                    data_points Array(Tuple(
                        start_time_unix_nano UInt64,
                        time_unix_nano UInt64,
                        value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6),
                        as_double Float64,
                        as_int Int64,
                        attributes {{leaf_attributes}},
                        flags UInt32)),
                    aggregation_temporality Int32,
                    is_monotonic UInt8),
                histogram Tuple(
                    data_points Array(Tuple(
                        start_time_unix_nano UInt64,
                        time_unix_nano UInt64,
                        count UInt64,
                        sum Float64,
                        attributes {{leaf_attributes}},
                        flags UInt32)),
                    aggregation_temporality Int32),
                exponential_histogram Tuple(
                    data_points Array(Tuple(
                        attributes {{leaf_attributes}},
                        start_time_unix_nano UInt64,
                        time_unix_nano UInt64,
                        count UInt64,
                        sum Float64,
                        flags UInt32)),
                    aggregation_temporality Int32),
                summary Tuple(data_points Array(Tuple(
                    start_time_unix_nano UInt64,
                    time_unix_nano UInt64,
                    count UInt64,
                    sum Float64,
                    attributes {{leaf_attributes}},
                    flags UInt32)))
            ))
        ))
    )),
    tenantry_received_at UInt64,
    tenantry_key_id String,
    tenantry_key_tenant String
)
ENGINE = Null;

-- One row a data point, with its tenant and, if it has to be set aside, the reason. Null engine: this is where the ways
-- part. Kind is the number of the metric's field in OTLP.
CREATE TABLE IF NOT EXISTS metric_landing {{on_cluster}}
(
    SetAsideReason LowCardinality(String),
    TenantId String,
    ReceivedAtNs UInt64,
    KeyId String,
    MetricName String,
    Unit String,
    Kind UInt8,
    Temporality Int32,
    IsMonotonic UInt8,
    StartNs UInt64,
    TimeNs UInt64,
    Value Float64,
    Observations UInt64,
    ServiceName String,
    ServiceInstance String,
    ScopeName String,
    Attributes Map(String, String),
    ResourceAttributes Map(String, String)
)
ENGINE = Null;

-- One row a data point. Value: that of a gauge or sum; of a histogram or summary the sum of what was observed, and
-- Observations how often (buckets and quantiles are not kept). Sort key: a question names a tenant and a metric; then
-- come service and process, within which neighbours differ in time and value alone.
CREATE TABLE IF NOT EXISTS metric_points {{on_cluster}}
(
    TenantId LowCardinality(String),
    MetricName LowCardinality(String),
    Unit LowCardinality(String),
    Kind Enum8('Gauge' = 5, 'Sum' = 7, 'Histogram' = 9, 'ExponentialHistogram' = 10, 'Summary' = 11),
    Temporality Enum8('Unspecified' = 0, 'Delta' = 1, 'Cumulative' = 2),
    IsMonotonic Bool,
    ServiceName LowCardinality(String),
    ServiceInstance LowCardinality(String),
    ScopeName LowCardinality(String),
    StartTime DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    Value Float64 CODEC(ZSTD(1)),
    Observations UInt64 CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ReceivedAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    KeyId LowCardinality(String)
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toDate(Time)
ORDER BY (TenantId, MetricName, ServiceName, ServiceInstance, Time)
TTL toDateTime(Time) + INTERVAL {{retain_points_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- Data points that have no place in time or no usable value, with the reason. Times stay raw numbers, as they may not
-- fit any date type.
CREATE TABLE IF NOT EXISTS metric_points_set_aside {{on_cluster}}
(
    ReceivedAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    Reason LowCardinality(String),
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    MetricName String CODEC(ZSTD(1)),
    Kind UInt8,
    StartNs UInt64,
    TimeNs UInt64,
    Value Float64,
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    KeyId LowCardinality(String)
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toDate(ReceivedAt)
ORDER BY (ReceivedAt, TenantId)
TTL toDateTime(ReceivedAt) + INTERVAL {{retain_points_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- What tenants use of the processes that serve them, from the middleware's metrics (src/domain/resource-metrics.ts).
-- Integers, nanoseconds for seconds, so that sums are the same in whatever order they are made. PointsNotAdded: points of
-- these metrics that are no delta of the expected unit; adding them up would count the same use again and again.
CREATE TABLE IF NOT EXISTS resource_use_by_minute {{on_cluster}}
(
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    CpuNs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    CpuSamples SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    EventLoopNs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    NetworkReceiveBytes SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    NetworkTransmitBytes SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    AllocatedBytes SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    PointsNotAdded SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toDate(Time)
ORDER BY (toStartOfHour(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_minutes_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS resource_use_by_hour {{on_cluster}} AS resource_use_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS resource_use_by_day {{on_cluster}} AS resource_use_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};
