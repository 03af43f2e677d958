-- Events that the operator's apps send to be counted (POST /v1/events). PostgreSQL has seen to it that each is here once,
-- so nothing that reads has to look for repetitions. Numbers and Texts hold every single value of Data by its path.
-- Sort key: a meter names a type; then come the tenant and its time. ReceivedAt is when it was taken in.
CREATE TABLE IF NOT EXISTS usage_events {{on_cluster}}
(
    TenantId LowCardinality(String),
    Type LowCardinality(String),
    Time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    Source String CODEC(ZSTD(1)),
    Id String CODEC(ZSTD(1)),
    Numbers Map(LowCardinality(String), Decimal(38, 9)) CODEC(ZSTD(1)),
    Texts Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Data String CODEC(ZSTD(1)),
    ReceivedAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    KeyId LowCardinality(String)
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (Type, TenantId, Time)
TTL toDateTime(Time) + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- The numbers in events, and under the path '' the events themselves, whatever meters there are: one that is defined
-- later counts what came before. Decimals, so that sums are the same in whatever order they are made. Latest: by time,
-- then by source and id, so that it does not depend on the order of arrival either. Months and not days as partitions: an
-- insert may carry events of many days, and one that touches more than a hundred partitions fails.
CREATE TABLE IF NOT EXISTS event_values_by_minute {{on_cluster}}
(
    TenantId LowCardinality(String),
    Type LowCardinality(String),
    Path LowCardinality(String),
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Events SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Total SimpleAggregateFunction(sum, Decimal(38, 9)) CODEC(ZSTD(1)),
    Least SimpleAggregateFunction(min, Decimal(38, 9)) CODEC(ZSTD(1)),
    Most SimpleAggregateFunction(max, Decimal(38, 9)) CODEC(ZSTD(1)),
    Latest SimpleAggregateFunction(max, Tuple(DateTime64(3, 'UTC'), String, String, Decimal(38, 9))) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (Type, Path, toStartOfHour(Time), TenantId, Time)
TTL Time + INTERVAL {{retain_minutes_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS event_values_by_hour {{on_cluster}} AS event_values_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (Type, Path, toStartOfDay(Time), TenantId, Time)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS event_values_by_day {{on_cluster}} AS event_values_by_minute
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (Type, Path, toStartOfMonth(Time), TenantId, Time)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};
