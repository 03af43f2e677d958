-- to: ai_usage_by_hour
SELECT
    TenantId,
    ServiceName,
    Provider,
    Model,
    Operation,
    InputTier,
    ServiceTier,
    toStartOfHour(ai_usage_by_minute.Time) AS Time,
    sum(ai_usage_by_minute.Calls) AS Calls,
    sum(ai_usage_by_minute.Errors) AS Errors,
    sum(ai_usage_by_minute.DurationNs) AS DurationNs,
    sum(ai_usage_by_minute.InputTokens) AS InputTokens,
    sum(ai_usage_by_minute.OutputTokens) AS OutputTokens,
    sum(ai_usage_by_minute.CacheReadTokens) AS CacheReadTokens,
    sum(ai_usage_by_minute.CacheWriteTokens) AS CacheWriteTokens,
    sum(ai_usage_by_minute.ReasoningTokens) AS ReasoningTokens,
    sum(ai_usage_by_minute.SearchUnits) AS SearchUnits
FROM ai_usage_by_minute
GROUP BY TenantId, ServiceName, Provider, Model, Operation, InputTier, ServiceTier, Time
