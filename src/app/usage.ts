import { readQueryVolume, readSlowQueries } from '../aggregate/query-volume-reader.ts';
import { type ComputeBasis, readCompute } from '../aggregate/usage-compute.ts';
import { UsageReader } from '../aggregate/usage-reader.ts';
import { UsageRollups } from '../aggregate/usage-rollups.ts';
import type { UsageSource } from '../aggregate/usage-source.ts';
import { isRollupMetric } from '../aggregate/usage-sql.ts';
import type { Queries, UsageDesk, UsageQuestion } from '../api/usage-ports.ts';
import type { Config } from '../config/config.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { DAY_MS } from '../domain/window.ts';

export interface UsageOptions {
  readonly clickhouse: AnalyticsReader;
  /** What is measured otherwise than by spans and the middleware's metrics. */
  readonly sources?: readonly UsageSource[];
  readonly config: Pick<
    Config,
    'TENANTRY_SLOW_DB_CALL_MS' | 'TENANTRY_RETAIN_MINUTES_DAYS' | 'TENANTRY_RETAIN_HOURS_DAYS'
  >;
}

/** What tenants used, and which statements cost their database time. */
export function startUsage({ clickhouse, sources = [], config }: UsageOptions): {
  readonly reader: UsageReader;
  readonly desk: UsageDesk;
  readonly queries: Queries;
} {
  const rollups = new UsageRollups(clickhouse);
  const reader = new UsageReader([rollups, ...sources]);
  return {
    reader,
    desk: {
      kept: {
        minutes: config.TENANTRY_RETAIN_MINUTES_DAYS * DAY_MS,
        hours: config.TENANTRY_RETAIN_HOURS_DAYS * DAY_MS,
      },
      totals: (question) => reader.totals(question),
      series: (question) => reader.series(question),
      compute: (question) => computeOf(clickhouse, rollups, question),
    },
    queries: {
      slowMs: config.TENANTRY_SLOW_DB_CALL_MS,
      volume: (question) => readQueryVolume(clickhouse, question),
      slow: (question) => readSlowQueries(clickhouse, question),
    },
  };
}

async function computeOf(
  clickhouse: AnalyticsReader,
  rollups: UsageRollups,
  { window, metrics, tenants }: UsageQuestion,
): ReturnType<UsageDesk['compute']> {
  const asked = new Set(metrics.filter(isRollupMetric));
  const measured = await rollups.services(window, [...new Set([...asked, 'cpu_ns' as const])]);
  const basisOf = (service: string): ComputeBasis =>
    measured.get(service)?.has('cpu_ns') === true ? 'cpu_time' : 'request_time';
  return {
    services: [...measured].map(([service, of]) => ({
      service,
      measures: [...of].filter((metric) => asked.has(metric)),
      computeBasis: basisOf(service),
    })),
    tenants: await readCompute(clickhouse, { window, tenants }, basisOf),
  };
}
