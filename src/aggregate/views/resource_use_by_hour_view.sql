-- to: resource_use_by_hour
SELECT
    TenantId,
    ServiceName,
    toStartOfHour(resource_use_by_minute.Time) AS Time,
    sum(resource_use_by_minute.CpuNs) AS CpuNs,
    sum(resource_use_by_minute.CpuSamples) AS CpuSamples,
    sum(resource_use_by_minute.EventLoopNs) AS EventLoopNs,
    sum(resource_use_by_minute.NetworkReceiveBytes) AS NetworkReceiveBytes,
    sum(resource_use_by_minute.NetworkTransmitBytes) AS NetworkTransmitBytes,
    sum(resource_use_by_minute.AllocatedBytes) AS AllocatedBytes,
    sum(resource_use_by_minute.PointsNotAdded) AS PointsNotAdded
FROM resource_use_by_minute
GROUP BY TenantId, ServiceName, Time
