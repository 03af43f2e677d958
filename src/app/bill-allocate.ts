import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { allocate, basisNeeds } from '../cost/allocation.ts';
import { GroupBuilder, type LineGroup } from '../cost/allocation-groups.ts';
import { RuleMatcher } from '../cost/allocation-match.ts';
import type { GroupOutcome } from '../cost/allocation-outcome.ts';
import type { UsageBasis } from '../cost/allocation-weights.ts';
import type { StaffActor } from '../domain/actor.ts';
import { parseRate } from '../domain/cost-amount.ts';
import type { AllocationRules, SplitKey } from '../domain/cost-rule.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { BillStore } from '../store/postgres/bill-store.ts';
import type { AllocationToKeep, GroupToKeep, SharesToKeep } from '../store/postgres/cost-allocation-store.ts';
import { type BillUsageReader, readBases } from './bill-usage.ts';
import type { AiCostReader } from './costs-ai.ts';

export interface AllocatorParts {
  readonly bills: Pick<BillStore, 'lines'>;
  readonly usage: BillUsageReader;
  readonly ai: AiCostReader;
  /** Everybody who is known. */
  readonly tenants: () => Promise<ReadonlySet<TenantId>>;
  /** By plan as it was at a moment (Unix ms), ascending by tenant. */
  readonly plansAt: (at: number) => Promise<ReadonlyMap<TenantId, string>>;
}

export interface BillToAllocate {
  readonly id: string;
  /** Currency -> what one is in the bill's. */
  readonly rates: Readonly<Record<string, string>>;
  /** End of the last charge: plans count as they were then. */
  readonly to: number;
  readonly days: readonly { readonly day: number; readonly booked: number; readonly micro: bigint }[];
}

const LINES_AT_ONCE = 5_000;
/** Groups between two looks at what else the server has to do: one takes some ms with 10,000 tenants. */
const GROUPS_AT_ONCE = 4;

/** Shares a stored bill out. Nothing is written. */
export async function allocateBill(
  parts: AllocatorParts,
  actor: StaffActor,
  bill: BillToAllocate,
  { version, rules }: Pick<AllocationRules, 'version' | 'rules'>,
): Promise<AllocationToKeep> {
  const tenants = await parts.tenants();
  const matcher = new RuleMatcher(rules, (tenant) => tenants.has(tenant));
  const rates = Object.entries(bill.rates).map(([currency, rate]) => [currency, parseRate(rate) ?? 0n] as const);
  const builder = new GroupBuilder(rules, new Map(rates));
  for (let after = 0; ; ) {
    const lines = await parts.bills.lines(actor, bill.id, { after, limit: LINES_AT_ONCE });
    for (const line of lines) builder.add(line, matcher.verdict(line));
    after = lines.at(-1)?.line ?? after;
    if (lines.length < LINES_AT_ONCE) break;
  }
  const groups = builder.groups();
  const basis = await readBases(basisNeeds(rules, groups), parts);
  const plans = rules.some(({ method }) => method.kind === 'even' && method.plans !== null)
    ? await parts.plansAt(bill.to)
    : new Map<TenantId, string>();
  const run = allocate({
    ...{ rules, groups, basis },
    days: new Map(bill.days.map(({ day, micro }) => [day, micro])),
    tenantsOfPlans: (wanted) => [...plans].flatMap(([tenant, plan]) => (wanted.includes(plan) ? [tenant] : [])).sort(),
  });
  for (let count = 1; ; count += 1) {
    const step = run.next();
    if (step.done === true) {
      const booked = new Map(bill.days.map((day) => [day.day, day.booked]));
      return toKeep(step.value, { version, names: rules.map(({ id }) => id), basis, booked });
    }
    if (count % GROUPS_AT_ONCE === 0) await nextTurn();
  }
}

interface Context {
  readonly version: number;
  /** Ids of the rules. */
  readonly names: readonly string[];
  readonly basis: (key: SplitKey, window: Window) => UsageBasis;
  readonly booked: ReadonlyMap<number, number>;
}

function ruleName({ rule, reason }: LineGroup, names: readonly string[]): string {
  if (rule !== null) return names[rule] ?? '(none)';
  return reason === null ? '(follow)' : '(none)';
}

class BasisNumbers {
  readonly #numbers = new Map<UsageBasis, number>();

  of(basis: UsageBasis): number {
    const known = this.#numbers.get(basis);
    if (known !== undefined) return known;
    this.#numbers.set(basis, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  all(): readonly UsageBasis[] {
    return [...this.#numbers.keys()];
  }
}

function toKeep(outcomes: readonly GroupOutcome[], context: Context): AllocationToKeep {
  const numbers = new BasisNumbers();
  const shares = new Map<TenantId, { groupNos: number[]; micros: bigint[]; basisNos: number[]; usages: bigint[] }>();
  const groups = outcomes.map((outcome, groupNo): GroupToKeep => {
    const { group, tenants } = outcome;
    let tenantsMicro = 0n;
    for (const [index, tenant] of tenants.entries()) {
      let own = shares.get(tenant);
      if (own === undefined) {
        own = { groupNos: [], micros: [], basisNos: [], usages: [] };
        shares.set(tenant, own);
      }
      const micro = outcome.shares[index] ?? 0n;
      own.groupNos.push(groupNo);
      own.micros.push(micro);
      tenantsMicro += micro;
    }
    const bases = outcome.keys.map((key) => context.basis(key, group.window));
    return { ...groupRow(outcome, context), tenantsMicro, basisNos: bases.map((basis) => numbers.of(basis)) };
  });
  for (const [basisNo, basis] of numbers.all().entries()) {
    for (const [index, tenant] of basis.tenants.entries()) {
      const own = shares.get(tenant);
      own?.basisNos.push(basisNo);
      own?.usages.push(basis.values[index] ?? 0n);
    }
  }
  const bases = numbers.all().map(({ key, window, total }) => {
    return { key, usageFrom: window.from, usageTo: window.to, total };
  });
  const rows = [...shares].map(([tenantId, own]): SharesToKeep => ({ tenantId, ...own }));
  return { id: randomUUID(), rulesVersion: context.version, groups, bases, shares: rows };
}

function groupRow(
  { group, micro, sharedMicro, idleMicro, unallocatedMicro, reason }: GroupOutcome,
  { names, booked }: Context,
): Omit<GroupToKeep, 'tenantsMicro' | 'basisNos'> {
  const { part, provider, issuer, account, service, category, chargeCategory, correction, billing, window, day } =
    group;
  return {
    ...{ rule: ruleName(group, names), part, provider, issuer, account, service, category, chargeCategory, correction },
    ...{ billingFrom: billing.from, billingTo: billing.to, usageFrom: window.from, usageTo: window.to },
    ...{ day, booked: booked.get(day) ?? day, exact: group.exact, lineNos: group.lines },
    ...{ micro, sharedMicro, idleMicro, unallocatedMicro, reason },
  };
}
