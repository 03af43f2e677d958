import { dividedRounded } from '../domain/decimal.ts';
import { PICO_PER_MICRO } from '../domain/money.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { AiPrice, UnpricedReason } from './ai-price.ts';
import type { ModelName } from './price-book.ts';
import { roundTogether } from './share.ts';

/** Calls of a tenant to one model, added up. */
export interface ModelSum extends ModelName {
  readonly calls: number;
  /** Calls whose cost is missing. */
  readonly unpricedCalls: number;
  /** Exact, in pico-US-dollars; 0 where nothing could be priced. */
  readonly costPico: bigint;
  /** Why calls have no price, one of the reasons; null: all have one, or it is known no more. */
  readonly unpriced: UnpricedReason | null;
}

/** What one tenant's calls to one model cost. */
export interface ModelAiCost extends ModelSum {
  /** Rounded so that a tenant's models add up to its cost; null: none of the calls could be priced. */
  readonly costMicro: bigint | null;
}

/** What one tenant's calls cost, in US dollars. */
export interface TenantAiCost {
  /**
   * Micro-units of everything that could be priced, rounded once. null: there were calls, and none could be priced. A
   * known 0 is 0: free models.
   */
  readonly costMicro: bigint | null;
  /** Exact, in pico-units. */
  readonly costPico: bigint;
  readonly calls: number;
  /** Calls whose cost is missing from `costMicro`. */
  readonly unpricedCalls: number;
  /** The dearest first. */
  readonly byModel: readonly ModelAiCost[];
}

type Sum = { -readonly [Key in keyof ModelSum]: ModelSum[Key] };

/** Half away from zero, as corrections may be negative. */
export function microOfPico(pico: bigint): bigint {
  return dividedRounded(pico, PICO_PER_MICRO);
}

/** Adds up priced usage by tenant and model, in any order. */
export class AiCostTally {
  readonly #tenants = new Map<TenantId, Map<string, Sum>>();

  /** `key` is one text for each name, made once by the caller as this is called for every tenant. */
  add(tenant: TenantId, name: ModelName & { readonly key: string }, calls: number, price: AiPrice): void {
    const sum = this.#sum(tenant, name);
    sum.calls += calls;
    if ('costPico' in price) sum.costPico += price.costPico;
    else {
      sum.unpricedCalls += calls;
      sum.unpriced = price.unpriced;
    }
  }

  /** Adds what was added up elsewhere. */
  addSum(tenant: TenantId, added: ModelSum): void {
    const sum = this.#sum(tenant, { ...added, key: modelKey(added) });
    sum.calls += added.calls;
    sum.unpricedCalls += added.unpricedCalls;
    sum.costPico += added.costPico;
    sum.unpriced ??= added.unpriced;
  }

  costs(): ReadonlyMap<TenantId, TenantAiCost> {
    return new Map([...this.#tenants].map(([tenant, sums]) => [tenant, tenantCost([...sums.values()])]));
  }

  #sum(tenant: TenantId, { key, provider, model }: ModelName & { readonly key: string }): Sum {
    let sums = this.#tenants.get(tenant);
    if (sums === undefined) {
      sums = new Map();
      this.#tenants.set(tenant, sums);
    }
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { provider, model, calls: 0, unpricedCalls: 0, costPico: 0n, unpriced: null };
      sums.set(key, sum);
    }
    return sum;
  }
}

export function modelKey({ provider, model }: ModelName): string {
  return JSON.stringify([provider, model]);
}

const isPriced = ({ calls, unpricedCalls }: ModelSum) => calls > unpricedCalls;

/** A tenant's cost out of its models'. */
function tenantCost(sums: readonly ModelSum[]): TenantAiCost {
  const sorted = sums.toSorted(
    (a, b) =>
      (a.costPico === b.costPico ? 0 : a.costPico > b.costPico ? -1 : 1) ||
      compareText(a.provider, b.provider) ||
      compareText(a.model, b.model),
  );
  const costPico = sorted.reduce((total, sum) => total + sum.costPico, 0n);
  const costMicro = microOfPico(costPico);
  const micros = roundTogether(
    sorted.map((sum) => sum.costPico),
    PICO_PER_MICRO,
    costMicro,
  );
  return {
    costMicro: sorted.some(isPriced) ? costMicro : null,
    costPico,
    calls: sorted.reduce((total, sum) => total + sum.calls, 0),
    unpricedCalls: sorted.reduce((total, sum) => total + sum.unpricedCalls, 0),
    byModel: sorted.map((sum, index) => ({ ...sum, costMicro: isPriced(sum) ? (micros[index] ?? 0n) : null })),
  };
}
