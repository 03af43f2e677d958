import {
  type AiUsageColumns,
  type AiUsageQuestion,
  readAiUsage,
  readTenantAiUsage,
} from '../aggregate/ai-usage-reader.ts';
import { AiCostTally, modelKey, type TenantAiCost } from '../cost/ai-cost.ts';
import { charge, unitPrices } from '../cost/ai-price.ts';
import type { ModelName, PriceBook } from '../cost/price-book.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { ceilTo, DAY_MS, floorTo, HOUR_MS, MINUTE_MS, type Window } from '../domain/window.ts';

/** Asks for usage, of some or of all. */
type UsageReader = (question: AiUsageQuestion) => Promise<readonly AiUsageColumns[]>;

/** A window with its cuts, which say at which moment each of its rows is priced. */
interface Parts {
  readonly window: Window;
  readonly cuts: readonly number[];
}

/**
 * What tenants' AI usage costs by one book. Most windows see no price change, and are read as one sum for each tenant and
 * model; only models and tenants whose prices change within it are read again, in parts.
 */
export async function priceWindow(
  reader: AnalyticsReader,
  book: PriceBook,
  window: Window,
  tenants?: readonly TenantId[],
): Promise<ReadonlyMap<TenantId, TenantAiCost>> {
  if (tenants?.length === 0) return new Map();
  return price((question) => readAiUsage(reader, { tenants, ...question }), book, window);
}

/** The same of one tenant, in its own scope: for a tenant's own people. */
export async function priceTenantWindow(
  reader: AnalyticsReader,
  book: PriceBook,
  window: Window,
  tenant: TenantId,
): Promise<ReadonlyMap<TenantId, TenantAiCost>> {
  return price(
    ({ tenants, ...question }) =>
      tenants === undefined || tenants.includes(tenant)
        ? readTenantAiUsage(reader, tenant, question)
        : Promise.resolve([]),
    book,
    window,
  );
}

async function price(read: UsageReader, book: PriceBook, asked: Window): Promise<ReadonlyMap<TenantId, TenantAiCost>> {
  // As rollups widen it, so that every row has a moment inside.
  const window = { from: floorTo(asked.from, MINUTE_MS), to: ceilTo(asked.to, MINUTE_MS) };
  const rows = await read({ window });
  const names = namesIn(rows);
  const apart = tenantsApart(book, rows, [...names.values()], window);
  const changing = [...names.values()].filter((name) => book.isDaily(name) || book.changes(name, window).length > 0);
  const changingKeys = new Set(changing.map(modelKey));
  const pricing = new Pricing(book);
  const whole = { window, cuts: [] };
  pricing.add(
    rows.filter((row) => !changingKeys.has(modelKey(row))),
    whole,
    (tenant) => !apart.has(tenant),
  );
  for (const { names: same, cuts, byHour } of inGroups(book, changing, window)) {
    const keys = new Set(same.map(modelKey));
    const again = await read({ window, cuts, byHour, names: same });
    pricing.add(
      again.filter((row) => keys.has(modelKey(row))),
      { window, cuts },
      (tenant) => !apart.has(tenant),
    );
  }
  await addTenantsApart({ read, book, pricing, window, names: [...names.values()], apart });
  return pricing.costs();
}

/** Models whose prices change at the same moments are read together. */
function inGroups(book: PriceBook, names: readonly ModelName[], window: Window) {
  const groups = new Map<string, { readonly names: ModelName[]; readonly cuts: readonly number[]; byHour: boolean }>();
  for (const name of names) {
    const cuts = wholeMinutes(book.changes(name, window));
    const byHour = book.isDaily(name);
    const key = JSON.stringify([cuts, byHour]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { names: [name], cuts, byHour });
    else group.names.push(name);
  }
  return groups.values();
}

const wholeMinutes = (moments: readonly number[]) => moments.filter((moment) => moment % MINUTE_MS === 0);

/** Tenants whose own terms change inside the window, and when. */
function tenantsApart(
  book: PriceBook,
  rows: readonly AiUsageColumns[],
  names: readonly ModelName[],
  window: Window,
): ReadonlyMap<TenantId, readonly number[]> {
  const apart = new Map<TenantId, readonly number[]>();
  for (const tenant of new Set(rows.flatMap((row) => row.tenants))) {
    const cuts = book.hasOwnTerms(tenant) ? wholeMinutes(book.ownChanges(tenant, names, window)) : [];
    if (cuts.length > 0) apart.set(tenant, cuts);
  }
  return apart;
}

/** Those with the same cuts together: a contract's tenants join it on the same day, as a rule. */
async function addTenantsApart(options: {
  readonly read: UsageReader;
  readonly book: PriceBook;
  readonly pricing: Pricing;
  readonly window: Window;
  readonly names: readonly ModelName[];
  readonly apart: ReadonlyMap<TenantId, readonly number[]>;
}): Promise<void> {
  const { read, book, pricing, window, names, apart } = options;
  if (apart.size === 0) return;
  const general = names.flatMap((name) => wholeMinutes(book.changes(name, window)));
  const byHour = names.some((name) => book.isDaily(name));
  const groups = new Map<string, { readonly tenants: TenantId[]; readonly cuts: readonly number[] }>();
  for (const [tenant, own] of apart) {
    const cuts = [...new Set([...own, ...general])].sort((a, b) => a - b);
    const group = groups.get(cuts.join());
    if (group === undefined) groups.set(cuts.join(), { tenants: [tenant], cuts });
    else group.tenants.push(tenant);
  }
  for (const { tenants, cuts } of groups.values()) {
    pricing.add(await read({ window, cuts, byHour, tenants }), { window, cuts }, () => true);
  }
}

function namesIn(rows: readonly AiUsageColumns[]): ReadonlyMap<string, ModelName> {
  return new Map(rows.map(({ provider, model }) => [modelKey({ provider, model }), { provider, model }]));
}

/** Multiplies usage with the prices of its time. */
class Pricing {
  readonly #book: PriceBook;
  readonly #tally = new AiCostTally();

  constructor(book: PriceBook) {
    this.#book = book;
  }

  costs(): ReadonlyMap<TenantId, TenantAiCost> {
    return this.#tally.costs();
  }

  add(rows: readonly AiUsageColumns[], parts: Parts, isMeant: (tenant: TenantId) => boolean): void {
    for (const row of rows) this.#addRow(row, momentOf(row, parts), isMeant);
  }

  #addRow(row: AiUsageColumns, at: number, isMeant: (tenant: TenantId) => boolean): void {
    const { provider, model, serviceTier } = row;
    const pricesFor = (tenant?: TenantId) =>
      unitPrices(this.#book.rates({ provider, model, serviceTier, at, tenant }), row);
    const general = pricesFor();
    const tally = this.#tally.ofModel(row);
    for (const [index, tenant] of row.tenants.entries()) {
      if (!isMeant(tenant)) continue;
      const prices = this.#book.hasOwnTerms(tenant) ? pricesFor(tenant) : general;
      tally.add(tenant, row.calls[index] ?? 0, 'unpriced' in prices ? prices : charge(prices, countsOf(row, index)));
    }
  }
}

function countsOf(row: AiUsageColumns, index: number) {
  return {
    calls: row.calls[index] ?? 0,
    inputTokens: row.inputTokens[index] ?? 0,
    outputTokens: row.outputTokens[index] ?? 0,
    cacheReadTokens: row.cacheReadTokens[index] ?? 0,
    cacheWriteTokens: row.cacheWriteTokens[index] ?? 0,
    reasoningTokens: row.reasoningTokens[index] ?? 0,
    searchUnits: row.searchUnits[index] ?? 0,
  };
}

/** A moment at which the row's prices hold: the start of its part, or of its hour of the day there. */
function momentOf({ part, hour }: AiUsageColumns, { window, cuts }: Parts): number {
  const from = (part === 0 ? undefined : cuts[part - 1]) ?? window.from;
  if (hour < 0) return from;
  const onFirstDay = floorTo(from, DAY_MS) + hour * HOUR_MS;
  // An hour that has begun before the part began belongs to its first day all the same.
  return onFirstDay >= floorTo(from, HOUR_MS) ? Math.max(onFirstDay, from) : onFirstDay + DAY_MS;
}
