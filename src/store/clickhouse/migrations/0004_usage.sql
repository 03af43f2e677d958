-- What tenants use beyond requests, calls and tokens: database rows, calls to integrations, search units of rerankers. New
-- columns of tables that are there rather than tables: every further view on spans costs time at each insert.
-- DbRows: NULL where the instrumentation does not say how many rows a call returned or changed, as most do not.
ALTER TABLE spans {{on_cluster}}
    ADD COLUMN IF NOT EXISTS DbRows Nullable(UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS AiSearchUnits UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS Integration LowCardinality(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS IntegrationOutcome LowCardinality(String) CODEC(ZSTD(1));

-- CallsWithRows: calls that said how many rows; 0 means that Rows was not measured.
ALTER TABLE db_calls_by_minute {{on_cluster}}
    ADD COLUMN IF NOT EXISTS Rows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS CallsWithRows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE db_calls_by_hour {{on_cluster}}
    ADD COLUMN IF NOT EXISTS Rows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS CallsWithRows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE db_calls_by_day {{on_cluster}}
    ADD COLUMN IF NOT EXISTS Rows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS CallsWithRows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE ai_usage_by_minute {{on_cluster}}
    ADD COLUMN IF NOT EXISTS SearchUnits SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE ai_usage_by_hour {{on_cluster}}
    ADD COLUMN IF NOT EXISTS SearchUnits SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE ai_usage_by_day {{on_cluster}}
    ADD COLUMN IF NOT EXISTS SearchUnits SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE spans_by_minute {{on_cluster}}
    ADD COLUMN IF NOT EXISTS IntegrationCalls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS IntegrationErrors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE spans_by_hour {{on_cluster}}
    ADD COLUMN IF NOT EXISTS IntegrationCalls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS IntegrationErrors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

ALTER TABLE spans_by_day {{on_cluster}}
    ADD COLUMN IF NOT EXISTS IntegrationCalls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS IntegrationErrors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));

-- Sellers' service tiers have prices of their own. The tier is part of the sort key, or the merges of an aggregating table
-- would add up what is priced apart.
ALTER TABLE spans {{on_cluster}}
    ADD COLUMN IF NOT EXISTS AiServiceTier LowCardinality(String) CODEC(ZSTD(1));

ALTER TABLE ai_usage_by_minute {{on_cluster}}
    ADD COLUMN IF NOT EXISTS ServiceTier LowCardinality(String),
    MODIFY ORDER BY (toStartOfHour(Time), TenantId, Time, ServiceName, Provider, Model, Operation, InputTier, ServiceTier);

ALTER TABLE ai_usage_by_hour {{on_cluster}}
    ADD COLUMN IF NOT EXISTS ServiceTier LowCardinality(String),
    MODIFY ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName, Provider, Model, Operation, InputTier, ServiceTier);

ALTER TABLE ai_usage_by_day {{on_cluster}}
    ADD COLUMN IF NOT EXISTS ServiceTier LowCardinality(String),
    MODIFY ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName, Provider, Model, Operation, InputTier, ServiceTier);

-- Which statements cost a tenant's database time, without the values in them (src/aggregate/db-query-sql.ts). No minutes:
-- nobody asks which statement it was in a minute, and every further level costs time at each insert. Sorted by the hash, as
-- statements are long. QueryHash 0: what was beyond the number that is told apart. Latency within 1 %.
CREATE TABLE IF NOT EXISTS db_queries_by_hour {{on_cluster}}
(
    TenantId LowCardinality(String),
    ServiceName LowCardinality(String),
    DbSystem LowCardinality(String),
    QueryHash UInt64,
    Time DateTime('UTC') CODEC(Delta, ZSTD(1)),
    Query SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    Calls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Errors SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    SlowCalls SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    DurationNs SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Rows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    CallsWithRows SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    Latency AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64) CODEC(ZSTD(1))
)
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYYYYMM(Time)
ORDER BY (toStartOfDay(Time), TenantId, Time, ServiceName, DbSystem, QueryHash)
TTL Time + INTERVAL {{retain_hours_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};

CREATE TABLE IF NOT EXISTS db_queries_by_day {{on_cluster}} AS db_queries_by_hour
ENGINE = {{replicated}}AggregatingMergeTree
PARTITION BY toYear(Time)
ORDER BY (toStartOfMonth(Time), TenantId, Time, ServiceName, DbSystem, QueryHash)
TTL Time + INTERVAL {{retain_days_days}} DAY
SETTINGS ttl_only_drop_parts = 1, {{dedup_window}};
