import { readLatencyHeat } from '../aggregate/latency-heat-reader.ts';
import { readTrace, readTraces } from '../aggregate/trace-reader.ts';
import type { Traces } from '../api/traces-ports.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';

/** Traces and latencies of tenants, out of spans and rollups. Nothing of it runs by itself. */
export function startTraces({ clickhouse }: { readonly clickhouse: AnalyticsReader }): { readonly traces: Traces } {
  return {
    traces: {
      list: (question) => readTraces(clickhouse, question),
      trace: (question) => readTrace(clickhouse, question),
      heat: (question) => readLatencyHeat(clickhouse, question),
    },
  };
}
