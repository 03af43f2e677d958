import { type AiUsageHour, aiUsageHours } from '../aggregate/queries/across-tenants/ai-usage-hours.ts';
import { microOfPico, type TenantAiCost } from '../cost/ai-cost.ts';
import { priceUsage } from '../cost/ai-price.ts';
import type { PriceBook } from '../cost/price-book.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { modelMatches, type SpendAccount, type SpendAccountId } from '../domain/spend.ts';
import type { UsedHour } from '../domain/use-forecast.ts';
import { FORECAST_HISTORY_MS } from '../domain/use-forecast.ts';
import { floorTo, HOUR_MS, SECOND_MS } from '../domain/window.ts';
import type { AiCosts } from './prices-costs.ts';

/** A month of a tenant with a few models has about a hundred rows by day; an answer may have 100,000. */
const TENANTS_PER_QUESTION = 100;

/** What the spans of an account's period say was spent so far, in micro-units. */
export interface Observed {
  readonly account: SpendAccountId;
  readonly micro: number;
}

/**
 * Spend of each account as the rollups have it. Accounts of one key are left out: spans do not say the key. What has no
 * known price is missing from the figures, as it is everywhere.
 */
export async function observedSpend(
  costs: Pick<AiCosts, 'byTenant'>,
  accounts: readonly SpendAccountId[],
  now: number,
): Promise<readonly Observed[]> {
  const observed: Observed[] = [];
  const sameWindow = groupBy(
    accounts.filter(({ key }) => key === null),
    ({ window }) => `${window.from} ${window.to}`,
  );
  for (const group of sameWindow.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const window = { from: first.window.from, to: Math.min(first.window.to, now) };
    if (window.from >= window.to) continue;
    for (const chunk of chunks(group, TENANTS_PER_QUESTION)) {
      const tenants = [...new Set(chunk.map((account) => account.tenantId))];
      const byTenant = await costs.byTenant(window, tenants);
      for (const account of chunk) observed.push({ account, micro: costOf(byTenant.get(account.tenantId), account) });
    }
  }
  return observed;
}

/** Spend of each account by hour over the last two weeks, and the model's rows alone where it has one. */
export async function spendHours(
  reader: AnalyticsReader,
  book: PriceBook,
  accounts: readonly SpendAccount[],
  now: number,
): Promise<ReadonlyMap<SpendAccount, readonly UsedHour[]>> {
  const to = floorTo(now, HOUR_MS);
  const window = { from: to - FORECAST_HISTORY_MS, to };
  const hours = new Map<SpendAccount, readonly UsedHour[]>();
  for (const chunk of chunks(accounts, TENANTS_PER_QUESTION / 4)) {
    const tenants = [...new Set(chunk.map((account) => account.tenantId))];
    const rows = await reader.rows<AiUsageHour>(aiUsageHours(window, tenants));
    for (const account of chunk) hours.set(account, hoursOf(rows, account, book));
  }
  return hours;
}

function hoursOf(rows: readonly AiUsageHour[], account: SpendAccount, book: PriceBook): readonly UsedHour[] {
  const { tenantId, model } = account;
  const own = rows.filter((row) => row.tenant_id === tenantId && modelMatches(model, row.model));
  return [...groupBy(own, (row) => row.hour)].map(([hour, usages]) => ({
    at: hour * SECOND_MS,
    amount: Number(microOfPico(usages.reduce((pico, usage) => pico + picoOf(usage, book), 0n))),
  }));
}

function picoOf(row: AiUsageHour, book: PriceBook): bigint {
  const price = priceUsage(row, book.rates({ ...row, tenant: row.tenant_id, at: row.hour * SECOND_MS }));
  return 'costPico' in price ? price.costPico : 0n;
}

function costOf(cost: TenantAiCost | undefined, { model }: SpendAccountId): number {
  const meant = cost?.byModel.filter((one) => modelMatches(model, one.model)) ?? [];
  return Number(microOfPico(meant.reduce((pico, one) => pico + one.costPico, 0n)));
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
