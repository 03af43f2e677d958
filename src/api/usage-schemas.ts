import { z } from 'zod';

const value = z
  .union([z.int(), z.string().regex(/^-?\d+$/)])
  .nullable()
  .describe('Whole number: a JSON number up to 2^53 - 1, decimal text beyond. null: not measured, which is not zero');
const values = z.record(z.string(), value);
const ratio = z.number().min(0).nullable();

const tenantUsageSchema = z
  .object({
    tenant_id: z.string(),
    values,
    ratios: z
      .object({
        error_rate: ratio,
        cache_hit_rate: ratio,
        integration_error_rate: ratio,
        slow_db_call_rate: ratio,
      })
      .describe('null: nothing was counted that it is a share of, or its metrics were not asked for'),
    compute: z
      .object({
        cpu_ns: value.describe('CPU time in services that report it; null: the tenant used none of them'),
        request_ns: value.describe('Request time in all other services'),
        cpu_share: ratio.describe('Of the CPU time of all tenants; null where only one is asked for'),
        request_time_share: ratio.describe('Likewise of the request time'),
      })
      .nullable()
      .describe('null if neither busy_ns nor cpu_ns was asked for. The two are never added: they are different times'),
    series: z
      .array(z.object({ at: z.string().describe('Start of the step'), values }))
      .nullable()
      .describe('null without a step. Steps add up to values; one in which nobody sent anything is absent'),
  })
  .meta({ id: 'TenantUsage' });

export const usageListSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    step: z.enum(['minute', 'hour', 'day', 'month']).nullable(),
    units: z.record(z.string(), z.string()).describe('Unit of each metric'),
    items: z.array(tenantUsageSchema),
    next_cursor: z.string().nullable(),
    total: z.int().min(0).describe('Tenants, over all pages'),
    services: z
      .array(
        z.object({
          service: z.string(),
          measures: z.array(z.string()).describe('Of the metrics asked for; in all others they were not measured'),
          compute_basis: z
            .enum(['cpu_time', 'request_time'])
            .describe(
              'cpu_time: it reported CPU time in the window; request_time: compute is told by how long requests took',
            ),
        }),
      )
      .describe('Services that sent anything on the days of the window; tenant callers see those that they used'),
  })
  .meta({ id: 'UsageList' });

const count = z.number().min(0);

export const queryListSchema = z
  .object({
    from: z.string().describe('Whole hours'),
    to: z.string(),
    items: z.array(
      z
        .object({
          tenant_id: z.string().nullable().describe('null: all tenants together'),
          query_hash: z.string(),
          query: z.string().describe('Summary, or statement without its values; (other): beyond those told apart'),
          db_system: z.string(),
          services: z.array(z.string()),
          tenants: count.describe('Tenants behind the row'),
          calls: count,
          errors: count,
          slow_calls: count,
          total_ms: count,
          mean_ms: count,
          p50_ms: count,
          p95_ms: count,
          p99_ms: count,
          rows: count.nullable().describe('Returned or changed; null: no call said how many'),
          time_share: count.describe('Of all database time of whom the answer is about, 0 to 1'),
        })
        .meta({ id: 'QueryItem' }),
    ),
    total: z.int().min(0).describe('Statements in the window, those beyond the limit too'),
  })
  .meta({ id: 'QueryList' });

export const slowQueryListSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    min_duration_ms: count,
    items: z.array(
      z
        .object({
          tenant_id: z.string(),
          trace_id: z.string(),
          span_id: z.string(),
          started_at: z.string(),
          duration_ms: count,
          service: z.string(),
          db_system: z.string(),
          query_hash: z.string(),
          query: z.string(),
          failed: z.boolean(),
          rows: count.nullable(),
        })
        .meta({ id: 'SlowQueryItem' }),
    ),
  })
  .meta({ id: 'SlowQueryList' });
