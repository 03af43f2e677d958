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
interface ModelAiCost extends ModelSum {
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
  readonly #models = new Map<string, ModelTally>();

  /** Where calls to one model are added: asked for once for many tenants. */
  ofModel(name: ModelName): ModelTally {
    const key = modelKey(name);
    let model = this.#models.get(key);
    if (model === undefined) {
      model = new ModelTally(name);
      this.#models.set(key, model);
    }
    return model;
  }

  costs(): ReadonlyMap<TenantId, TenantAiCost> {
    const tenants = new Map<TenantId, ModelSum[]>();
    for (const model of this.#models.values()) {
      for (const [tenant, sum] of model.sums()) {
        const sums = tenants.get(tenant);
        if (sums === undefined) tenants.set(tenant, [sum]);
        else sums.push(sum);
      }
    }
    return new Map([...tenants].map(([tenant, sums]) => [tenant, tenantCost(sums)]));
  }
}

/** Calls to one model, by tenant. */
class ModelTally {
  readonly #name: ModelName;
  readonly #sums = new Map<TenantId, Sum>();

  constructor({ provider, model }: ModelName) {
    this.#name = { provider, model };
  }

  add(tenant: TenantId, calls: number, price: AiPrice): void {
    const sum = this.#sum(tenant);
    sum.calls += calls;
    if ('costPico' in price) sum.costPico += price.costPico;
    else {
      sum.unpricedCalls += calls;
      sum.unpriced = price.unpriced;
    }
  }

  /** Adds what was added up elsewhere. */
  addSum(tenant: TenantId, added: Omit<ModelSum, keyof ModelName>): void {
    const sum = this.#sum(tenant);
    sum.calls += added.calls;
    sum.unpricedCalls += added.unpricedCalls;
    sum.costPico += added.costPico;
    sum.unpriced ??= added.unpriced;
  }

  sums(): Iterable<readonly [TenantId, ModelSum]> {
    return this.#sums;
  }

  #sum(tenant: TenantId): Sum {
    let sum = this.#sums.get(tenant);
    if (sum === undefined) {
      const { provider, model } = this.#name;
      sum = { provider, model, calls: 0, unpricedCalls: 0, costPico: 0n, unpriced: null };
      this.#sums.set(tenant, sum);
    }
    return sum;
  }
}

export function modelKey({ provider, model }: ModelName): string {
  return JSON.stringify([provider, model]);
}

/** A tenant's cost out of its models'. Their shares are worked out when somebody looks: most ask for the sum alone. */
function tenantCost(sums: readonly ModelSum[]): TenantAiCost {
  let costPico = 0n;
  let calls = 0;
  let unpricedCalls = 0;
  for (const sum of sums) {
    costPico += sum.costPico;
    calls += sum.calls;
    unpricedCalls += sum.unpricedCalls;
  }
  const costMicro = microOfPico(costPico);
  let byModel: readonly ModelAiCost[] | undefined;
  return {
    costMicro: calls > unpricedCalls ? costMicro : null,
    costPico,
    calls,
    unpricedCalls,
    get byModel() {
      byModel ??= shares(sums, costMicro);
      return byModel;
    },
  };
}

function shares(sums: readonly ModelSum[], costMicro: bigint): readonly ModelAiCost[] {
  const sorted = sums.toSorted(
    (a, b) =>
      (a.costPico === b.costPico ? 0 : a.costPico > b.costPico ? -1 : 1) ||
      compareText(a.provider, b.provider) ||
      compareText(a.model, b.model),
  );
  const micros = roundTogether(
    sorted.map((sum) => sum.costPico),
    PICO_PER_MICRO,
    costMicro,
  );
  return sorted.map((sum, index) => ({
    ...sum,
    costMicro: sum.calls > sum.unpricedCalls ? (micros[index] ?? 0n) : null,
  }));
}
