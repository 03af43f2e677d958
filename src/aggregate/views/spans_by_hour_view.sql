-- to: spans_by_hour
SELECT
    TenantId,
    ServiceName,
    toStartOfHour(spans_by_minute.Time) AS Time,
    sum(spans_by_minute.Spans) AS Spans,
    sum(spans_by_minute.IntegrationCalls) AS IntegrationCalls,
    sum(spans_by_minute.IntegrationErrors) AS IntegrationErrors,
    sum(spans_by_minute.AdoptedSpans) AS AdoptedSpans
FROM spans_by_minute
GROUP BY TenantId, ServiceName, Time
