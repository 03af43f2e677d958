-- to: cache_lookups_by_day
SELECT
    TenantId,
    ServiceName,
    toStartOfDay(cache_lookups_by_hour.Time) AS Time,
    sum(cache_lookups_by_hour.Hits) AS Hits,
    sum(cache_lookups_by_hour.Misses) AS Misses
FROM cache_lookups_by_hour
GROUP BY TenantId, ServiceName, Time
