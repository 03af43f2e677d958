import type { AiUsageRow } from '../aggregate/ai-usage-sql.ts';
import { aiUsage } from '../aggregate/queries/across-tenants/ai-usage.ts';
import { type AiUsageHour, aiUsageHours } from '../aggregate/queries/across-tenants/ai-usage-hours.ts';
import { type RateLookup, ratesAt } from '../cost/ai-price.ts';
import { spendOf } from '../cost/ai-spend.ts';
import type { AiUsage } from '../domain/ai-usage.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { modelMatches, type SpendAccount, type SpendAccountId } from '../domain/spend.ts';
import type { UsedHour } from '../domain/use-forecast.ts';
import { FORECAST_HISTORY_MS } from '../domain/use-forecast.ts';
import { DAY_MS, floorTo, HOUR_MS, SECOND_MS, type Window } from '../domain/window.ts';

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
  reader: AnalyticsReader,
  accounts: readonly SpendAccountId[],
  now: number,
): Promise<readonly Observed[]> {
  const observed: Observed[] = [];
  const price = pricer();
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
      const rows = await reader.rows<AiUsageRow>(aiUsage(window, tenants));
      for (const account of chunk) observed.push({ account, micro: costOf(rows, account, window, price) });
    }
  }
  return observed;
}

/** Spend of each account by hour over the last two weeks, and the model's rows alone where it has one. */
export async function spendHours(
  reader: AnalyticsReader,
  accounts: readonly SpendAccount[],
  now: number,
): Promise<ReadonlyMap<SpendAccount, readonly UsedHour[]>> {
  const to = floorTo(now, HOUR_MS);
  const window = { from: to - FORECAST_HISTORY_MS, to };
  const hours = new Map<SpendAccount, readonly UsedHour[]>();
  const price = pricer();
  for (const chunk of chunks(accounts, TENANTS_PER_QUESTION / 4)) {
    const tenants = [...new Set(chunk.map((account) => account.tenantId))];
    const rows = await reader.rows<AiUsageHour>(aiUsageHours(window, tenants));
    for (const account of chunk) hours.set(account, hoursOf(rows, account, price));
  }
  return hours;
}

function hoursOf(rows: readonly AiUsageHour[], account: SpendAccount, price: Pricer): readonly UsedHour[] {
  const own = rows.filter((row) => isOf(row, account));
  return [...groupBy(own, (row) => row.hour)].map(([hour, usages]) => ({
    at: hour * SECOND_MS,
    amount: price(usages, hour * SECOND_MS),
  }));
}

/** Each day's usage at that day's prices. */
function costOf(rows: readonly AiUsageRow[], account: SpendAccountId, window: Window, price: Pricer): number {
  const own = rows.filter((row) => isOf(row, account));
  return [...groupBy(own, (row) => row.day)].reduce(
    (sum, [day, usages]) => sum + price(usages, Math.min(day * SECOND_MS + DAY_MS / 2, window.to - 1)),
    0,
  );
}

type Pricer = (usages: readonly AiUsage[], at: number) => number;

/** Micro-units of what can be priced. Look-ups are shared by all accounts that are priced for the same moment. */
function pricer(): Pricer {
  const lookups = new Map<number, RateLookup>();
  return (usages, at) => {
    const lookup = lookups.get(at) ?? ratesAt(new Date(at));
    lookups.set(at, lookup);
    return Number(spendOf(usages, new Date(at), lookup).costMicro ?? 0n);
  };
}

function isOf(row: AiUsage & { readonly tenant_id: string }, { tenantId, model }: SpendAccountId): boolean {
  return row.tenant_id === tenantId && modelMatches(model, row.model);
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
