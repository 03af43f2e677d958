-- to: db_calls_by_hour
SELECT
    TenantId,
    ServiceName,
    DbSystem,
    DbOperation,
    toStartOfHour(db_calls_by_minute.Time) AS Time,
    sum(db_calls_by_minute.Calls) AS Calls,
    sum(db_calls_by_minute.Errors) AS Errors,
    sum(db_calls_by_minute.SlowCalls) AS SlowCalls,
    sum(db_calls_by_minute.DurationNs) AS DurationNs,
    sum(db_calls_by_minute.Rows) AS Rows,
    sum(db_calls_by_minute.CallsWithRows) AS CallsWithRows
FROM db_calls_by_minute
GROUP BY TenantId, ServiceName, DbSystem, DbOperation, Time
