-- to: span_landing
-- One row a span out of each request; says which tenant it belongs to and whether it has to be set aside.
-- The tenant: a key that is bound to one tenant overrules what the span claims; then the span's attributes in the
-- configured order, then the resource's. An id that breaks the pattern counts as none. A key that is bound to one
-- service likewise overrules the resource's `service.name`, which stays among the attributes as it was sent.
-- Shape of the text: the engine analyses it at every insert, and every function that touches the nested OTLP type costs
-- as much as that type is large. So the fields are read as columns of their own first, ARRAY JOIN runs over those, one
-- level a subquery, and one expression turns the attribute lists of a scope and all its spans into maps. Measured up to
-- here (bench `insert-overhead`, same machine, interleaved): a tiny segment took 88 ms of CPU with joined tuples and two
-- such expressions and takes 43 ms so; a full one 5.4 and 4.1 µs a span. Of these, decoding is 5 ms and 1.5 µs.
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
    {{resolve_tenant:SpanTenant, SpanAttributes}} AS TenantId,
    ReceivedAtNs,
    KeyId,
    StartNs,
    EndNs,
    TraceId,
    SpanId,
    ParentSpanId,
    TraceState,
    toValidUTF8(RawSpanName) AS SpanName,
    SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    SpanAttributes,
    StatusCode,
    toValidUTF8(RawStatusMessage) AS StatusMessage,
    EventsNs,
    arrayMap(name -> toValidUTF8(name), RawEventsName) AS EventsName,
    EventsAttributes,
    LinksTraceId,
    LinksSpanId,
    LinksTraceState,
    LinksAttributes
FROM
(
    SELECT
        *,
        SpanAttributes[{{tenant_attribute}}] AS SpanTenant
    FROM
    (
        SELECT
            ReceivedAtNs,
            KeyId,
            KeyTenant,
            KeyService,
            maps[1][1] AS ResourceAttributes,
            maps[1][2] AS ScopeAttributes,
            if(KeyService != '', KeyService, toValidUTF8(maps[1][1]['service.name'])) AS ServiceName,
            arrayFirst(
                tenant -> match(tenant, '{{tenant_pattern}}'),
                arrayMap(name -> maps[1][1][name], [{{tenant_attributes}}])) AS ResourceTenant,
            toValidUTF8(RawScopeName) AS ScopeName,
            toValidUTF8(RawScopeVersion) AS ScopeVersion,
            {{span_columns}},
            maps[2] AS SpanAttributes,
            arraySlice(maps, 3, length(StartNs)) AS EventsAttributes,
            arraySlice(maps, 3 + length(StartNs)) AS LinksAttributes
        FROM
        (
            SELECT
                *,
                arrayMap(
                    lists -> arrayMap(attributes -> {{attribute_map:attributes}}, lists),
                    arrayConcat(
                        [[RawResourceAttributes, RawScopeAttributes], RawSpanAttributes],
                        RawEventsAttributes,
                        RawLinksAttributes)) AS maps
            FROM
            (
                SELECT *
                FROM
                (
                    SELECT
                        tenantry_received_at AS ReceivedAtNs,
                        tenantry_key_id AS KeyId,
                        tenantry_key_tenant AS KeyTenant,
                        tenantry_key_service AS KeyService,
                        resource_spans.resource.attributes AS RawResourceAttributes,
                        {{scope_column_reads}}
                    FROM otlp_landing
                )
                ARRAY JOIN RawResourceAttributes, {{scope_columns}}
            )
            ARRAY JOIN {{scope_columns}}
        )
    )
    ARRAY JOIN {{span_columns}}, SpanAttributes, EventsAttributes, LinksAttributes
)
