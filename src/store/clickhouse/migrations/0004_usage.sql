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
