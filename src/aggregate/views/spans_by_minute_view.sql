-- to: spans_by_minute
-- Calls to integrations are counted here and not in a rollup of their own: a view costs time at every insert. A call that a
-- breaker refused never reached the integration.
SELECT
    TenantId,
    ServiceName,
    toStartOfMinute(Timestamp) AS Time,
    count() AS Spans,
    countIf(Integration != '' AND IntegrationOutcome != 'refused') AS IntegrationCalls,
    countIf(Integration != '' AND IntegrationOutcome = 'error') AS IntegrationErrors,
    countIf(IsAdopted) AS AdoptedSpans
FROM spans
GROUP BY TenantId, ServiceName, Time
