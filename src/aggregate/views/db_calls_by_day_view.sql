-- to: db_calls_by_day
SELECT
    TenantId,
    ServiceName,
    DbSystem,
    DbOperation,
    toStartOfDay(db_calls_by_hour.Time) AS Time,
    sum(db_calls_by_hour.Calls) AS Calls,
    sum(db_calls_by_hour.Errors) AS Errors,
    sum(db_calls_by_hour.SlowCalls) AS SlowCalls,
    sum(db_calls_by_hour.DurationNs) AS DurationNs,
    sum(db_calls_by_hour.Rows) AS Rows,
    sum(db_calls_by_hour.CallsWithRows) AS CallsWithRows
FROM db_calls_by_hour
GROUP BY TenantId, ServiceName, DbSystem, DbOperation, Time
