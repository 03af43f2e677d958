-- to: requests_by_hour
SELECT
    TenantId,
    ServiceName,
    Route,
    toStartOfHour(requests_by_minute.Time) AS Time,
    sum(requests_by_minute.Requests) AS Requests,
    sum(requests_by_minute.Errors) AS Errors,
    sum(requests_by_minute.DurationNs) AS DurationNs,
    sum(requests_by_minute.RequestBytes) AS RequestBytes,
    sum(requests_by_minute.ResponseBytes) AS ResponseBytes,
    quantilesDDMergeState(0.005, 0.5, 0.95, 0.99)(requests_by_minute.Latency) AS Latency
FROM requests_by_minute
GROUP BY TenantId, ServiceName, Route, Time
