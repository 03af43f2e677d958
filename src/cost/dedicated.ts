/**
 * Who might be better off on an instance of their own, and whether it pays. What a tenant is charged for the pool is no
 * saving: the pool becomes cheaper only by whole units that it can give back, and it keeps one. Only that is set against
 * the price of the dedicated instance.
 */
import type { DedicatedOffer, DedicatedTerms, PlacementAdvice, PoolDay, PoolShare } from '../domain/dedicated.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { DAY_MS } from '../domain/window.ts';

const SHARE_STEPS = 10_000n;
const NS_PER_DAY = DAY_MS * 1e6;

/** What tenants were charged in the last whole month, in one currency; undefined: nobody's is known. */
export type PooledCosts = ReadonlyMap<TenantId, bigint> | undefined;

/** Tenants that were large in some pool on enough of the days. */
export function largeTenants(rows: readonly PoolDay[], terms: DedicatedTerms): readonly TenantId[] {
  const days = new Map<string, Set<number>>();
  for (const row of rows.filter((one) => isLarge(one, terms))) {
    const key = JSON.stringify([row.tenantId, row.pool]);
    days.set(key, (days.get(key) ?? new Set<number>()).add(row.day));
  }
  const large = [...days].filter(([, found]) => found.size >= terms.atLeastDays);
  return [...new Set(large.map(([key]) => (JSON.parse(key) as [TenantId])[0]))].sort();
}

function isLarge({ amount, total }: PoolDay, { sharePercent }: DedicatedTerms): boolean {
  return total > 0n && amount * 100n >= total * BigInt(sharePercent);
}

/** Advice on one large tenant. `rows`: everything that it used, of every pool and day, large or not. */
export function advise(
  tenantId: TenantId,
  rows: readonly PoolDay[],
  costs: PooledCosts,
  terms: DedicatedTerms,
): PlacementAdvice {
  const all = sharesOf(rows, terms);
  const pools = all.filter(({ largeDays }) => largeDays >= terms.atLeastDays);
  const offer = cheapestFitting(all, terms);
  const poolSavesMicro = savings(all, terms);
  const monthlySavingMicro = offer === null || poolSavesMicro === null ? null : poolSavesMicro - offer.priceMicro;
  const breakEvenMonths =
    offer === null || monthlySavingMicro === null || monthlySavingMicro <= 0n
      ? null
      : Number((offer.migrationMicro + monthlySavingMicro - 1n) / monthlySavingMicro);
  const isPaid = breakEvenMonths !== null && breakEvenMonths <= terms.horizonMonths;
  const advice: Omit<PlacementAdvice, 'sentence'> = {
    ...{ tenantId, days: terms.days, pools, currency: terms.currency, offer },
    verdict: monthlySavingMicro === null ? 'unknown' : isPaid ? 'worth_it' : 'not_worth_it',
    pooledCostMicro: costs?.get(tenantId) ?? null,
    ...{ poolSavesMicro, monthlySavingMicro, breakEvenMonths },
  };
  return { ...advice, sentence: sentenceOf(advice, terms) };
}

/** Days on which the tenant did nothing count as days with nothing. */
function sharesOf(rows: readonly PoolDay[], terms: DedicatedTerms): readonly PoolShare[] {
  const byPool = new Map<string, PoolDay[]>();
  for (const row of rows) byPool.set(row.pool, [...(byPool.get(row.pool) ?? []), row]);
  return [...byPool]
    .map(([pool, days]): PoolShare => {
      const sum = (value: (row: PoolDay) => bigint) => days.reduce((all, row) => all + value(row), 0n);
      const [amount, total] = [sum((row) => row.amount), sum((row) => row.total)];
      const rate = (value: bigint) => Number(value) / (pool.startsWith('storage:') ? DAY_MS : NS_PER_DAY);
      const meanRate = rate(amount) / terms.days;
      return {
        pool,
        largeDays: days.filter((row) => isLarge(row, terms)).length,
        share: total === 0n ? 0 : Number((amount * SHARE_STEPS) / total) / Number(SHARE_STEPS),
        meanRate,
        peakRate: Math.max(...days.map((row) => rate(row.amount))),
        freedUnits: freedUnits(pool, meanRate, terms),
      };
    })
    .toSorted((a, b) => b.share - a.share || compareText(a.pool, b.pool));
}

/** By the mean and not the peak: what a pool has is sized for all peaks together. One unit always stays. */
function freedUnits(pool: string, meanRate: number, { pools }: DedicatedTerms): number | null {
  const made = pools.find((one) => one.pool === pool);
  if (made === undefined) return null;
  return Math.max(0, Math.min(Math.floor(meanRate / made.unitCapacity), made.units - 1));
}

/** null when nothing is known of any pool in which the tenant is large. */
function savings(shares: readonly PoolShare[], { pools, atLeastDays }: DedicatedTerms): bigint | null {
  if (shares.every(({ largeDays, freedUnits: units }) => units === null || largeDays < atLeastDays)) return null;
  return shares.reduce((sum, { pool, freedUnits: units }) => {
    const price = pools.find((one) => one.pool === pool)?.unitPriceMicro ?? 0n;
    return sum + price * BigInt(units ?? 0);
  }, 0n);
}

function cheapestFitting(shares: readonly PoolShare[], terms: DedicatedTerms): DedicatedOffer | null {
  const room = 1 + terms.headroomPercent / 100;
  const need = (prefix: string) =>
    shares.filter(({ pool }) => pool.startsWith(prefix)).reduce((sum, { peakRate }) => sum + peakRate * room, 0);
  const [cores, bytes] = [need('cpu:'), need('storage:')];
  const fitting = terms.offers.filter(
    ({ cpuCores, storageBytes }) =>
      (cpuCores === null || cpuCores >= cores) && (storageBytes === null || storageBytes >= bytes),
  );
  return fitting.toSorted((a, b) => Number(a.priceMicro - b.priceMicro) || compareText(a.name, b.name))[0] ?? null;
}

function sentenceOf(advice: Omit<PlacementAdvice, 'sentence'>, terms: DedicatedTerms): string {
  const { tenantId, pools, offer, poolSavesMicro, monthlySavingMicro, breakEvenMonths, pooledCostMicro } = advice;
  const money = (micro: bigint) => `${(Number(micro) / 1e6).toFixed(2)} ${terms.currency}`;
  const large = pools.map(
    ({ pool, share, largeDays }) =>
      `${(share * 100).toFixed(1)} % of ${pool} (large on ${largeDays} of ${terms.days} days)`,
  );
  const first = `${tenantId} uses ${large.join(', ')}`;
  const charged = pooledCostMicro === null ? '' : `; its share of last month's bills was ${money(pooledCostMicro)}`;
  if (offer === null) return `${first}, and no offer is known that is large enough${charged}`;
  const price = `${offer.name} costs ${money(offer.priceMicro)} a month`;
  if (poolSavesMicro === null || monthlySavingMicro === null) {
    return `${first}. ${price}; what the pool would save is not known, as nobody has said what it is made of${charged}`;
  }
  const saved = `the pool would really save ${money(poolSavesMicro)}`;
  if (monthlySavingMicro <= 0n) {
    return `${first}. Not worth it: ${price} and ${saved}, so it would cost ${money(-monthlySavingMicro)} a month more${charged}`;
  }
  const back = `${money(monthlySavingMicro)} a month pay ${money(offer.migrationMicro)} of migration back in ${breakEvenMonths} months`;
  const verdict = advice.verdict === 'worth_it' ? 'Worth it' : `Not worth it within ${terms.horizonMonths} months`;
  return `${first}. ${verdict}: ${price} and ${saved}; ${back}${charged}`;
}
