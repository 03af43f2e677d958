-- to: spans_set_aside
SELECT
    fromUnixTimestamp64Nano(toInt64(ReceivedAtNs), 'UTC') AS ReceivedAt,
    SetAsideReason AS Reason,
    TenantId,
    ServiceName,
    SpanName,
    SpanKind,
    hex(TraceId) AS TraceId,
    hex(SpanId) AS SpanId,
    StartNs,
    EndNs,
    SpanAttributes,
    KeyId
FROM span_landing
WHERE SetAsideReason != ''
