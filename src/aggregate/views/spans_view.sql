-- to: spans
-- The stored span. Attribute names: OpenTelemetry semantic conventions 1.44 first, then the names they replaced, then
-- other instrumentations' (src/domain/ai-attributes.ts).
-- Database: the Node pg instrumentation gives a span to getting a connection as well; it is no call, and counting it
-- would double the calls of every query.
-- AI: a span counts as one call to a model only if it is the innermost one: agent, workflow and tool spans repeat the
-- usage of the calls below them, and so do the outer spans of the Vercel AI SDK (`ai.generateText` around
-- `ai.generateText.doGenerate`). Counting both would bill the tenant twice.
-- AiInputTokens holds all input, cached tokens included, whichever way the span counted them.
SELECT
    TenantId,
    fromUnixTimestamp64Nano(toInt64(StartNs), 'UTC') AS Timestamp,
    EndNs - StartNs AS Duration,
    toFixedString(TraceId, 16) AS TraceId,
    toFixedString(SpanId, 8) AS SpanId,
    toFixedString(ParentSpanId, 8) AS ParentSpanId,
    TraceState,
    SpanName,
    if(Kind BETWEEN 0 AND 5, Kind, 0)::Int8 AS SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    a AS SpanAttributes,
    if(Status BETWEEN 0 AND 2, Status, 0)::Int8 AS StatusCode,
    StatusMessage,
    arrayMap(ns -> fromUnixTimestamp64Nano(toInt64(ns), 'UTC'), EventsNs) AS EventsTimestamp,
    EventsName,
    EventsAttributes,
    arrayMap(id -> toFixedString(if(length(id) = 16, id, ''), 16), LinksTraceId) AS LinksTraceId,
    arrayMap(id -> toFixedString(if(length(id) = 8, id, ''), 8), LinksSpanId) AS LinksSpanId,
    LinksTraceState,
    LinksAttributes,
    fromUnixTimestamp64Nano(toInt64(ReceivedAtNs), 'UTC') AS ReceivedAt,
    KeyId,
    Status = 2 OR (Kind = 2 AND http_status >= 500) AS IsError,
    multiIf(
        Kind != 2, '',
        a['http.route'] != '', trimLeft(concat(if(a['http.request.method'] != '', a['http.request.method'], a['http.method']), ' ', a['http.route'])),
        SpanName) AS Route,
    http_status AS HttpStatus,
    if(Kind = 2, toUInt64OrZero(multiIf(a['http.request.body.size'] != '', a['http.request.body.size'], a['http.request.size'] != '', a['http.request.size'], a['http.request_content_length'])), 0) AS RequestBytes,
    if(Kind = 2, toUInt64OrZero(multiIf(a['http.response.body.size'] != '', a['http.response.body.size'], a['http.response.size'] != '', a['http.response.size'], a['http.response_content_length'])), 0) AS ResponseBytes,
    db_system AS DbSystem,
    if(db_system = '', '', upper(substringUTF8(multiIf(
        a['db.operation.name'] != '', a['db.operation.name'],
        a['db.operation'] != '', a['db.operation'],
        extract(multiIf(
            a['db.query.summary'] != '', a['db.query.summary'],
            a['db.query.text'] != '', a['db.query.text'],
            a['db.statement']), '^\\s*(\\w+)')), 1, 64))) AS DbOperation,
    if(db_system = '', NULL, {{db_rows}}) AS DbRows,
    toUInt32OrZero(a[{{cache_hits_attribute}}]) AS CacheHits,
    toUInt32OrZero(a[{{cache_misses_attribute}}]) AS CacheMisses,
    if(is_ai, if(ai_operation = '', 'chat', ai_operation), '') AS AiOperation,
    if(is_ai, {{ai_first:provider}}, '') AS AiProvider,
    if(is_ai, {{ai_first:model}}, '') AS AiModel,
    if(is_ai, {{ai_tokens:cache_read_tokens}}, 0) AS AiCacheReadTokens,
    if(is_ai, {{ai_tokens:cache_write_tokens}}, 0) AS AiCacheWriteTokens,
    if(is_ai, {{ai_whole_input:AiCacheReadTokens, AiCacheWriteTokens}}, 0) AS AiInputTokens,
    if(is_ai, {{ai_tokens:output_tokens}}, 0) AS AiOutputTokens,
    if(is_ai, {{ai_tokens:reasoning_tokens}}, 0) AS AiReasoningTokens,
    if(is_ai, {{ai_service_tier}}, '') AS AiServiceTier,
    if(is_ai, {{ai_tokens:search_units}}, 0) AS AiSearchUnits,
    substringUTF8(a[{{integration_attribute}}], 1, 128) AS Integration,
    if(Integration = '', '', substringUTF8(a[{{integration_outcome_attribute}}], 1, 16)) AS IntegrationOutcome,
    Batch != '' AND TenantId != {{unknown_tenant}} AS IsAdopted
FROM
(
    SELECT
        *,
        has_ai_keys
            AND ai_operation NOT IN ({{ai_wrapper_operations}})
            AND (a['ai.operationId'] = '' OR match(a['ai.operationId'], '\\.do(Generate|Stream|Embed)$'))
            AND (ai_operation != '' OR {{ai_first:input_tokens}} != '' OR {{ai_first:output_tokens}} != '') AS is_ai
    FROM
    (
        SELECT
            * EXCEPT (SpanAttributes, SpanKind, StatusCode),
            SpanAttributes AS a,
            SpanKind AS Kind,
            StatusCode AS Status,
            if(Kind = 2, toUInt16OrZero(if(a['http.response.status_code'] != '', a['http.response.status_code'], a['http.status_code'])), 0) AS http_status,
            multiIf(Kind != 3 OR SpanName IN ('pg.connect', 'pg-pool.connect'), '', a['db.system.name'] != '', a['db.system.name'], a['db.system']) AS db_system,
            arrayExists(key -> match(key, '^(gen_ai|llm|ai|openinference|langfuse|embedding|reranker)[.]'), mapKeys(a)) AS has_ai_keys,
            if(has_ai_keys, lower(multiIf(
                a['gen_ai.operation.name'] != '', a['gen_ai.operation.name'],
                a['openinference.span.kind'] != '', a['openinference.span.kind'],
                a['traceloop.span.kind'] != '', a['traceloop.span.kind'],
                a['llm.request.type'] != '', a['llm.request.type'],
                a['ai.operationId'])), '') AS ai_operation
        FROM span_landing
        WHERE {{is_stored_now}}
    )
)
