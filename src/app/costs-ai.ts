import type { TenantAiCost } from '../cost/ai-cost.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';

export interface AiCostReader {
  /** Absent `tenants`: of everybody. */
  byTenant(
    window: Window,
    tenants?: readonly TenantId[],
  ): Promise<ReadonlyMap<TenantId, Pick<TenantAiCost, 'costMicro' | 'unpricedCalls' | 'byModel'>>>;
}

/** Time in which a bill was shared by `ai_cost` (every provider) or `ai_cost:<provider>`. */
export interface AiCover {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

export interface UncoveredAi {
  readonly tenantId: TenantId;
  readonly costMicro: bigint;
  readonly unpricedCalls: number;
}

/** The provider that a key is about; undefined: every one. */
export function providerOf(key: string): string | undefined {
  return key.includes(':') ? key.slice(key.indexOf(':') + 1) : undefined;
}

/**
 * What AI usage of the window costs by the price book, without what is in some bill: each moment and provider counts once,
 * in the bill where there is one, else here. Exact over whole hours, as the usage is.
 */
export async function uncoveredAi(
  reader: AiCostReader,
  window: Window,
  covers: readonly AiCover[],
  tenants?: readonly TenantId[],
): Promise<readonly UncoveredAi[]> {
  const found: UncoveredAi[] = [];
  for (const { from, to, providers } of pieces(window, covers)) {
    if (providers === 'all') continue;
    for (const [tenantId, cost] of await reader.byTenant({ from, to }, tenants)) {
      // A tenant's models add up to its cost; sorting and rounding them together is for where a bill covers only some.
      if (providers.size === 0) {
        const { costMicro, unpricedCalls } = cost;
        if (costMicro || unpricedCalls > 0) found.push({ tenantId, costMicro: costMicro ?? 0n, unpricedCalls });
        continue;
      }
      const own = cost.byModel.filter(({ provider }) => !providers.has(provider));
      const costMicro = own.reduce((sum, model) => sum + (model.costMicro ?? 0n), 0n);
      const unpricedCalls = own.reduce((sum, model) => sum + model.unpricedCalls, 0);
      if (costMicro !== 0n || unpricedCalls > 0) found.push({ tenantId, costMicro, unpricedCalls });
    }
  }
  return found;
}

interface Piece extends Window {
  /** Those whose bills cover this time. */
  readonly providers: ReadonlySet<string> | 'all';
}

/** The window in pieces within which the same providers are covered; neighbours that are alike are one. */
function pieces(window: Window, covers: readonly AiCover[]): readonly Piece[] {
  const inside = covers.flatMap(({ from, to }) => [from, to]).filter((time) => time > window.from && time < window.to);
  const cuts = [...new Set([window.from, ...inside, window.to])].sort((a, b) => a - b);
  const all: Piece[] = [];
  for (const [index, from] of cuts.slice(0, -1).entries()) {
    const to = cuts[index + 1] ?? window.to;
    const keys = covers.filter((cover) => cover.from <= from && cover.to >= to).map(({ key }) => providerOf(key));
    const providers = keys.includes(undefined) ? 'all' : new Set(keys.filter((key) => key !== undefined));
    const last = all.at(-1);
    if (last !== undefined && sameProviders(last.providers, providers)) all[all.length - 1] = { ...last, to };
    else all.push({ from, to, providers });
  }
  return all;
}

function sameProviders(a: Piece['providers'], b: Piece['providers']): boolean {
  if (a === 'all' || b === 'all') return a === b;
  return a.size === b.size && [...a].every((provider) => b.has(provider));
}
