-- to: ai_usage_by_minute
SELECT
    TenantId,
    ServiceName,
    AiProvider AS Provider,
    AiModel AS Model,
    AiOperation AS Operation,
    {{ai_input_tier:AiInputTokens}} AS InputTier,
    AiServiceTier AS ServiceTier,
    toStartOfMinute(Timestamp) AS Time,
    count() AS Calls,
    countIf(IsError) AS Errors,
    sum(Duration) AS DurationNs,
    sum(AiInputTokens) AS InputTokens,
    sum(AiOutputTokens) AS OutputTokens,
    sum(AiCacheReadTokens) AS CacheReadTokens,
    sum(AiCacheWriteTokens) AS CacheWriteTokens,
    sum(AiReasoningTokens) AS ReasoningTokens,
    sum(AiSearchUnits) AS SearchUnits
FROM spans
WHERE AiOperation != ''
GROUP BY TenantId, ServiceName, Provider, Model, Operation, InputTier, ServiceTier, Time
