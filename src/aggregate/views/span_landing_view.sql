-- to: span_landing
-- One row a span out of each request; says which tenant it belongs to and whether it has to be set aside.
-- The tenant: a key that is bound to one tenant overrules what the span claims; then the span's attributes in the
-- configured order, then the resource's. An id that breaks the pattern counts as none.
-- Shape of the text: every attribute map is worked out once, in a subquery of its own, and all maps of a level go
-- through one expression. The engine analyses this text at every insert, and an alias that is used five times is
-- analysed five times (measured on a one-request segment: 116 ms before, see the bench `insert-overhead`).
SELECT
    multiIf(
        length(TraceId) != 16 OR TraceId = unhex('00000000000000000000000000000000'), 'trace id is not 16 bytes',
        length(SpanId) != 8 OR SpanId = unhex('0000000000000000'), 'span id is not 8 bytes',
        length(ParentSpanId) NOT IN (0, 8), 'parent span id is not 8 bytes',
        StartNs > ReceivedAtNs + {{accept_future_ns}}, 'starts in the future',
        StartNs + {{accept_past_ns}} < ReceivedAtNs, 'too old',
        EndNs < StartNs, 'ends before it starts',
        EndNs > ReceivedAtNs + {{accept_future_ns}}, 'ends in the future',
        '') AS SetAsideReason,
    multiIf(
        KeyTenant != '', KeyTenant,
        match(SpanTenant, '{{tenant_pattern}}'), SpanTenant,
        arrayFirst(
            tenant -> tenant = '(unknown)' OR match(tenant, '{{tenant_pattern}}'),
            arrayPushBack(
                arrayPushBack(arrayMap(name -> SpanAttributes[name], [{{other_tenant_attributes}}]), ResourceTenant),
                '(unknown)'))) AS TenantId,
    ReceivedAtNs,
    KeyId,
    StartNs,
    EndNs,
    TraceId,
    SpanId,
    ParentSpanId,
    TraceState,
    SpanName,
    SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    SpanAttributes,
    StatusCode,
    StatusMessage,
    EventsNs,
    EventsName,
    arraySlice(maps, 2, length(EventsNs)) AS EventsAttributes,
    LinksTraceId,
    LinksSpanId,
    LinksTraceState,
    arraySlice(maps, 2 + length(EventsNs)) AS LinksAttributes
FROM
(
    SELECT
        *,
        maps[1] AS SpanAttributes,
        maps[1][{{tenant_attribute}}] AS SpanTenant
    FROM
    (
        SELECT
            ReceivedAtNs,
            KeyId,
            KeyTenant,
            ServiceName,
            ResourceAttributes,
            ResourceTenant,
            ScopeName,
            ScopeVersion,
            ScopeAttributes,
            span.start_time_unix_nano AS StartNs,
            span.end_time_unix_nano AS EndNs,
            span.trace_id AS TraceId,
            span.span_id AS SpanId,
            span.parent_span_id AS ParentSpanId,
            span.trace_state AS TraceState,
            toValidUTF8(span.name) AS SpanName,
            span.kind AS SpanKind,
            span.status.code AS StatusCode,
            toValidUTF8(span.status.message) AS StatusMessage,
            span.events.time_unix_nano AS EventsNs,
            arrayMap(name -> toValidUTF8(name), span.events.name) AS EventsName,
            span.links.trace_id AS LinksTraceId,
            span.links.span_id AS LinksSpanId,
            span.links.trace_state AS LinksTraceState,
            arrayMap(
                attributes -> {{attribute_map:attributes}},
                arrayConcat([span.attributes], span.events.attributes, span.links.attributes)) AS maps
        FROM
        (
            SELECT
                ReceivedAtNs,
                KeyId,
                KeyTenant,
                maps[1] AS ResourceAttributes,
                maps[2] AS ScopeAttributes,
                toValidUTF8(maps[1]['service.name']) AS ServiceName,
                arrayFirst(
                    tenant -> match(tenant, '{{tenant_pattern}}'),
                    arrayMap(name -> maps[1][name], [{{tenant_attributes}}])) AS ResourceTenant,
                toValidUTF8(scope_name) AS ScopeName,
                toValidUTF8(scope_version) AS ScopeVersion,
                spans
            FROM
            (
                SELECT
                    tenantry_received_at AS ReceivedAtNs,
                    tenantry_key_id AS KeyId,
                    tenantry_key_tenant AS KeyTenant,
                    scope_spans.scope.name AS scope_name,
                    scope_spans.scope.version AS scope_version,
                    scope_spans.spans AS spans,
                    arrayMap(
                        attributes -> {{attribute_map:attributes}},
                        [resource_span.resource.attributes, scope_spans.scope.attributes]) AS maps
                FROM otlp_landing
                ARRAY JOIN resource_spans AS resource_span
                ARRAY JOIN resource_span.scope_spans AS scope_spans
            )
        )
        ARRAY JOIN spans AS span
    )
)
