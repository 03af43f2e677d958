-- to: db_queries_by_hour
-- Statements are made alike after like ones have been added up, as that is the dear part: ClickHouse's
-- normalizeQuery alone takes 1.3 µs a statement. Cost of this view and the next at an insert: below what could be told apart
-- from noise (20,000 spans, three in four of them calls with 500 statements: 372 and 358 ms of CPU with and without).
SELECT
    TenantId,
    ServiceName,
    DbSystem,
    if(place <= {{max_db_queries}}, hash, 0) AS QueryHash,
    Time,
    any(if(place <= {{max_db_queries}}, query_text, {{other_db_queries}})) AS Query,
    sum(part_calls) AS Calls,
    sum(part_errors) AS Errors,
    sum(part_slow) AS SlowCalls,
    sum(part_ns) AS DurationNs,
    sum(part_rows) AS Rows,
    sum(part_with_rows) AS CallsWithRows,
    quantilesDDMergeState(0.01, 0.5, 0.95, 0.99)(part_latency) AS Latency
FROM
(
    SELECT
        *,
        row_number() OVER (PARTITION BY TenantId, Time ORDER BY part_ns DESC, hash, ServiceName, DbSystem) AS place
    FROM
    (
        SELECT
            TenantId,
            ServiceName,
            DbSystem,
            Time,
            query_text,
            cityHash64(query_text) AS hash,
            sum(raw_calls) AS part_calls,
            sum(raw_errors) AS part_errors,
            sum(raw_slow) AS part_slow,
            sum(raw_ns) AS part_ns,
            sum(raw_rows) AS part_rows,
            sum(raw_with_rows) AS part_with_rows,
            quantilesDDMergeState(0.01, 0.5, 0.95, 0.99)(raw_latency) AS part_latency
        FROM
        (
            SELECT
                *,
                {{db_query_columns}}
            FROM
            (
                SELECT
                    TenantId,
                    ServiceName,
                    DbSystem,
                    DbOperation,
                    {{raw_db_query}} AS raw_query,
                    {{db_collection}} AS collection,
                    toStartOfHour(Timestamp)::DateTime('UTC') AS Time,
                    count() AS raw_calls,
                    countIf(IsError) AS raw_errors,
                    countIf(Duration >= {{slow_db_call_ns}}) AS raw_slow,
                    sum(Duration) AS raw_ns,
                    sum(ifNull(DbRows, 0)) AS raw_rows,
                    count(DbRows) AS raw_with_rows,
                    quantilesDDState(0.01, 0.5, 0.95, 0.99)(Duration / 1e6) AS raw_latency
                FROM spans
                WHERE DbSystem != ''
                GROUP BY TenantId, ServiceName, DbSystem, DbOperation, raw_query, collection, Time
            )
        )
        GROUP BY TenantId, ServiceName, DbSystem, Time, query_text
    )
)
GROUP BY TenantId, ServiceName, DbSystem, QueryHash, Time
