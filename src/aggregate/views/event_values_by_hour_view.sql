-- to: event_values_by_hour
SELECT
    TenantId,
    Type,
    Path,
    toStartOfHour(event_values_by_minute.Time) AS Time,
    sum(event_values_by_minute.Events) AS Events,
    sum(event_values_by_minute.Total) AS Total,
    min(event_values_by_minute.Least) AS Least,
    max(event_values_by_minute.Most) AS Most,
    max(event_values_by_minute.Latest) AS Latest
FROM event_values_by_minute
GROUP BY TenantId, Type, Path, Time
