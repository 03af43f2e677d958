import { readPoolDays } from '../aggregate/dedicated-pools-reader.ts';
import { advise, largeTenants, type PooledCosts } from '../cost/dedicated.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { CostReader } from '../domain/cost.ts';
import type { DedicatedTerms, PlacementAdvice } from '../domain/dedicated.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { DAY_MS, floorTo, type Window } from '../domain/window.ts';

/** The most of one tenant's rows that are read at once; large tenants are few. */
const MAX_TENANTS = 100;

export interface AdviserOptions {
  readonly clickhouse: AnalyticsReader;
  terms(actor: StaffActor): Promise<DedicatedTerms>;
  readonly costs: Pick<CostReader, 'costs'>;
}

/** Who might be better off on an instance of their own. Advice only: nothing here moves anybody. */
export class DedicatedAdviser {
  readonly #options: AdviserOptions;

  constructor(options: AdviserOptions) {
    this.#options = options;
  }

  /** Over the last whole days before `now` (Unix ms), by tenant. */
  async advice(actor: StaffActor, now: number): Promise<readonly PlacementAdvice[]> {
    const { clickhouse, terms: readTerms } = this.#options;
    const terms = await readTerms(actor);
    const to = floorTo(now, DAY_MS);
    const window = { from: to - terms.days * DAY_MS, to };
    const large = largeTenants(await readPoolDays(clickhouse, window, { percent: terms.sharePercent }), terms);
    const tenants = large.slice(0, MAX_TENANTS);
    if (tenants.length === 0) return [];
    const [rows, costs] = await Promise.all([
      readPoolDays(clickhouse, window, { tenants }),
      this.#pooledCosts(tenants, terms.currency, now),
    ]);
    return tenants.map((tenantId) =>
      advise(
        tenantId,
        rows.filter((row) => row.tenantId === tenantId),
        costs,
        terms,
      ),
    );
  }

  async #pooledCosts(tenants: readonly TenantId[], currency: string, now: number): Promise<PooledCosts> {
    const costs = await this.#options.costs.costs({ window: lastMonth(now), tenants, currency });
    // Without a bill of that month there is nothing that was shared out.
    if (costs.billMicro === 0n && costs.items.length === 0) return undefined;
    return new Map(costs.items.map(({ tenantId, costMicro }) => [tenantId, costMicro]));
  }
}

/** The last whole month before `now` (Unix ms); bills go by the month in UTC. */
export function lastMonth(now: number): Window {
  const date = new Date(now);
  const at = (month: number) => Date.UTC(date.getUTCFullYear(), month, 1);
  return { from: at(date.getUTCMonth() - 1), to: at(date.getUTCMonth()) };
}
