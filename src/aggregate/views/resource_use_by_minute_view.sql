-- to: resource_use_by_minute
-- A point stands for the interval that ends at its time: one taken on the full minute belongs to the minute before.
SELECT
    TenantId,
    ServiceName,
    toStartOfMinute(metric_points.Time - toIntervalNanosecond(1)) AS Time,
    sumIf(toUInt64(round(Value * 1e9)), is_delta AND {{is_resource_metric:cpuTime}}) AS CpuNs,
    sumIf(toUInt64(round(Value)), is_delta AND {{is_resource_metric:cpuSamples}}) AS CpuSamples,
    sumIf(toUInt64(round(Value * 1e9)), is_delta AND {{is_resource_metric:eventLoopTime}}) AS EventLoopNs,
    sumIf(toUInt64(round(Value)), is_delta AND direction = {{network_direction:receive}}) AS NetworkReceiveBytes,
    sumIf(toUInt64(round(Value)), is_delta AND direction = {{network_direction:transmit}}) AS NetworkTransmitBytes,
    sumIf(toUInt64(round(Value)), is_delta AND {{is_resource_metric:memoryAllocated}}) AS AllocatedBytes,
    countIf(NOT (is_delta AND (
        {{is_resource_metric:cpuTime}}
        OR {{is_resource_metric:cpuSamples}}
        OR {{is_resource_metric:eventLoopTime}}
        OR {{is_resource_metric:memoryAllocated}}
        OR direction IN ({{network_direction:receive}}, {{network_direction:transmit}})))) AS PointsNotAdded
FROM
(
    SELECT
        TenantId,
        ServiceName,
        MetricName,
        Unit,
        Time,
        Value,
        Kind = 'Sum' AND Temporality = 'Delta' AND IsMonotonic AS is_delta,
        if({{is_resource_metric:networkIo}}, Attributes[{{network_direction_attribute}}], '') AS direction
    FROM metric_points
    WHERE MetricName IN ({{resource_metric_names}})
) AS metric_points
GROUP BY TenantId, ServiceName, Time
