-- to: spans_by_day
SELECT
    TenantId,
    ServiceName,
    toStartOfDay(spans_by_hour.Time) AS Time,
    sum(spans_by_hour.Spans) AS Spans
FROM spans_by_hour
GROUP BY TenantId, ServiceName, Time
