-- to: cache_lookups_by_minute
SELECT
    TenantId,
    ServiceName,
    toStartOfMinute(Timestamp) AS Time,
    sum(CacheHits) AS Hits,
    sum(CacheMisses) AS Misses
FROM spans
WHERE CacheHits > 0 OR CacheMisses > 0
GROUP BY TenantId, ServiceName, Time
