-- to: requests_by_minute
-- A request is a server span. Refusals by a throttle are requests too: they are answered, and they show.
SELECT
    TenantId,
    ServiceName,
    Route,
    toStartOfMinute(Timestamp) AS Time,
    count() AS Requests,
    countIf(IsError) AS Errors,
    sum(Duration) AS DurationNs,
    sum(spans.RequestBytes) AS RequestBytes,
    sum(spans.ResponseBytes) AS ResponseBytes,
    quantilesDDState(0.005, 0.5, 0.95, 0.99)(Duration / 1e6) AS Latency
FROM spans
WHERE SpanKind = 'Server'
GROUP BY TenantId, ServiceName, Route, Time
