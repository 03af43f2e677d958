import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { TenantUsage, UsageKey } from '../domain/usage.ts';
import type { UsageQuestion, UsageSource, UsageSourceQuestion, UsageStep } from './usage-source.ts';

export interface UsageSeriesQuestion extends UsageQuestion {
  readonly step: UsageStep;
}

interface UsageAtStep {
  /** Unix ms of the step's start; the first one may begin before the window. */
  readonly at: number;
  readonly values: ReadonlyMap<UsageKey, bigint>;
}

export interface TenantUsageSeries {
  readonly tenantId: TenantId;
  /** In order of time. A step in which nothing was measured is absent. */
  readonly steps: readonly UsageAtStep[];
}

/**
 * What tenants used, in whole numbers of any size, from all sources that are known. The steps of a series add up to the
 * totals of the same window. Reserved tenants (`(unknown)`, `(unattributed)`, `(other)`) are listed like tenants: whoever
 * shares costs out has to decide what becomes of theirs.
 */
export class UsageReader {
  readonly #sources: readonly UsageSource[];

  constructor(sources: readonly UsageSource[]) {
    this.#sources = sources;
  }

  /** In order of tenant ids; a tenant of whom nothing was measured is absent. */
  async totals(question: UsageQuestion): Promise<readonly TenantUsage[]> {
    const tenants = await this.#read(question);
    return tenants.map(({ tenantId, steps }) => ({
      tenantId,
      values: steps[0]?.values ?? new Map<UsageKey, bigint>(),
    }));
  }

  async series(question: UsageSeriesQuestion): Promise<readonly TenantUsageSeries[]> {
    return this.#read(question);
  }

  async #read(question: UsageSourceQuestion): Promise<TenantUsageSeries[]> {
    if (question.tenants?.length === 0) return [];
    const answers = await Promise.all(
      this.#sources.map((source) => {
        const metrics = question.metrics.filter((metric) => source.answers(metric));
        return metrics.length === 0 ? [] : source.read({ ...question, metrics });
      }),
    );
    const tenants = new Map<TenantId, Map<number, Map<UsageKey, bigint>>>();
    for (const { tenantId, at, values } of answers.flat()) {
      if (values.size === 0) continue;
      const steps = tenants.get(tenantId) ?? new Map<number, Map<UsageKey, bigint>>();
      tenants.set(tenantId, steps);
      steps.set(at, new Map([...(steps.get(at) ?? []), ...values]));
    }
    return [...tenants]
      .toSorted(([left], [right]) => compareText(left, right))
      .map(([tenantId, steps]) => ({
        tenantId,
        steps: [...steps].toSorted(([left], [right]) => left - right).map(([at, values]) => ({ at, values })),
      }));
  }
}
