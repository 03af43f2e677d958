import { historyOf, mrrByTenant } from '../cost/revenue-mrr.ts';
import { recognisedByPlan } from '../cost/revenue-recognition.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { RevenueReader, TenantRevenue } from '../domain/revenue.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { DAY_MS, type Window } from '../domain/window.ts';
import type { RevenueStore } from '../store/postgres/revenue-store.ts';

const REVENUE: StaffActor = { kind: 'system', subject: 'revenue' };

/** Recurring and recognised revenue out of what was imported. */
export class StoredRevenue implements RevenueReader {
  readonly #store: Pick<RevenueStore, 'subscriptions' | 'invoices'>;

  constructor(store: Pick<RevenueStore, 'subscriptions' | 'invoices'>) {
    this.#store = store;
  }

  /** By tenant and currency. Tenants of whom nothing was ever imported are absent. */
  async revenue({ window }: { readonly window: Window }): Promise<readonly TenantRevenue[]> {
    const [versions, byPlan] = await Promise.all([this.#store.subscriptions(REVENUE), this.recognised(window)]);
    const rows = new Map<string, { -readonly [Key in keyof TenantRevenue]: TenantRevenue[Key] }>();
    for (const { tenantId, currency, mrrMicro, plans } of mrrByTenant(historyOf(versions), window.to)) {
      const plan = plans.length === 0 ? null : plans.join(', ');
      rows.set(`${tenantId} ${currency}`, { tenantId, plan, currency, mrrMicro, revenueMicro: 0n });
    }
    for (const { tenantId, currency, plans } of byPlan) {
      const key = `${tenantId} ${currency}`;
      const row = rows.get(key) ?? { tenantId, plan: null, currency, mrrMicro: null, revenueMicro: 0n };
      rows.set(key, row);
      for (const amount of plans.values()) row.revenueMicro += amount;
    }
    return [...rows.values()].toSorted(
      (a, b) => compareText(a.tenantId, b.tenantId) || compareText(a.currency, b.currency),
    );
  }

  /** Recognised on each day of the window, of all tenants or of one, in the currency of most invoices; null: of none. */
  async daily(
    window: Window,
    tenant: TenantId | undefined,
  ): Promise<{ readonly currency: string | null; readonly days: readonly bigint[] }> {
    const all = await this.#store.invoices(REVENUE, window);
    const own = all.filter(({ tenantId }) => tenantId !== null && (tenant === undefined || tenantId === tenant));
    const counts = new Map<string, number>();
    for (const { currency } of own) counts.set(currency, (counts.get(currency) ?? 0) + 1);
    const [currency = null] = [...counts].toSorted(([, left], [, right]) => right - left).map(([name]) => name);
    const days = Array.from({ length: Math.round((window.to - window.from) / DAY_MS) }, (_, index) => {
      const from = window.from + index * DAY_MS;
      const amounts = own
        .filter((invoice) => invoice.currency === currency)
        .flatMap((invoice) => [...recognisedByPlan(invoice, { from, to: from + DAY_MS }).values()]);
      return amounts.reduce((sum, amount) => sum + amount, 0n);
    });
    return { currency, days };
  }

  /** What was recognised in the window of each invoice of a tenant, by plan or product. */
  async recognised(
    window: Window,
  ): Promise<
    readonly { readonly tenantId: TenantId; readonly currency: string; readonly plans: ReadonlyMap<string, bigint> }[]
  > {
    const invoices = await this.#store.invoices(REVENUE, window);
    return invoices.flatMap((invoice) =>
      invoice.tenantId === null
        ? []
        : [{ tenantId: invoice.tenantId, currency: invoice.currency, plans: recognisedByPlan(invoice, window) }],
    );
  }
}
