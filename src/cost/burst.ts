/**
 * Burst credits: what a tenant leaves over of a period's quota may be used later on.
 *
 *   allowance --earned--> balance --spent--> spent
 *                            |
 *                            +----expired--> expired
 *
 * Every closed period earns one lot; a lot ends on its own date; what ends first is spent first. All whole numbers of the
 * quota's unit. Pure: the ledger that keeps the lots is in the store.
 */
import type { BurstTerms } from '../domain/plan.ts';
import { DAY_MS, type Window } from '../domain/window.ts';

/** What a lot has left. `expiresAt`: Unix ms, from then on it is worth nothing. `order` settles ties for good. */
export interface OpenLot {
  readonly order: number;
  readonly remaining: bigint;
  readonly expiresAt: number;
}

/** So much out of that lot. */
export interface LotPart<Lot extends OpenLot> {
  readonly lot: Lot;
  readonly amount: bigint;
}

/** A closed period's figures. */
export interface Accrual {
  readonly terms: BurstTerms;
  readonly quota: bigint;
  readonly used: bigint;
  /** What the tenant holds when the period's lot is made. */
  readonly balance: bigint;
}

/** Credits for what was left over, rounded down, and never beyond what the tenant may hold at once. */
export function earnedCredits({ terms, quota, used, balance }: Accrual): bigint {
  const unused = quota > used ? quota - used : 0n;
  const accrued = (unused * BigInt(terms.accrualPercent)) / 100n;
  const room = terms.capacity > balance ? terms.capacity - balance : 0n;
  return lesser(accrued, room);
}

/** Unix ms at which the credits of a period end. */
export function lotExpiry(window: Window, terms: BurstTerms): number {
  return window.to + terms.expiresAfterDays * DAY_MS;
}

/** What can be spent at `now`. */
export function balanceAt(lots: readonly OpenLot[], now: number): bigint {
  return lots.reduce((sum, lot) => (lot.expiresAt > now ? sum + lot.remaining : sum), 0n);
}

/** Parts of lots that make up `amount`, those that end first before others; undefined when all together are too little. */
export function takeFromLots<Lot extends OpenLot>(
  lots: readonly Lot[],
  amount: bigint,
  now: number,
): readonly LotPart<Lot>[] | undefined {
  const usable = lots
    .filter((lot) => lot.expiresAt > now && lot.remaining > 0n)
    .toSorted((a, b) => a.expiresAt - b.expiresAt || a.order - b.order);
  const parts: LotPart<Lot>[] = [];
  let missing = amount;
  for (const lot of usable) {
    if (missing === 0n) break;
    const part = lesser(lot.remaining, missing);
    parts.push({ lot, amount: part });
    missing -= part;
  }
  return missing === 0n ? parts : undefined;
}

/** What has ended and still holds credits. */
export function expiredParts<Lot extends OpenLot>(lots: readonly Lot[], now: number): readonly LotPart<Lot>[] {
  return lots
    .filter((lot) => lot.expiresAt <= now && lot.remaining > 0n)
    .map((lot) => ({ lot, amount: lot.remaining }));
}

function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}
