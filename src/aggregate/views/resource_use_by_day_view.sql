-- to: resource_use_by_day
SELECT
    TenantId,
    ServiceName,
    toStartOfDay(resource_use_by_hour.Time) AS Time,
    sum(resource_use_by_hour.CpuNs) AS CpuNs,
    sum(resource_use_by_hour.CpuSamples) AS CpuSamples,
    sum(resource_use_by_hour.EventLoopNs) AS EventLoopNs,
    sum(resource_use_by_hour.NetworkReceiveBytes) AS NetworkReceiveBytes,
    sum(resource_use_by_hour.NetworkTransmitBytes) AS NetworkTransmitBytes,
    sum(resource_use_by_hour.AllocatedBytes) AS AllocatedBytes,
    sum(resource_use_by_hour.PointsNotAdded) AS PointsNotAdded
FROM resource_use_by_hour
GROUP BY TenantId, ServiceName, Time
