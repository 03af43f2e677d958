-- The service that the sender's key is bound to, from the trailer; empty for keys of any service and in segments that
-- were written before the trailer had the field. It overrules what the resource claims (views span_landing_view and
-- metric_landing_view).
ALTER TABLE otlp_landing {{on_cluster}} ADD COLUMN IF NOT EXISTS tenantry_key_service String;
ALTER TABLE otlp_metrics_landing {{on_cluster}} ADD COLUMN IF NOT EXISTS tenantry_key_service String;
