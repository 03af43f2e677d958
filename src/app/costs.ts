/** What tenants cost: bills as they were shared out, and beside them AI usage that no bill covers. */
import type { StaffActor } from '../domain/actor.ts';
import type { CostDays, CostDaysReader, CostQuestion, CostReader, Costs, TenantCost } from '../domain/cost.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { isReservedTenant } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { alignOutwards, DAY_MS, type Window } from '../domain/window.ts';
import type { CostStore } from '../store/postgres/cost-store.ts';
import { type AiCostReader, type UncoveredAi, uncoveredAi } from './costs-ai.ts';

const COSTS: StaffActor = { kind: 'system', subject: 'costs' };
const DEFAULT_CURRENCY = 'USD';
/** The price book is in US dollars. */
const AI_CURRENCY = 'USD';
const AI_PART = 'ai';
const WEEK_DAYS = 7;
const AT_ONCE = 4;

interface Sum {
  readonly parts: Map<string, bigint>;
  estimatedMicro: bigint;
  unpricedCalls: number;
}

type LedgerStore = Pick<CostStore, 'currencies' | 'ledger' | 'days' | 'coveredBy' | 'tenantsOfPlan'>;

export class CostLedger implements CostReader, CostDaysReader {
  readonly #store: LedgerStore;
  readonly #ai: AiCostReader;

  constructor(store: LedgerStore, ai: AiCostReader) {
    this.#store = store;
    this.#ai = ai;
  }

  /** By tenant id. Estimates of `(unknown)` and its like, which are nobody's, are unallocated. */
  async costs(question: CostQuestion): Promise<Costs> {
    const window = alignOutwards(question.window, DAY_MS);
    const { currency, currencies, tenants } = await this.#termsOf(question, window);
    const estimates = question.estimates !== false && currency === AI_CURRENCY;
    // Bills are in one store and AI usage in the other: neither waits for the other.
    const [ledger, uncovered] = await Promise.all([
      this.#store.ledger(COSTS, { window, currency, ...(tenants === undefined ? {} : { tenants }) }),
      estimates ? this.#uncovered(window, tenants) : [],
    ]);
    const sums = new Map<TenantId, Sum>(
      ledger.tenants.map(({ tenantId, parts }) => [
        tenantId,
        { parts: new Map(parts), estimatedMicro: 0n, unpricedCalls: 0 },
      ]),
    );
    const nobodys = addEstimates(sums, uncovered);
    const items = [...sums].map(itemOf).sort((a, b) => compareText(a.tenantId, b.tenantId));
    const estimatedMicro = items.reduce((sum, item) => sum + item.estimatedMicro, nobodys);
    const unallocatedMicro = ledger.unallocatedMicro + nobodys;
    const { billMicro, sharedMicro, idleMicro } = ledger;
    const tenantsMicro = items.reduce((sum, { costMicro }) => sum + costMicro, 0n);
    return {
      ...{ currency, window, billMicro, items, sharedMicro, idleMicro, unallocatedMicro, estimatedMicro },
      residualMicro:
        tenants === undefined
          ? billMicro + estimatedMicro - tenantsMicro - sharedMicro - idleMicro - unallocatedMicro
          : null,
      otherCurrencies: currencies.filter((other) => other !== currency),
    };
  }

  /** Of each day of the window, in order: of all tenants what is to be paid, of some what is theirs. */
  async days(question: CostQuestion): Promise<CostDays> {
    const window = alignOutwards(question.window, DAY_MS);
    const { currency, tenants } = await this.#termsOf(question, window);
    const asked = { window, currency, ...(tenants === undefined ? {} : { tenants }) };
    const estimates = question.estimates !== false && currency === AI_CURRENCY;
    const [billed, estimated] = await Promise.all([
      this.#store.days(COSTS, asked),
      estimates ? this.#estimatedDays(window, tenants) : new Map<number, bigint>(),
    ]);
    return {
      currency,
      days: piecesOf(window, 1).map(({ from: day }) => ({
        ...{ day, amountMicro: (billed.get(day) ?? 0n) + (estimated.get(day) ?? 0n) },
      })),
    };
  }

  async #termsOf(question: CostQuestion, window: Window) {
    const [currencies, tenants] = await Promise.all([this.#store.currencies(COSTS, window), this.#tenantsOf(question)]);
    return { currencies, tenants, currency: question.currency ?? currencies[0] ?? DEFAULT_CURRENCY };
  }

  async #tenantsOf({ tenants, plan }: CostQuestion): Promise<readonly TenantId[] | undefined> {
    if (plan === undefined) return tenants;
    const ofPlan = await this.#store.tenantsOfPlan(COSTS, plan);
    if (tenants === undefined) return ofPlan;
    const asked = new Set(tenants);
    return ofPlan.filter((tenant) => asked.has(tenant));
  }

  /** Prices of AI usage outside of all bills, of those who were asked for. */
  async #uncovered(window: Window, tenants?: readonly TenantId[]): Promise<readonly UncoveredAi[]> {
    const covered = await this.#store.coveredBy(COSTS, window);
    return within(await uncoveredAi(this.#ai, window, covered, tenants), tenants);
  }

  /** By weeks first: where there was no AI usage, there is nothing to look at day by day. */
  async #estimatedDays(window: Window, tenants?: readonly TenantId[]): Promise<ReadonlyMap<number, bigint>> {
    const covered = await this.#store.coveredBy(COSTS, window);
    const amountIn = async (part: Window): Promise<bigint> =>
      within(await uncoveredAi(this.#ai, part, covered, tenants), tenants).reduce(
        (sum, { costMicro }) => sum + costMicro,
        0n,
      );
    const weeks = piecesOf(window, WEEK_DAYS);
    const used = await inTurns(weeks, async (week) => ((await amountIn(week)) === 0n ? [] : [week]));
    const days = used.flat().flatMap((week) => piecesOf(week, 1));
    return new Map(await inTurns(days, async (day) => [day.from, await amountIn(day)] as const));
  }
}

function within(found: readonly UncoveredAi[], tenants?: readonly TenantId[]): readonly UncoveredAi[] {
  if (tenants === undefined) return found;
  const asked = new Set(tenants);
  return found.filter(({ tenantId }) => asked.has(tenantId));
}

/** Adds estimates to their tenants; returns those of usage that is no tenant's. */
function addEstimates(sums: Map<TenantId, Sum>, uncovered: readonly UncoveredAi[]): bigint {
  let nobodys = 0n;
  for (const { tenantId, costMicro, unpricedCalls } of uncovered) {
    if (isReservedTenant(tenantId)) {
      nobodys += costMicro;
      continue;
    }
    const sum = sums.get(tenantId) ?? { parts: new Map<string, bigint>(), estimatedMicro: 0n, unpricedCalls: 0 };
    sums.set(tenantId, sum);
    if (costMicro !== 0n) sum.parts.set(AI_PART, (sum.parts.get(AI_PART) ?? 0n) + costMicro);
    sum.estimatedMicro += costMicro;
    sum.unpricedCalls += unpricedCalls;
  }
  return nobodys;
}

/** Of so many days each, the last one as long as it may be. */
function piecesOf({ from, to }: Window, days: number): readonly Window[] {
  const length = days * DAY_MS;
  return Array.from({ length: Math.ceil((to - from) / length) }, (_, index) => ({
    from: from + index * length,
    to: Math.min(from + (index + 1) * length, to),
  }));
}

/** A few at a time, so that one forecast does not take all connections. Answers in the order of `items`. */
async function inTurns<Item, Answer>(items: readonly Item[], work: (item: Item) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let begin = 0; begin < items.length; begin += AT_ONCE) {
    answers.push(...(await Promise.all(items.slice(begin, begin + AT_ONCE).map(work))));
  }
  return answers;
}

function itemOf([tenantId, { parts, estimatedMicro, unpricedCalls }]: readonly [TenantId, Sum]): TenantCost {
  const costMicro = [...parts.values()].reduce((sum, micro) => sum + micro, 0n);
  return { tenantId, costMicro, parts, estimatedMicro, unpricedCalls };
}
