-- to: span_landing
-- One row a span out of each request; says which tenant it belongs to and whether it has to be set aside.
-- The tenant: a key that is bound to one tenant overrules what the span claims; then the span's attributes in the
-- configured order, then the resource's. An id that breaks the pattern counts as none.
WITH
    [{{other_tenant_attributes}}] AS other_tenant_attributes,
    '{{tenant_pattern}}' AS tenant_pattern
SELECT
    multiIf(
        length(span.trace_id) != 16 OR span.trace_id = unhex('00000000000000000000000000000000'), 'trace id is not 16 bytes',
        length(span.span_id) != 8 OR span.span_id = unhex('0000000000000000'), 'span id is not 8 bytes',
        length(span.parent_span_id) NOT IN (0, 8), 'parent span id is not 8 bytes',
        span.start_time_unix_nano > tenantry_received_at + {{accept_future_ns}}, 'starts in the future',
        span.start_time_unix_nano + {{accept_past_ns}} < tenantry_received_at, 'too old',
        span.end_time_unix_nano < span.start_time_unix_nano, 'ends before it starts',
        span.end_time_unix_nano > tenantry_received_at + {{accept_future_ns}}, 'ends in the future',
        '') AS SetAsideReason,
    multiIf(
        tenantry_key_tenant != '', tenantry_key_tenant,
        match(SpanAttributes[{{tenant_attribute}}], tenant_pattern), SpanAttributes[{{tenant_attribute}}],
        arrayFirst(
            tenant -> tenant = '(unknown)' OR match(tenant, tenant_pattern),
            arrayPushBack(
                arrayPushBack(arrayMap(name -> SpanAttributes[name], other_tenant_attributes), ResourceTenant),
                '(unknown)'))) AS TenantId,
    tenantry_received_at AS ReceivedAtNs,
    tenantry_key_id AS KeyId,
    span.start_time_unix_nano AS StartNs,
    span.end_time_unix_nano AS EndNs,
    span.trace_id AS TraceId,
    span.span_id AS SpanId,
    span.parent_span_id AS ParentSpanId,
    span.trace_state AS TraceState,
    toValidUTF8(span.name) AS SpanName,
    span.kind AS SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    {{attribute_map:span.attributes}} AS SpanAttributes,
    span.status.code AS StatusCode,
    span.status.message AS StatusMessage,
    span.events.time_unix_nano AS EventsNs,
    span.events.name AS EventsName,
    arrayMap(attributes -> {{attribute_map:attributes}}, span.events.attributes) AS EventsAttributes,
    span.links.trace_id AS LinksTraceId,
    span.links.span_id AS LinksSpanId,
    span.links.trace_state AS LinksTraceState,
    arrayMap(attributes -> {{attribute_map:attributes}}, span.links.attributes) AS LinksAttributes
FROM
(
    SELECT
        tenantry_received_at,
        tenantry_key_id,
        tenantry_key_tenant,
        ServiceName,
        ResourceAttributes,
        ResourceTenant,
        toValidUTF8(scope.name) AS ScopeName,
        scope.version AS ScopeVersion,
        {{attribute_map:scope.attributes}} AS ScopeAttributes,
        spans
    FROM
    (
        SELECT
            tenantry_received_at,
            tenantry_key_id,
            tenantry_key_tenant,
            {{attribute_map:resource_span.resource.attributes}} AS ResourceAttributes,
            toValidUTF8(ResourceAttributes['service.name']) AS ServiceName,
            arrayFirst(t -> match(t, '{{tenant_pattern}}'), arrayMap(name -> ResourceAttributes[name], [{{tenant_attributes}}])) AS ResourceTenant,
            resource_span.scope_spans.scope AS scopes,
            resource_span.scope_spans.spans AS spans_of_scopes
        FROM otlp_landing
        ARRAY JOIN resource_spans AS resource_span
    )
    ARRAY JOIN scopes AS scope, spans_of_scopes AS spans
)
ARRAY JOIN spans AS span
