import type { PlanRecord } from '../../src/api/plans-ports.ts';
import type { Sales } from '../../src/api/plans-sales.ts';
import { balanceAt, takeFromLots } from '../../src/cost/burst.ts';
import type { Actor } from '../../src/domain/actor.ts';
import type { BurstAccount, BurstEntry, BurstSpend, BurstSpendAnswer } from '../../src/domain/burst.ts';
import {
  DEFAULT_DEDICATED_TERMS,
  type DedicatedTerms,
  type Placement,
  type PlacementAdvice,
} from '../../src/domain/dedicated.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { PlanTerms, PlanVersion, QuotaKey } from '../../src/domain/plan.ts';
import type { QuotaStanding } from '../../src/domain/quota.ts';
import { type Signal, signalStatus } from '../../src/domain/signal.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const ownOf = (actor: Actor, asked: TenantId | undefined) => (actor.kind === 'tenant' ? actor.tenantId : asked);

class MemoryPlanBook {
  readonly versions: PlanVersion[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list(_actor: Actor, plan?: string): Promise<readonly PlanRecord[]> {
    const names = [...new Set(this.versions.map((version) => version.plan))].sort();
    return names
      .filter((name) => plan === undefined || name === plan)
      .map((name) => ({
        plan: name,
        tenants: 0,
        versions: this.versions
          .filter((version) => version.plan === name)
          .toSorted((a, b) => a.effectiveFrom - b.effectiveFrom),
      }));
  }

  async put(actor: Actor, plan: string, terms: PlanTerms, effectiveFrom = this.#now()): Promise<PlanVersion> {
    const version = { ...terms, plan, effectiveFrom, setBy: actor.subject, setAt: this.#now() };
    const same = this.versions.findIndex((one) => one.plan === plan && one.effectiveFrom === effectiveFrom);
    if (same >= 0) this.versions.splice(same, 1);
    this.versions.push(version);
    return version;
  }
}

class MemoryQuotas {
  standings: QuotaStanding[] = [];
  readonly questions: Parameters<Sales['quotas']['standing']>[1][] = [];
  readonly seats = new Map<TenantId, bigint>();
  readonly billingDays = new Map<TenantId, number | null>();

  async standing(actor: Actor, question: Parameters<Sales['quotas']['standing']>[1]) {
    this.questions.push(question);
    const only = ownOf(actor, question.tenants?.[0]);
    const tenants = [...new Set(this.standings.map((one) => one.tenantId))]
      .filter((tenant) => only === undefined || tenant === only)
      .sort()
      .slice(question.offset, question.offset + question.limit);
    return {
      tenants: tenants.length,
      standings: this.standings.filter((one) => tenants.includes(one.tenantId)),
    };
  }

  async putSeats(_actor: Actor, tenantId: TenantId, seats: bigint): Promise<void> {
    this.seats.set(tenantId, seats);
  }

  async putBillingDay(_actor: Actor, tenantId: TenantId, day: number | null): Promise<void> {
    this.billingDays.set(tenantId, day);
  }
}

/** One lot for each account that a test opens; what is spent goes by the rules of `cost/burst.ts`. */
class MemoryBurst {
  readonly #now: () => number;
  readonly #accounts: BurstAccount[] = [];
  readonly #entries: BurstEntry[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  open(tenantId: TenantId, key: QuotaKey, earned: bigint): void {
    const window = { from: this.#now() - 2_000, to: this.#now() - 1_000 };
    const lot = { period: 'day', window, quota: earned, used: 0n, earned, remaining: earned } as const;
    const lots = [{ ...lot, expiresAt: this.#now() + 1_000_000 }];
    this.#accounts.push({ tenantId, key, balance: earned, earned, spent: 0n, expired: 0n, lots });
  }

  async accounts(actor: Actor, filter: Parameters<Sales['burst']['accounts']>[1]): Promise<readonly BurstAccount[]> {
    return this.#page(actor, this.#accounts, filter);
  }

  async entries(actor: Actor, filter: Parameters<Sales['burst']['accounts']>[1]): Promise<readonly BurstEntry[]> {
    return this.#page(actor, this.#entries.toReversed(), filter);
  }

  async spend(actor: Actor, { tenantId, key, amount, id, reason }: BurstSpend): Promise<BurstSpendAnswer> {
    const index = this.#accounts.findIndex((one) => one.tenantId === tenantId && one.key === key);
    const account = this.#accounts[index];
    if (account === undefined) return { outcome: 'refused', spent: 0n, balance: 0n };
    const before = this.#entries.find((entry) => entry.reference === `spend:${id}`);
    if (before !== undefined && before.amount !== amount) throw new TenantryError('CONFLICT', 'another amount');
    if (before !== undefined) return { outcome: 'spent', spent: amount, balance: account.balance };
    const lots = account.lots.map((lot, order) => ({ ...lot, order }));
    if (takeFromLots(lots, amount, this.#now()) === undefined) {
      return { outcome: 'refused', spent: 0n, balance: balanceAt(lots, this.#now()) };
    }
    this.#accounts[index] = {
      ...{ ...account, balance: account.balance - amount, spent: account.spent + amount },
      lots: account.lots.map((lot) => ({ ...lot, remaining: lot.remaining - amount })),
    };
    this.#entries.push({
      ...{ tenantId, seq: this.#entries.length, key, kind: 'spent', debit: 'balance', credit: 'spent', amount },
      ...{ lotStart: lots[0]?.window.from ?? 0, at: this.#now(), reference: `spend:${id}`, reason },
      bookedBy: actor.subject,
    });
    return { outcome: 'spent', spent: amount, balance: account.balance - amount };
  }

  #page<Row extends { readonly tenantId: TenantId; readonly key: QuotaKey }>(
    actor: Actor,
    rows: readonly Row[],
    filter: Parameters<Sales['burst']['accounts']>[1],
  ): readonly Row[] {
    const only = ownOf(actor, filter.tenantId);
    return rows
      .filter((row) => only === undefined || row.tenantId === only)
      .filter((row) => filter.key === undefined || row.key === filter.key)
      .slice(filter.offset, filter.offset + filter.limit);
  }
}

class MemorySignals {
  items: Signal[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list(_actor: Actor, filter: Parameters<Sales['signals']['list']>[1]): Promise<readonly Signal[]> {
    return this.items
      .filter((one) => filter.tenantId === undefined || one.tenantId === filter.tenantId)
      .filter((one) => filter.kind === undefined || one.kind === filter.kind)
      .filter((one) => filter.status === undefined || signalStatus(one, this.#now()) === filter.status)
      .toSorted((a, b) => b.strength - a.strength)
      .slice(filter.offset, filter.offset + filter.limit);
  }

  async dismiss(actor: Actor, id: string, { reason, until }: { reason: string; until: number | null }) {
    const index = this.items.findIndex((one) => one.id === id && one.endedAt === null);
    const found = this.items[index];
    if (found === undefined) return undefined;
    const dismissed = { ...found, dismissal: { at: this.#now(), by: actor.subject, reason, until } };
    this.items[index] = dismissed;
    return dismissed;
  }
}

class MemoryPlacements {
  offers = DEFAULT_DEDICATED_TERMS;
  items: PlacementAdvice[] = [];
  readonly placed = new Map<TenantId, Placement>();
  /** Thrown by `placement`, as the store does when Postgres is down. */
  failure: Error | undefined;

  async terms(): Promise<DedicatedTerms> {
    return this.offers;
  }

  async putTerms(_actor: Actor, terms: DedicatedTerms): Promise<DedicatedTerms> {
    this.offers = terms;
    return terms;
  }

  async advice(): Promise<readonly PlacementAdvice[]> {
    return this.items;
  }

  async placement(_actor: Actor, tenantId: TenantId): Promise<Placement> {
    if (this.failure !== undefined) throw this.failure;
    return this.placed.get(tenantId) ?? 'pooled';
  }

  async putPlacement(_actor: Actor, tenantId: TenantId, { placement }: { placement: Placement }): Promise<void> {
    this.placed.set(tenantId, placement);
  }
}

/** Plans, quotas and credits in memory, with the handles that tests turn. `now` is Unix milliseconds. */
export class MemorySales {
  readonly plans: MemoryPlanBook;
  readonly quotas = new MemoryQuotas();
  readonly burst: MemoryBurst;
  readonly signals: MemorySignals;
  readonly placements = new MemoryPlacements();

  constructor(now: () => number) {
    this.plans = new MemoryPlanBook(now);
    this.burst = new MemoryBurst(now);
    this.signals = new MemorySignals(now);
  }
}
