-- to: metric_points_set_aside
SELECT
    fromUnixTimestamp64Nano(toInt64(ReceivedAtNs), 'UTC') AS ReceivedAt,
    SetAsideReason AS Reason,
    TenantId,
    ServiceName,
    MetricName,
    Kind,
    StartNs,
    TimeNs,
    Value,
    Attributes,
    KeyId
FROM metric_landing
WHERE SetAsideReason != ''
