-- Rollups, three levels each: minute, hour, day. Same sort idea on every level: a coarse time first, so that "all
-- tenants, last hour" reads only that hour, then the tenant, so that "one tenant, 30 days" reads one granule per coarse
-- step. Sums are exact; `Latency` is a mergeable DDSketch of milliseconds with 0.5 % relative error (measured size: see
-- the bench `rollups`), which keeps P50, P95 and P99 within 1 % also after merging days.
CREATE TABLE IF NOT EXISTS requests_by_minute {{on_cluster}}
(
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    Route LowCardinality(String),
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Requests SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Errors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    DurationNs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    RequestBytes SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ResponseBytes SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Latency AggregateFunction(quantilesDD(0.005, 0.5, 0.95, 0.99), Float64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toDate(Time)
ORDER BY (toStartOfHour(Time), TenantId, Time, ServiceName, Route)
TTL Time + INTERVAL {{retain_minutes_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS requests_by_hour {{on_cluster}} AS requests_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName, Route)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS requests_by_day {{on_cluster}} AS requests_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName, Route)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS db_calls_by_minute {{on_cluster}}
(
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    DbSystem LowCardinality(String),
    DbOperation LowCardinality(String),
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Calls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Errors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    SlowCalls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    DurationNs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toDate(Time)
ORDER BY (toStartOfHour(Time), TenantId, Time, ServiceName, DbSystem, DbOperation)
TTL Time + INTERVAL {{retain_minutes_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS db_calls_by_hour {{on_cluster}} AS db_calls_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName, DbSystem, DbOperation)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS db_calls_by_day {{on_cluster}} AS db_calls_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName, DbSystem, DbOperation)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS cache_lookups_by_minute {{on_cluster}}
(
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Hits SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Misses SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toDate(Time)
ORDER BY (toStartOfHour(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_minutes_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS cache_lookups_by_hour {{on_cluster}} AS cache_lookups_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS cache_lookups_by_day {{on_cluster}} AS cache_lookups_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- InputTier is the lower bound of the size class of the single call's input: price lists have steps by the size of one
-- call, so a sum of calls can be priced rightly only if calls of different steps are kept apart (src/domain/ai-usage.ts).
CREATE TABLE IF NOT EXISTS ai_usage_by_minute {{on_cluster}}
(
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    Provider LowCardinality(String),
    Model LowCardinality(String),
    Operation LowCardinality(String),
    InputTier UInt32,
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Calls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Errors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    DurationNs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    InputTokens SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    OutputTokens SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    CacheReadTokens SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    CacheWriteTokens SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ReasoningTokens SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toDate(Time)
ORDER BY (toStartOfHour(Time), TenantId, Time, ServiceName, Provider, Model, Operation, InputTier)
TTL Time + INTERVAL {{retain_minutes_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS ai_usage_by_hour {{on_cluster}} AS ai_usage_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName, Provider, Model, Operation, InputTier)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS ai_usage_by_day {{on_cluster}} AS ai_usage_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName, Provider, Model, Operation, InputTier)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- Every span of every tenant, the unknown one included: the attributed share of each service comes from here.
CREATE TABLE IF NOT EXISTS spans_by_minute {{on_cluster}}
(
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Spans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toDate(Time)
ORDER BY (toStartOfHour(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_minutes_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS spans_by_hour {{on_cluster}} AS spans_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS spans_by_day {{on_cluster}} AS spans_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- What the detector looks at: ten-second steps, so that three of five intervals pass in under a minute. By the time the
-- span was received, not by the time it claims: an app with a wrong clock must not move its load into the past.
CREATE TABLE IF NOT EXISTS activity_by_ten_seconds {{on_cluster}}
(
    TenantId LowCardinality(String),
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Requests SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    AiTokens SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toDate(Time)
ORDER BY (Time, TenantId)
TTL Time + INTERVAL 2 DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};
