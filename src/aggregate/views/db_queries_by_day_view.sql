-- to: db_queries_by_day
SELECT
    TenantId,
    ServiceName,
    DbSystem,
    QueryHash,
    toStartOfDay(db_queries_by_hour.Time) AS Time,
    any(db_queries_by_hour.Query) AS Query,
    sum(db_queries_by_hour.Calls) AS Calls,
    sum(db_queries_by_hour.Errors) AS Errors,
    sum(db_queries_by_hour.SlowCalls) AS SlowCalls,
    sum(db_queries_by_hour.DurationNs) AS DurationNs,
    sum(db_queries_by_hour.Rows) AS Rows,
    sum(db_queries_by_hour.CallsWithRows) AS CallsWithRows,
    quantilesDDMergeState(0.01, 0.5, 0.95, 0.99)(db_queries_by_hour.Latency) AS Latency
FROM db_queries_by_hour
GROUP BY TenantId, ServiceName, DbSystem, QueryHash, Time
