-- to: spans_by_minute
SELECT
    TenantId,
    ServiceName,
    toStartOfMinute(Timestamp) AS Time,
    count() AS Spans
FROM spans
GROUP BY TenantId, ServiceName, Time
