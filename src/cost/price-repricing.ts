import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { type ModelSum, microOfPico, modelKey, type TenantAiCost } from './ai-cost.ts';

/** What a tenant's calls to a model cost before and after. */
export interface CostDifference {
  readonly tenantId: TenantId;
  readonly provider: string;
  readonly model: string;
  readonly before: ModelFigure;
  readonly after: ModelFigure;
}

type ModelFigure = Pick<ModelSum, 'calls' | 'unpricedCalls' | 'costPico'>;
type Costs = ReadonlyMap<TenantId, Pick<TenantAiCost, 'byModel'>>;

const NOTHING: ModelFigure = { calls: 0, unpricedCalls: 0, costPico: 0n };

/** Every tenant and model of which anything differs, by tenant, provider and model. */
export function costDifferences(before: Costs, after: Costs): readonly CostDifference[] {
  const differences: CostDifference[] = [];
  for (const tenantId of new Set([...before.keys(), ...after.keys()])) {
    const [old, fresh] = [byModel(before.get(tenantId)), byModel(after.get(tenantId))];
    for (const key of new Set([...old.keys(), ...fresh.keys()])) {
      const [was, is] = [old.get(key), fresh.get(key)];
      const name = was ?? is;
      if (name === undefined || isSame(was ?? NOTHING, is ?? NOTHING)) continue;
      const { provider, model } = name;
      differences.push({ tenantId, provider, model, before: was ?? NOTHING, after: is ?? NOTHING });
    }
  }
  return differences.sort(
    (a, b) =>
      compareText(a.tenantId, b.tenantId) || compareText(a.provider, b.provider) || compareText(a.model, b.model),
  );
}

function byModel(cost: Pick<TenantAiCost, 'byModel'> | undefined): ReadonlyMap<string, ModelSum> {
  return new Map((cost?.byModel ?? []).map((model) => [modelKey(model), model]));
}

function isSame(a: ModelFigure, b: ModelFigure): boolean {
  return a.costPico === b.costPico && a.calls === b.calls && a.unpricedCalls === b.unpricedCalls;
}

/** One line of a closed month: its figure at the close, or a correction. */
export interface MonthEntry {
  readonly tenantId: string;
  readonly repricing: string | null;
  readonly costPico: bigint;
  readonly unpricedCalls: number;
}

/** What a closed month says of a tenant, in micro-units. */
export interface MonthFigure {
  readonly tenantId: string;
  readonly closedMicro: bigint;
  readonly corrections: readonly { readonly repricing: string; readonly micro: bigint }[];
  readonly unpricedCalls: number;
}

/**
 * The figure of each tenant at the close and each of its corrections, in the order in which they were written. Each
 * correction is rounded as the step from one rounded total to the next, so that they add up to the last total exactly.
 */
export function monthFigures(entries: readonly MonthEntry[]): readonly MonthFigure[] {
  const tenants = new Map<string, MonthEntry[]>();
  for (const entry of entries) {
    const own = tenants.get(entry.tenantId);
    if (own === undefined) tenants.set(entry.tenantId, [entry]);
    else own.push(entry);
  }
  return [...tenants].map(([tenantId, own]) => {
    const steps = new Map<string | null, bigint>([[null, 0n]]);
    for (const { repricing, costPico } of own) steps.set(repricing, (steps.get(repricing) ?? 0n) + costPico);
    let pico = steps.get(null) ?? 0n;
    const closedMicro = microOfPico(pico);
    const corrections: { repricing: string; micro: bigint }[] = [];
    for (const [repricing, difference] of steps) {
      if (repricing === null) continue;
      corrections.push({ repricing, micro: microOfPico(pico + difference) - microOfPico(pico) });
      pico += difference;
    }
    return { tenantId, closedMicro, corrections, unpricedCalls: own.reduce((sum, one) => sum + one.unpricedCalls, 0) };
  });
}
