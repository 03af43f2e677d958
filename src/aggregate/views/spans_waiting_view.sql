-- to: spans_waiting
-- Spans that name no tenant wait for that of their trace. The loader names the batch beside the insert, as no value
-- inside it says when it was loaded; what is inserted by others waits under a name that no loader takes for its own.
SELECT
    * REPLACE (if(getSetting('log_comment') = '', 'nobody', getSetting('log_comment')) AS Batch)
FROM span_landing
WHERE SetAsideReason = '' AND TenantId = {{unknown_tenant}} AND span_landing.Batch = ''
