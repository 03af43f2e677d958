import type { BasisNeed } from '../cost/allocation.ts';
import type { UsageBasis } from '../cost/allocation-weights.ts';
import { isAiCostKey, type SplitKey } from '../domain/cost-rule.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { TenantUsage, UsageKey } from '../domain/usage.ts';
import type { Window } from '../domain/window.ts';
import { type AiCostReader, providerOf } from './costs-ai.ts';

/** What all tenants used, from rollups. */
export interface BillUsageReader {
  totals(question: { readonly window: Window; readonly metrics: readonly UsageKey[] }): Promise<readonly TenantUsage[]>;
}

/** Usage of every need, read once. What nobody used has no tenants. */
export async function readBases(
  needs: readonly BasisNeed[],
  readers: { readonly usage: BillUsageReader; readonly ai: AiCostReader },
): Promise<(key: SplitKey, window: Window) => UsageBasis> {
  const bases = new Map<string, UsageBasis>();
  for (const { window, keys } of needs) {
    const metrics = keys.filter((key): key is UsageKey => !isAiCostKey(key));
    const usages = metrics.length === 0 ? [] : await readers.usage.totals({ window, metrics });
    for (const key of metrics) {
      const values = usages.map(({ tenantId, values: all }) => [tenantId, all.get(key) ?? 0n] as const);
      bases.set(nameOf(key, window), basisOf(key, window, values));
    }
    const aiKeys = keys.filter(isAiCostKey);
    if (aiKeys.length === 0) continue;
    const costs = [...(await readers.ai.byTenant(window))];
    for (const key of aiKeys) {
      const provider = providerOf(key);
      const values = costs.map(([tenantId, { byModel }]) => {
        const own = byModel.filter((model) => provider === undefined || model.provider === provider);
        return [tenantId, own.reduce((sum, { costPico }) => sum + costPico, 0n)] as const;
      });
      bases.set(nameOf(key, window), basisOf(key, window, values));
    }
  }
  return (key, window) => bases.get(nameOf(key, window)) ?? basisOf(key, window, []);
}

function nameOf(key: SplitKey, { from, to }: Window): string {
  return `${key} ${from} ${to}`;
}

/** Without whoever used nothing; a correction may even have left less. */
function basisOf(key: SplitKey, window: Window, values: readonly (readonly [TenantId, bigint])[]): UsageBasis {
  const used = values.filter(([, value]) => value > 0n).toSorted(([a], [b]) => compareText(a, b));
  return {
    ...{ key, window, tenants: used.map(([tenant]) => tenant), values: used.map(([, value]) => value) },
    total: used.reduce((sum, [, value]) => sum + value, 0n),
  };
}
