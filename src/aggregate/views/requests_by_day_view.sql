-- to: requests_by_day
SELECT
    TenantId,
    ServiceName,
    Route,
    toStartOfDay(requests_by_hour.Time) AS Time,
    sum(requests_by_hour.Requests) AS Requests,
    sum(requests_by_hour.Errors) AS Errors,
    sum(requests_by_hour.DurationNs) AS DurationNs,
    sum(requests_by_hour.RequestBytes) AS RequestBytes,
    sum(requests_by_hour.ResponseBytes) AS ResponseBytes,
    quantilesDDMergeState(0.005, 0.5, 0.95, 0.99)(requests_by_hour.Latency) AS Latency
FROM requests_by_hour
GROUP BY TenantId, ServiceName, Route, Time
