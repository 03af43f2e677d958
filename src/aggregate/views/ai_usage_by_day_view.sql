-- to: ai_usage_by_day
SELECT
    TenantId,
    ServiceName,
    Provider,
    Model,
    Operation,
    InputTier,
    ServiceTier,
    toStartOfDay(ai_usage_by_hour.Time) AS Time,
    sum(ai_usage_by_hour.Calls) AS Calls,
    sum(ai_usage_by_hour.Errors) AS Errors,
    sum(ai_usage_by_hour.DurationNs) AS DurationNs,
    sum(ai_usage_by_hour.InputTokens) AS InputTokens,
    sum(ai_usage_by_hour.OutputTokens) AS OutputTokens,
    sum(ai_usage_by_hour.CacheReadTokens) AS CacheReadTokens,
    sum(ai_usage_by_hour.CacheWriteTokens) AS CacheWriteTokens,
    sum(ai_usage_by_hour.ReasoningTokens) AS ReasoningTokens,
    sum(ai_usage_by_hour.SearchUnits) AS SearchUnits
FROM ai_usage_by_hour
GROUP BY TenantId, ServiceName, Provider, Model, Operation, InputTier, ServiceTier, Time
