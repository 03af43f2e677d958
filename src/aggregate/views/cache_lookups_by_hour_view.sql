-- to: cache_lookups_by_hour
SELECT
    TenantId,
    ServiceName,
    toStartOfHour(cache_lookups_by_minute.Time) AS Time,
    sum(cache_lookups_by_minute.Hits) AS Hits,
    sum(cache_lookups_by_minute.Misses) AS Misses
FROM cache_lookups_by_minute
GROUP BY TenantId, ServiceName, Time
