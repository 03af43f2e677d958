import { balanceAt, earnedCredits, expiredParts, lotExpiry, type OpenLot, takeFromLots } from '../cost/burst.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { BurstKind, BurstLot, BurstSpend, BurstSpendAnswer } from '../domain/burst.ts';
import { TenantryError } from '../domain/errors.ts';
import type { BurstTerms, QuotaPeriod } from '../domain/plan.ts';
import type { QuotaStanding } from '../domain/quota.ts';
import type { BurstBooking, BurstMovement, BurstPage, BurstStore } from '../store/postgres/burst-store.ts';

export const BURST_CLERK: StaffActor = { kind: 'system', subject: 'burst-credits' };
const NOTHING: BurstBooking = { lots: [], movements: [] };
/** Accounts whose ended lots are booked in one run; the next run takes the rest. */
const EXPIRED_AT_ONCE = 1_000;

/** A quota whose period pays with credits: the standing and its burst terms. */
interface Period {
  readonly standing: QuotaStanding;
  readonly terms: BurstTerms;
}

/** Books what burst credits are earned, spent and expired; the rules are `cost/burst.ts`, the ledger the store's. */
export class BurstDesk {
  readonly #store: BurstStore;

  constructor(store: BurstStore) {
    this.#store = store;
  }

  /**
   * Takes credits for use beyond the quota in its running period: all that is asked for, or nothing. The same id is
   * booked once. @throws TenantryError CONFLICT when the id stood for another amount
   */
  async spend(actor: StaffActor, spend: BurstSpend, running: { period: QuotaPeriod; from: number }) {
    const { tenantId, key, amount, id, reason } = spend;
    const reference = `spend:${id}`;
    return this.#store.book(actor, { tenantId, key, reference }, running, (page) => {
      const lots = openLots(page);
      const balance = balanceAt(lots, page.now);
      const answer = (outcome: BurstSpendAnswer['outcome'], left: bigint) => ({
        ...{ outcome, spent: outcome === 'spent' ? amount : 0n, balance: left },
      });
      if (page.booked > 0n) {
        if (page.booked !== amount) throw otherAmount();
        return { booking: NOTHING, answer: answer('spent', balance) };
      }
      const parts = takeFromLots(lots, amount, page.now);
      if (parts === undefined) return { booking: NOTHING, answer: answer('refused', balance) };
      const movements = parts.map((part) => moveOf('spent', part, reference, reason));
      return { booking: { lots: [], movements }, answer: answer('spent', balance - amount) };
    });
  }

  /** Pays for what a running period used beyond its quota, as far as credits reach. Running it again books no more. */
  async cover({ standing }: Pick<Period, 'standing'>): Promise<bigint> {
    const { tenantId, quota, window } = standing;
    const about = { period: quota.period, from: window.from };
    const reference = `over:${quota.period}:${window.from}:${standing.used}`;
    return this.#store.book(BURST_CLERK, { tenantId, key: quota.key, reference }, about, (page) => {
      const { movements, paid } = overage(page, standing, reference);
      return { booking: { lots: [], movements }, answer: paid };
    });
  }

  /**
   * Closes a period that is over: what it used beyond the quota is paid for, and what it left over is earned, once.
   * @returns what was earned; 0 too when it was closed before
   */
  async close({ standing, terms }: Period): Promise<bigint> {
    const { tenantId, quota, window, used } = standing;
    if (used === null) return 0n;
    const about = { period: quota.period, from: window.from };
    const reference = `over:${quota.period}:${window.from}:${used}`;
    return this.#store.book(BURST_CLERK, { tenantId, key: quota.key, reference }, about, (page) => {
      const isClosed = page.lots.some((lot) => lot.period === quota.period && lot.window.from === window.from);
      if (isClosed) return { booking: NOTHING, answer: 0n };
      const { movements, paid } = overage(page, standing, reference);
      const balance = balanceAt(openLots(page), page.now) - paid;
      const earned = earnedCredits({ terms, quota: quota.limit, used, balance });
      const lot: BurstLot = {
        ...{ period: quota.period, window, quota: quota.limit, used, earned, remaining: 0n },
        expiresAt: lotExpiry(window, terms),
      };
      const reason = `${terms.accrualPercent} % of what was left over of ${quota.limit}, of which ${used} was used`;
      const earning: BurstMovement = { lot, kind: 'earned', amount: earned, reference: 'earned', reason };
      return { booking: { lots: [lot], movements: [...movements, ...(earned > 0n ? [earning] : [])] }, answer: earned };
    });
  }

  /** Books what has ended. */
  async expire(): Promise<void> {
    for (const account of await this.#store.withExpired(BURST_CLERK, EXPIRED_AT_ONCE)) {
      const about = { period: 'day', from: 0 } as const;
      await this.#store.book(BURST_CLERK, { ...account, reference: 'expired' }, about, (page) => {
        const ended = expiredParts(openLots(page), page.now);
        const movements = ended.map((part) => moveOf('expired', part, 'expired', 'The credits have come to their end'));
        return { booking: { lots: [], movements }, answer: undefined };
      });
    }
  }

  /** Accounts (`${tenant} ${key}`) for which this period has been closed. */
  closed(period: QuotaPeriod, from: number): Promise<ReadonlySet<string>> {
    return this.#store.settled(BURST_CLERK, period, from);
  }
}

interface IndexedLot extends OpenLot {
  readonly lot: BurstLot;
}

/** Lots that end at the same moment are taken oldest first. */
function openLots({ lots }: BurstPage): readonly IndexedLot[] {
  return lots.map((lot) => ({ lot, order: lot.window.from, remaining: lot.remaining, expiresAt: lot.expiresAt }));
}

function moveOf(
  kind: BurstKind,
  { lot, amount }: { readonly lot: IndexedLot; readonly amount: bigint },
  reference: string,
  reason: string,
): BurstMovement {
  return { lot: lot.lot, kind, amount, reference, reason };
}

/** What is still to be paid for of the use beyond the quota, out of what there is. */
function overage(page: BurstPage, { quota, used }: QuotaStanding, reference: string) {
  const beyond = used === null || used <= quota.limit ? 0n : used - quota.limit;
  const open = beyond > page.covered ? beyond - page.covered : 0n;
  const lots = openLots(page);
  const balance = balanceAt(lots, page.now);
  const paid = open < balance ? open : balance;
  const parts = takeFromLots(lots, paid, page.now) ?? [];
  const reason = `${beyond} used beyond the quota of ${quota.limit}`;
  return { paid, movements: parts.map((part) => moveOf('spent', part, reference, reason)) };
}

function otherAmount(): TenantryError {
  return new TenantryError('CONFLICT', 'This id was booked before with another amount.', {
    hint: 'Make up a new id for every spend, and repeat a request unchanged.',
  });
}
