-- to: activity_by_ten_seconds
SELECT
    TenantId,
    toStartOfInterval(ReceivedAt, INTERVAL {{activity_seconds}} SECOND)::DateTime('UTC') AS Time,
    countIf(SpanKind = 'Server') AS Requests,
    sum(AiInputTokens) + sum(AiOutputTokens) AS AiTokens
FROM spans
WHERE SpanKind = 'Server' OR AiOperation != ''
GROUP BY TenantId, Time
