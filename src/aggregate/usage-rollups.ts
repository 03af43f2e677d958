import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import { SECOND_MS, type Window } from '../domain/window.ts';
import { usage } from './queries/across-tenants/usage.ts';
import { usageServices } from './queries/across-tenants/usage-services.ts';
import { usageSteps } from './queries/across-tenants/usage-steps.ts';
import { tenantUsage } from './queries/tenant-usage.ts';
import type { UsageRow, UsageSource, UsageSourceQuestion } from './usage-source.ts';
import { isRollupMetric, type RollupMetric, type UsageServiceRow, type UsageSqlRow } from './usage-sql.ts';

/** By service: which of the metrics it measured. */
export type MeasuredServices = ReadonlyMap<string, ReadonlySet<RollupMetric>>;

/**
 * Usage from the rollups of spans and of the middleware's metrics. A tenant that used a service where something is
 * measured and did none of it used zero; where nobody's service measures it, it is absent.
 */
export class UsageRollups implements UsageSource {
  readonly #reader: AnalyticsReader;

  constructor(reader: AnalyticsReader) {
    this.#reader = reader;
  }

  answers(metric: UsageKey): boolean {
    return isRollupMetric(metric);
  }

  /** The services that sent anything in the window, whoever they served, and what each measured. */
  async services(window: Window, metrics: readonly RollupMetric[]): Promise<MeasuredServices> {
    const rows = await this.#reader.rows<UsageServiceRow>(usageServices(window, metrics));
    return new Map(
      rows.map(({ service, measured }) => [service, new Set(metrics.filter((_, index) => measured[index] === 1))]),
    );
  }

  async read({ window, metrics: asked, tenants, step }: UsageSourceQuestion): Promise<readonly UsageRow[]> {
    const metrics = asked.filter(isRollupMetric);
    const [services, steps] = await Promise.all([
      this.services(window, metrics),
      step === undefined ? [] : this.#reader.rows<{ at: number }>(usageSteps(window, step)),
    ]);
    const select = { window, metrics, step, services: servicesByMetric(services, metrics) };
    const [only] = tenants ?? [];
    const query =
      only !== undefined && tenants?.length === 1
        ? tenantUsage(only, select)
        : usage({ ...select, whose: tenants === undefined ? 'everybody' : { tenants } });
    const rows = await this.#reader.rows<UsageSqlRow>(query);
    return rows.flatMap((row) =>
      step === undefined
        ? [totalOf(row, metrics, window)]
        : seriesOf(
            row,
            metrics,
            steps.map(({ at }) => at),
          ),
    );
  }
}

function servicesByMetric(services: MeasuredServices, metrics: readonly RollupMetric[]): Map<RollupMetric, string[]> {
  return new Map(
    metrics.map((metric) => [
      metric,
      [...services].filter(([, measured]) => measured.has(metric)).map(([service]) => service),
    ]),
  );
}

function valuesOf(row: UsageSqlRow, metrics: readonly RollupMetric[], index: number): Map<UsageKey, bigint> {
  return new Map(
    metrics.flatMap((metric, position) =>
      row.measured[position] === 1 ? [[metric, BigInt(row.sums[position]?.[index] ?? 0)] as const] : [],
    ),
  );
}

function totalOf(row: UsageSqlRow, metrics: readonly RollupMetric[], window: Window): UsageRow {
  return { tenantId: row.tenant_id as TenantId, at: window.from, values: valuesOf(row, metrics, 0) };
}

/** A step without rows of this tenant is a zero if anybody at all was heard of in it. */
function seriesOf(row: UsageSqlRow, metrics: readonly RollupMetric[], heard: readonly number[]): UsageRow[] {
  const indexes = new Map(row.at.map((at, index) => [at, index]));
  const steps = [...new Set([...heard, ...row.at])];
  return steps.map((at) => ({
    tenantId: row.tenant_id as TenantId,
    at: at * SECOND_MS,
    // Beyond the last index there are no sums, which makes zeros of what was measured.
    values: valuesOf(row, metrics, indexes.get(at) ?? row.at.length),
  }));
}
