-- to: db_calls_by_minute
SELECT
    TenantId,
    ServiceName,
    DbSystem,
    DbOperation,
    toStartOfMinute(Timestamp) AS Time,
    count() AS Calls,
    countIf(IsError) AS Errors,
    countIf(Duration >= {{slow_db_call_ns}}) AS SlowCalls,
    sum(Duration) AS DurationNs,
    sum(ifNull(DbRows, 0)) AS Rows,
    count(DbRows) AS CallsWithRows
FROM spans
WHERE DbSystem != ''
GROUP BY TenantId, ServiceName, DbSystem, DbOperation, Time
