-- The names and types that the OpenTelemetry Collector's ClickHouse exporter writes, for Grafana's ClickHouse data
-- source in OTel mode, HyperDX and people's own SQL, with TenantId beside them.
SELECT
    Timestamp,
    lower(hex(TraceId)) AS TraceId,
    lower(hex(SpanId)) AS SpanId,
    if(ParentSpanId = toFixedString('', 8), '', lower(hex(ParentSpanId))) AS ParentSpanId,
    TraceState,
    SpanName,
    CAST(SpanKind, 'String') AS SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    SpanAttributes,
    Duration,
    CAST(StatusCode, 'String') AS StatusCode,
    StatusMessage,
    EventsTimestamp AS `Events.Timestamp`,
    EventsName AS `Events.Name`,
    EventsAttributes AS `Events.Attributes`,
    arrayMap(id -> lower(hex(id)), LinksTraceId) AS `Links.TraceId`,
    arrayMap(id -> lower(hex(id)), LinksSpanId) AS `Links.SpanId`,
    LinksTraceState AS `Links.TraceState`,
    LinksAttributes AS `Links.Attributes`,
    TenantId
FROM tenantry.spans
