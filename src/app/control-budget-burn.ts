import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { BUDGET_BURN_RULE, BURN_WINDOWS, budgetBurn } from '../control/budget-burn.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { periodAt } from '../domain/calendar-period.ts';
import type { SpendCap } from '../domain/spend.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { floorTo, MINUTE_MS, type Window } from '../domain/window.ts';
import type { CapStore } from '../store/postgres/cap-store.ts';
import type { AnomalyWriter, Leadership } from './detector-loop.ts';
import { zoneOrUtc } from './spend-standing.ts';

const WATCHER: StaffActor = { kind: 'system', subject: 'budget-burn' };
const TENANTS_AT_ONCE = 100;
const CAPS_AT_ONCE = 20_000;

export interface BudgetBurnOptions {
  readonly leadership: Leadership;
  readonly caps: Pick<CapStore, 'cappedTenants' | 'standing'>;
  /** What AI cost these tenants in a window of whole minutes, in micro-units; without calls absent, unpriced null. */
  readonly costs: (
    window: Window,
    tenants: readonly TenantId[],
  ) => Promise<ReadonlyMap<TenantId, { readonly costMicro: bigint | null }>>;
  /** Unix ms up to which everything that arrived is counted; null: nothing has arrived. */
  readonly dataUntil: () => number | null;
  readonly anomalies: AnomalyWriter;
  readonly log: Logger;
  readonly now?: () => number;
}

/** Watches the AI spend of every tenant with a monthly budget; what burns too fast is a finding until it no longer does. */
export class BudgetBurnLoop {
  readonly #options: BudgetBurnOptions;
  readonly #now: () => number;

  constructor(options: BudgetBurnOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async tick(): Promise<void> {
    const { leadership, caps, anomalies, dataUntil } = this.#options;
    if (!(await leadership.isLeader())) return;
    const until = dataUntil();
    if (until === null) return;
    const at = floorTo(Math.min(until, this.#now()), MINUTE_MS);
    const openOnes = (await anomalies.openOnes()).filter(({ rule }) => rule === BUDGET_BURN_RULE);
    const open = new Map(openOnes.map((one) => [one.tenantId, one]));
    for (let after = ''; ; ) {
      const tenants = await caps.cappedTenants(WATCHER, after, TENANTS_AT_ONCE);
      const last = tenants.at(-1);
      if (last === undefined) break;
      await this.#judge(tenants, at, open);
      after = last;
    }
    // Whoever has no budget any more burns none.
    for (const one of open.values()) await anomalies.close(one, at);
  }

  async #judge(tenants: readonly TenantId[], at: number, open: Map<TenantId, Anomaly>): Promise<void> {
    const { caps, costs, anomalies, log } = this.#options;
    const standing = await caps.standing(WATCHER, { tenants, offset: 0, limit: CAPS_AT_ONCE });
    const budgets = new Map(standing.caps.filter(isBudget).map((cap) => [cap.tenantId, cap]));
    if (budgets.size === 0) return;
    const spent = new Map<number, Awaited<ReturnType<typeof costs>>>();
    for (const windowMs of BURN_WINDOWS) {
      spent.set(windowMs, await costs({ from: at - windowMs, to: at }, [...budgets.keys()]));
    }
    for (const [tenantId, cap] of budgets) {
      const before = open.get(tenantId);
      open.delete(tenantId);
      const spentMicro = new Map([...spent].map(([ms, of]) => [ms, Number(of.get(tenantId)?.costMicro ?? 0n)]));
      const finding = budgetBurn({
        ...{ tenantId, budgetMicro: cap.amountMicro, currency: cap.currency, spentMicro, now: at, open: before },
        period: periodAt('month', at, zoneOrUtc(cap.timeZone)),
        newId: randomUUID,
      });
      if (finding === undefined && before !== undefined) await anomalies.close(before, at);
      else if (finding !== undefined && before !== undefined) await anomalies.update(finding);
      else if (finding !== undefined) {
        await anomalies.open(finding);
        log.warn({ tenant: tenantId, metric: finding.metric, ratio: finding.ratio }, finding.reason);
      }
    }
  }
}

/** The whole month's money: caps of one key or model are parts of it. */
function isBudget({ period, key, model }: SpendCap): boolean {
  return period === 'month' && key === null && model === null;
}
