import { SpendDesk } from '../../src/control/spend-desk.ts';
import { availableIn, limitOf, overshootBound, stepAt, usedOf } from '../../src/control/spend-ledger.ts';
import type { Actor, StaffActor } from '../../src/domain/actor.ts';
import { periodAt } from '../../src/domain/calendar-period.ts';
import {
  accountKey,
  emptyAccount,
  type PlanSpendCap,
  type SpendCap,
  type SpendCapStanding,
  type SpendCapTerms,
  type SpendPeriod,
  type SpendScope,
} from '../../src/domain/spend.ts';
import type { TokenRates } from '../../src/domain/spend-price.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { MemoryBooks } from './spend-memory-books.ts';

/** 1 micro-dollar per input token, 4 per output token. */
export const TEST_RATES: TokenRates = {
  call: 0,
  input: [1_000_000],
  output: [4_000_000],
  cache_read: [100_000],
  cache_write: [1_000_000],
  reasoning: [4_000_000],
};

type CapId = SpendScope & { readonly period: SpendPeriod };
const isSame = (left: CapId, right: CapId) =>
  left.period === right.period && left.key === right.key && left.model === right.model;

/** Caps and budgets in memory, on the rules of the real desk. `mystery` is a model without a price. */
export class MemorySpend {
  readonly timeZone = 'UTC';
  readonly books: MemoryBooks;
  readonly desk: SpendDesk;
  planCaps: PlanSpendCap[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.books = new MemoryBooks(now);
    this.desk = new SpendDesk(this.books, {
      zone: () => () => 0,
      rates: (_provider, model) => (model === 'mystery' ? null : TEST_RATES),
    });
  }

  async put(actor: StaffActor, tenantId: TenantId, terms: SpendCapTerms): Promise<SpendCap> {
    const cap = { ...terms, tenantId, plan: null, updatedBy: actor.subject, updatedAt: this.#now() };
    this.books.caps = [...this.books.caps.filter((one) => one.tenantId !== tenantId || !isSame(one, terms)), cap];
    return cap;
  }

  async putForPlan(actor: StaffActor, plan: string, terms: SpendCapTerms): Promise<PlanSpendCap> {
    const cap = { ...terms, plan, updatedBy: actor.subject, updatedAt: this.#now() };
    this.planCaps = [...this.planCaps.filter((one) => one.plan !== plan || !isSame(one, terms)), cap];
    return cap;
  }

  async remove(_actor: StaffActor, tenantId: TenantId, id: CapId): Promise<boolean> {
    const before = this.books.caps.length;
    this.books.caps = this.books.caps.filter((one) => one.tenantId !== tenantId || !isSame(one, id));
    return this.books.caps.length < before;
  }

  async removeForPlan(_actor: StaffActor, plan: string, id: CapId): Promise<boolean> {
    const before = this.planCaps.length;
    this.planCaps = this.planCaps.filter((one) => one.plan !== plan || !isSame(one, id));
    return this.planCaps.length < before;
  }

  async listForPlans(): Promise<readonly PlanSpendCap[]> {
    return this.planCaps;
  }

  async standing(
    actor: Actor,
    page: { readonly tenants?: readonly TenantId[]; readonly offset: number; readonly limit: number },
  ): Promise<readonly SpendCapStanding[]> {
    const only = actor.kind === 'tenant' ? [actor.tenantId] : page.tenants;
    return this.books.caps
      .filter((cap) => only === undefined || only.includes(cap.tenantId))
      .slice(page.offset, page.offset + page.limit)
      .map((cap) => this.#standingOf(cap));
  }

  #standingOf(cap: SpendCap): SpendCapStanding {
    const window = periodAt(cap.period, this.#now(), () => 0);
    const id = { tenantId: cap.tenantId, period: cap.period, key: cap.key, model: cap.model, window };
    const account = this.books.accounts.get(`${cap.tenantId} ${accountKey(id)}`) ?? emptyAccount(id);
    const limit = limitOf(cap);
    return {
      cap,
      account,
      usedMicro: usedOf(account),
      limitMicro: Number.isFinite(limit) ? limit : null,
      availableMicro: Number.isFinite(limit) ? availableIn({ cap, account }) : null,
      step: stepAt(cap, usedOf(account)),
      alerts: [],
      inFlightCalls: 3,
      overshootBoundMicro: overshootBound(3, account),
      forecast: { kind: 'not_before_period_end', earliest: null, basisHours: 48 },
    };
  }
}
