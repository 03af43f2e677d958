import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import { SECOND_MS, type Window } from '../domain/window.ts';
import { usage } from './queries/across-tenants/usage.ts';
import { usageServices } from './queries/across-tenants/usage-services.ts';
import { usageSteps } from './queries/across-tenants/usage-steps.ts';
import { tenantUsage } from './queries/tenant-usage.ts';
import type { UsageRow, UsageSource, UsageSourceQuestion } from './usage-source.ts';
import {
  isMeasuredByAnySpan,
  isRollupMetric,
  metricsOfFamily,
  type RollupMetric,
  type UsageServiceRow,
  type UsageSqlRow,
} from './usage-sql.ts';

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

  /** The services that sent anything on the days of the window, whoever they served, and what each measured. */
  async services(window: Window, metrics: readonly RollupMetric[]): Promise<MeasuredServices> {
    const rows = await this.#reader.rows<UsageServiceRow>(usageServices(window, metrics));
    const services = new Map<string, Set<RollupMetric>>();
    for (const { service, family, measured } of rows) {
      const ofService = services.get(service) ?? new Set(metrics.filter(isMeasuredByAnySpan));
      services.set(service, ofService);
      for (const [index, metric] of metricsOfFamily(family, metrics).entries()) {
        if (measured[index] === 1) ofService.add(metric);
      }
    }
    return services;
  }

  async read({ window, metrics: asked, tenants, step }: UsageSourceQuestion): Promise<readonly UsageRow[]> {
    const metrics = asked.filter(isRollupMetric);
    const [only] = tenants ?? [];
    const select = { window, metrics, step };
    const query =
      only !== undefined && tenants?.length === 1
        ? tenantUsage(only, select)
        : usage({ ...select, whose: tenants === undefined ? 'everybody' : { tenants } });
    const [rows, services, heard] = await Promise.all([
      this.#reader.rows<UsageSqlRow>(query),
      this.services(window, metrics),
      step === undefined ? [{ at: 0 }] : this.#reader.rows<{ at: number }>(usageSteps(window, step)),
    ]);
    return rows.flatMap((row) => {
      const steps = stepsOf(row, metrics, services, heard);
      return [...steps].map(([at, values]) => ({
        tenantId: row.tenant_id as TenantId,
        at: step === undefined ? window.from : at * SECOND_MS,
        values,
      }));
    });
  }
}

/** By step: a zero for each metric that the tenant's services measure in every step in which anybody was heard of. */
function stepsOf(
  row: UsageSqlRow,
  metrics: readonly RollupMetric[],
  services: MeasuredServices,
  heard: readonly { readonly at: number }[],
): Map<number, Map<UsageKey, bigint>> {
  const measured = new Set(row.services.flatMap((service) => [...(services.get(service) ?? [])]));
  for (const [index, family] of row.families.entries()) {
    // What was used without a span, like CPU time that no tenant can be charged for.
    for (const [position, metric] of metricsOfFamily(family, metrics).entries()) {
      if (row.sums[index]?.[position] !== '0') measured.add(metric);
    }
  }
  const known = metrics.filter((metric) => measured.has(metric));
  const steps = new Map<number, Map<UsageKey, bigint>>();
  for (const at of [...heard.map((step) => step.at), ...row.at]) {
    steps.set(at, new Map(known.map((metric) => [metric, 0n])));
  }
  for (const [index, family] of row.families.entries()) {
    const values = steps.get(row.at[index] ?? 0);
    for (const [position, metric] of metricsOfFamily(family, metrics).entries()) {
      if (measured.has(metric)) values?.set(metric, BigInt(row.sums[index]?.[position] ?? 0));
    }
  }
  return steps;
}
