import { z } from 'zod';

const count = z.number().min(0);
const attributes = z.record(z.string(), z.string());

const traceItemSchema = z
  .object({
    tenant_id: z.string(),
    trace_id: z.string(),
    span_id: z.string().describe('The request that fits; name, route, service, times and status are its'),
    name: z.string(),
    route: z.string().nullable(),
    service: z.string(),
    http_status: z.int().nullable(),
    status: z.enum(['ok', 'error']),
    started_at: z.string(),
    duration_ms: count,
    root_name: z.string().describe('First span of the tenant in the trace'),
    root_service: z.string(),
    trace_started_at: z.string(),
    trace_duration_ms: count,
    services: z.array(z.string()),
    spans: count.describe('Of the tenant, within an hour around the listed requests; likewise the sums that follow'),
    failed_spans: count,
    db_calls: count,
    db_ms: count,
    ai_calls: count,
    ai_ms: count,
    error_message: z.string().nullable().describe('Cut after 300 characters; null for tenant roles'),
  })
  .meta({ id: 'TraceItem' });

export const traceListSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    items: z.array(traceItemSchema),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'TraceList' });

const traceSpanSchema = z
  .object({
    span_id: z.string(),
    parent_span_id: z.string().nullable(),
    name: z.string(),
    kind: z.string(),
    service: z.string(),
    offset_ms: count.describe('Since started_at of the trace'),
    duration_ms: count,
    status: z.enum(['unset', 'ok', 'error']),
    status_message: z.string().nullable().describe('null for tenant roles'),
    route: z.string().nullable(),
    http_status: z.int().nullable(),
    db_system: z.string().nullable(),
    ai_operation: z.string().nullable(),
    scope: z.string(),
    attributes: attributes.describe('Tenant roles get those about their own use alone; secrets read (hidden)'),
    attributes_hidden: count,
    resource: z.int().min(0).nullable().describe('Index in resources; null for tenant roles'),
    events: z.array(z.object({ offset_ms: z.number(), name: z.string(), attributes })),
    events_hidden: count,
  })
  .meta({ id: 'TraceSpanItem' });

export const traceDetailSchema = z
  .object({
    tenant_id: z.string(),
    trace_id: z.string(),
    started_at: z.string(),
    duration_ms: count,
    spans: z.array(traceSpanSchema).describe('Earliest first, at most 2,000'),
    total_spans: count,
    cut: z.boolean(),
    other_spans: count.nullable().describe("Spans of the trace that are not this tenant's; null for tenant roles"),
    resources: z.array(attributes),
  })
  .meta({ id: 'TraceDetail' });

const eachStep = <Value extends z.ZodType>(value: Value) => z.array(value).describe('One value a step, oldest first');

export const latencyHeatSchema = z
  .object({
    tenant_id: z.string(),
    from: z.string(),
    to: z.string(),
    step_seconds: z.number(),
    source: z
      .enum(['rollups'])
      .describe('Counts come from sketches: exact up to 100 requests a step, within 0.5 % of the requests beyond'),
    bounds_ms: z.array(z.number()).describe('Upper bounds of all buckets but the last, which has none'),
    steps: z.array(
      z.object({
        at: z.number().describe('Start in Unix milliseconds'),
        requests: count,
        errors: count,
        counts: z.array(count).describe('Requests in each bucket; they add up to requests'),
      }),
    ),
    routes: z.array(
      z
        .object({
          route: z.string(),
          requests: count,
          errors: count,
          total_ms: count,
          p50_ms: count,
          p95_ms: count,
          p99_ms: count,
          steps: z.object({
            requests: eachStep(count),
            errors: eachStep(count),
            p50_ms: eachStep(count.nullable()),
            p95_ms: eachStep(count.nullable()),
            p99_ms: eachStep(count.nullable()),
          }),
        })
        .meta({ id: 'RouteLatencyItem' }),
    ),
    total_routes: count,
  })
  .meta({ id: 'LatencyHeatMap' });
