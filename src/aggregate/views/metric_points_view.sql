-- to: metric_points
SELECT
    TenantId,
    MetricName,
    Unit,
    metric_landing.Kind::Int8 AS Kind,
    if(metric_landing.Temporality BETWEEN 0 AND 2, metric_landing.Temporality, 0)::Int8 AS Temporality,
    metric_landing.IsMonotonic::Bool AS IsMonotonic,
    ServiceName,
    ServiceInstance,
    ScopeName,
    fromUnixTimestamp64Nano(toInt64(StartNs), 'UTC') AS StartTime,
    fromUnixTimestamp64Nano(toInt64(TimeNs), 'UTC') AS Time,
    Value,
    Observations,
    Attributes,
    ResourceAttributes,
    fromUnixTimestamp64Nano(toInt64(ReceivedAtNs), 'UTC') AS ReceivedAt,
    KeyId
FROM metric_landing
WHERE SetAsideReason = ''
