import type { AiUsage } from '../domain/ai-usage.ts';
import { microFromPico } from '../domain/money.ts';
import { compareText } from '../domain/text-order.ts';
import type { RateLookup, UnpricedReason } from './ai-price.ts';
import { priceUsage, ratesAt } from './ai-price.ts';

interface UnpricedModel {
  readonly provider: string;
  readonly model: string;
  readonly reason: UnpricedReason;
  readonly calls: number;
}

export interface AiSpend {
  /**
   * Micro-US-dollars of everything that could be priced, rounded once at the end of the sum.
   * null: there were calls and none could be priced. 0 is known to be 0: no calls, or free models.
   */
  readonly costMicro: bigint | null;
  /** Calls whose cost is missing from `costMicro`. */
  readonly unpricedCalls: number;
  /** Those with the most calls first, at most MAX_UNPRICED_MODELS: the names come from spans. */
  readonly unpricedModels: readonly UnpricedModel[];
}

export const MAX_UNPRICED_MODELS = 20;

/**
 * What a set of usage rows costs, in any order. `at` is the time of the usage: for a window in which a price changes,
 * give the rows of each side their own call. Pass one `ratesAt(at)` as `rates` to price many tenants at the same moment.
 */
export function spendOf(usages: Iterable<AiUsage>, at: Date, rates: RateLookup = ratesAt(at)): AiSpend {
  let costPico = 0n;
  let pricedRows = 0;
  let unpricedCalls = 0;
  const unpriced = new Map<string, UnpricedModel>();
  for (const usage of usages) {
    const price = priceUsage(usage, at, rates);
    if ('costPico' in price) {
      costPico += price.costPico;
      pricedRows += 1;
    } else {
      unpricedCalls += usage.calls;
      addUnpriced(unpriced, usage, price.unpriced);
    }
  }
  const nothingPriced = pricedRows === 0 && unpriced.size > 0;
  return {
    costMicro: nothingPriced ? null : microFromPico(costPico),
    unpricedCalls,
    unpricedModels: [...unpriced.values()].sort(byCallsThenName).slice(0, MAX_UNPRICED_MODELS),
  };
}

function addUnpriced(unpriced: Map<string, UnpricedModel>, usage: AiUsage, reason: UnpricedReason): void {
  const { provider, model, calls } = usage;
  const key = JSON.stringify([provider, model, reason]);
  unpriced.set(key, { provider, model, reason, calls: calls + (unpriced.get(key)?.calls ?? 0) });
}

function byCallsThenName(a: UnpricedModel, b: UnpricedModel): number {
  return (
    b.calls - a.calls ||
    compareText(a.provider, b.provider) ||
    compareText(a.model, b.model) ||
    compareText(a.reason, b.reason)
  );
}
