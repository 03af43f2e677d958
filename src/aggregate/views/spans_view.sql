-- to: spans
-- The stored span. Attribute names: OpenTelemetry semantic conventions 1.44 first, then the names they replaced, then
-- other instrumentations' (table of aliases: src/domain/ai-usage.ts).
-- AI: a span counts as one call to a model only if it is the innermost one: agent, workflow and tool spans repeat the
-- usage of the calls below them, and so do the outer spans of the Vercel AI SDK (`ai.generateText` around
-- `ai.generateText.doGenerate`). Counting both would bill the tenant twice.
WITH
    SpanAttributes AS a,
    SpanKind = 2 AS is_server,
    SpanKind = 3 AS is_client,
    multiIf(a['http.request.method'] != '', a['http.request.method'], a['http.method']) AS http_method,
    multiIf(a['http.response.status_code'] != '', a['http.response.status_code'], a['http.status_code']) AS http_status,
    is_client AND (a['db.system.name'] != '' OR a['db.system'] != '') AS is_db,
    arrayExists(key -> startsWith(key, 'gen_ai.') OR startsWith(key, 'llm.') OR startsWith(key, 'ai.') OR startsWith(key, 'openinference.') OR startsWith(key, 'langfuse.') OR startsWith(key, 'embedding.') OR startsWith(key, 'reranker.'), mapKeys(a)) AS has_ai_keys,
    lower(multiIf(
        a['gen_ai.operation.name'] != '', a['gen_ai.operation.name'],
        a['openinference.span.kind'] != '', a['openinference.span.kind'],
        a['traceloop.span.kind'] != '', a['traceloop.span.kind'],
        a['llm.request.type'] != '', a['llm.request.type'],
        a['ai.operationId'] != '', a['ai.operationId'],
        '')) AS ai_operation,
    has_ai_keys
        AND ai_operation NOT IN ({{ai_wrapper_operations}})
        AND (a['ai.operationId'] = '' OR match(a['ai.operationId'], '\\.do(Generate|Stream|Embed)$'))
        AND (ai_operation != '' OR {{ai_first:input_tokens}} != '' OR {{ai_first:output_tokens}} != '') AS is_ai
SELECT
    TenantId,
    fromUnixTimestamp64Nano(toInt64(StartNs), 'UTC') AS Timestamp,
    EndNs - StartNs AS Duration,
    toFixedString(TraceId, 16) AS TraceId,
    toFixedString(SpanId, 8) AS SpanId,
    toFixedString(ParentSpanId, 8) AS ParentSpanId,
    TraceState,
    SpanName,
    if(SpanKind BETWEEN 0 AND 5, SpanKind, 0)::Int8 AS SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    SpanAttributes,
    if(StatusCode BETWEEN 0 AND 2, StatusCode, 0)::Int8 AS StatusCode,
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
    StatusCode = 2 OR (is_server AND toUInt16OrZero(http_status) >= 500) AS IsError,
    multiIf(
        NOT is_server, '',
        a['http.route'] != '', toValidUTF8(trimLeft(concat(http_method, ' ', a['http.route']))),
        SpanName) AS Route,
    toUInt16OrZero(http_status) AS HttpStatus,
    if(is_server, toUInt64OrZero(multiIf(a['http.request.body.size'] != '', a['http.request.body.size'], a['http.request.size'] != '', a['http.request.size'], a['http.request_content_length'])), 0) AS RequestBytes,
    if(is_server, toUInt64OrZero(multiIf(a['http.response.body.size'] != '', a['http.response.body.size'], a['http.response.size'] != '', a['http.response.size'], a['http.response_content_length'])), 0) AS ResponseBytes,
    if(is_db, toValidUTF8(if(a['db.system.name'] != '', a['db.system.name'], a['db.system'])), '') AS DbSystem,
    if(is_db, upper(toValidUTF8(substring(multiIf(
        a['db.operation.name'] != '', a['db.operation.name'],
        a['db.operation'] != '', a['db.operation'],
        a['db.query.summary'] != '', extract(a['db.query.summary'], '^\\s*(\\w+)'),
        a['db.query.text'] != '', extract(a['db.query.text'], '^\\s*(\\w+)'),
        extract(a['db.statement'], '^\\s*(\\w+)')), 1, 64))), '') AS DbOperation,
    toUInt32OrZero(a[{{cache_hits_attribute}}]) AS CacheHits,
    toUInt32OrZero(a[{{cache_misses_attribute}}]) AS CacheMisses,
    if(is_ai, toValidUTF8(if(ai_operation = '', 'chat', ai_operation)), '') AS AiOperation,
    if(is_ai, toValidUTF8({{ai_first:provider}}), '') AS AiProvider,
    if(is_ai, toValidUTF8({{ai_first:model}}), '') AS AiModel,
    if(is_ai, {{ai_tokens:input_tokens}}, 0) AS AiInputTokens,
    if(is_ai, {{ai_tokens:output_tokens}}, 0) AS AiOutputTokens,
    if(is_ai, {{ai_tokens:cache_read_tokens}}, 0) AS AiCacheReadTokens,
    if(is_ai, {{ai_tokens:cache_write_tokens}}, 0) AS AiCacheWriteTokens,
    if(is_ai, {{ai_tokens:reasoning_tokens}}, 0) AS AiReasoningTokens
FROM span_landing
WHERE SetAsideReason = ''
