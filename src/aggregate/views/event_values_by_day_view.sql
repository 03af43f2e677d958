-- to: event_values_by_day
SELECT
    TenantId,
    Type,
    Path,
    toStartOfDay(event_values_by_hour.Time) AS Time,
    sum(event_values_by_hour.Events) AS Events,
    sum(event_values_by_hour.Total) AS Total,
    min(event_values_by_hour.Least) AS Least,
    max(event_values_by_hour.Most) AS Most,
    max(event_values_by_hour.Latest) AS Latest
FROM event_values_by_hour
GROUP BY TenantId, Type, Path, Time
