-- to: event_values_by_minute
SELECT
    TenantId,
    Type,
    number.1 AS Path,
    toStartOfMinute(usage_events.Time) AS Time,
    count() AS Events,
    sum(number.2) AS Total,
    min(number.2) AS Least,
    max(number.2) AS Most,
    max((usage_events.Time, Source, Id, number.2)) AS Latest
FROM usage_events
ARRAY JOIN arrayConcat([('', toDecimal128(0, 9))], arrayZip(mapKeys(Numbers), mapValues(Numbers))) AS number
GROUP BY TenantId, Type, Path, Time
