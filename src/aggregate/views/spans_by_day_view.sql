-- to: spans_by_day
SELECT
    TenantId,
    ServiceName,
    toStartOfDay(spans_by_hour.Time) AS Time,
    sum(spans_by_hour.Spans) AS Spans,
    sum(spans_by_hour.IntegrationCalls) AS IntegrationCalls,
    sum(spans_by_hour.IntegrationErrors) AS IntegrationErrors,
    sum(spans_by_hour.AdoptedSpans) AS AdoptedSpans
FROM spans_by_hour
GROUP BY TenantId, ServiceName, Time
