-- Late tenants: a span without a tenant takes the tenant of its trace (src/store/clickhouse/late-tenants.ts). It waits
-- before it enters `spans` and the rollups, as sums and sketches cannot be corrected afterwards. `Batch` is empty in what
-- comes out of a segment, and names the batch that a span has waited in once it lands for the second time.
ALTER TABLE span_landing {{on_cluster}} ADD COLUMN IF NOT EXISTS Batch String;

-- The spans that wait. One partition a batch: a batch is closed before it is looked at and dropped whole once its spans
-- are stored. No TTL: what was acknowledged is never dropped unstored.
CREATE TABLE IF NOT EXISTS spans_waiting {{on_cluster}} AS span_landing
ENGINE = {{replicated}}MergeTree
PARTITION BY Batch
ORDER BY (StartNs, TraceId, SpanId)
SETTINGS {{dedup_window}};

-- What was found for a batch, written once and in one part, so that every later attempt gives its spans the same
-- tenants. The row with the id of zeros, which no trace has, says that it is there even where nothing was found.
CREATE TABLE IF NOT EXISTS adopting_traces {{on_cluster}}
(
    Batch String,
    TraceId FixedString(16),
    TenantId LowCardinality(String)
)
ENGINE = {{replicated}}MergeTree
PARTITION BY Batch
ORDER BY TraceId
SETTINGS {{dedup_window}};

-- Which spans have their tenant from their trace.
ALTER TABLE spans {{on_cluster}} ADD COLUMN IF NOT EXISTS IsAdopted Bool CODEC(ZSTD(1));
ALTER TABLE spans_by_minute {{on_cluster}}
    ADD COLUMN IF NOT EXISTS AdoptedSpans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));
ALTER TABLE spans_by_hour {{on_cluster}}
    ADD COLUMN IF NOT EXISTS AdoptedSpans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));
ALTER TABLE spans_by_day {{on_cluster}}
    ADD COLUMN IF NOT EXISTS AdoptedSpans SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1));
