-- to: spans_by_hour
SELECT
    TenantId,
    ServiceName,
    toStartOfHour(spans_by_minute.Time) AS Time,
    sum(spans_by_minute.Spans) AS Spans
FROM spans_by_minute
GROUP BY TenantId, ServiceName, Time
