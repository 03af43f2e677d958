-- How many bytes a tenant had in a store at one moment. A second value for the same moment takes the place of the first.
CREATE TABLE IF NOT EXISTS storage_gauges {{on_cluster}}
(
    TenantId LowCardinality(String),
    Store LowCardinality(String),
    Kind LowCardinality(String),
    Time DateTime64(3, 'UTC'),
    Bytes UInt64,
    -- Standard error of Bytes; absent: nobody can say.
    ErrorBytes Nullable(UInt64),
    Objects Nullable(UInt64),
    Method LowCardinality(String),
    -- How long the value is believed if no newer one comes.
    HoldMs UInt64,
    InsertedAt DateTime64(6, 'UTC')
)
ENGINE = {{replicated}}ReplacingMergeTree(InsertedAt)
PARTITION BY toYYYYMM(Time)
-- One tenant's stores lie together: most questions are about one tenant, the recount goes series by series.
ORDER BY (TenantId, Store, Time)
TTL toDateTime(Time, 'UTC') + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

-- Bytes times how long they were stored. ByteMs is exact; byte-hours are its 3,600,000th part, taken after summing up.
-- A recount writes every row of its hours anew, those that are empty now included, so the newest one is the truth.
CREATE TABLE IF NOT EXISTS storage_by_hour {{on_cluster}}
(
    TenantId LowCardinality(String),
    Store LowCardinality(String),
    Time DateTime('UTC'),
    ByteMs UInt128,
    -- Milliseconds of the hour of which anything is known.
    CoveredMs UInt64,
    -- The last value of the hour.
    Bytes UInt64,
    CountedAt DateTime64(6, 'UTC'),
    ByteHours UInt128 ALIAS intDiv(ByteMs, toUInt128(3600000))
)
ENGINE = {{replicated}}ReplacingMergeTree(CountedAt)
PARTITION BY toYYYYMM(Time)
ORDER BY (TenantId, Store, Time)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS storage_by_day {{on_cluster}}
(
    TenantId LowCardinality(String),
    Store LowCardinality(String),
    Time DateTime('UTC'),
    ByteMs UInt128,
    CoveredMs UInt64,
    Bytes UInt64,
    CountedAt DateTime64(6, 'UTC'),
    ByteHours UInt128 ALIAS intDiv(ByteMs, toUInt128(3600000))
)
ENGINE = {{replicated}}ReplacingMergeTree(CountedAt)
PARTITION BY toYear(Time)
ORDER BY (TenantId, Store, Time)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1;
