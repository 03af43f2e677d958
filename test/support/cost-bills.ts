import fc from 'fast-check';
import { allocate, basisNeeds } from '../../src/cost/allocation.ts';
import { GroupBuilder } from '../../src/cost/allocation-groups.ts';
import { RuleMatcher } from '../../src/cost/allocation-match.ts';
import type { GroupOutcome } from '../../src/cost/allocation-outcome.ts';
import type { UsageBasis } from '../../src/cost/allocation-weights.ts';
import { roundTogether } from '../../src/cost/share.ts';
import type { BillLine } from '../../src/domain/bill.ts';
import { EXACT_PER_MICRO, microFromExact, RATE_ONE } from '../../src/domain/cost-amount.ts';
import type { AllocationRule, SplitKey } from '../../src/domain/cost-rule.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, floorTo, type Window } from '../../src/domain/window.ts';

const NOVEMBER = Date.UTC(2026, 10, 1);
const MONTH_END = Date.UTC(2026, 11, 1);
const TENANTS = ['acme', 'beta', 'cafe', 'delta', 'echo', 'foxtrot'] as TenantId[];
const UNKNOWN = '(unknown)' as TenantId;
const KEYS: readonly SplitKey[] = ['cpu_ns', 'db_ns', 'requests', 'storage_byte_hours', 'ai_cost'];

/** A line of no consequence; tests overwrite what they are about. */
function lineOf(changes: Partial<BillLine> & { line: number }): BillLine {
  return {
    ...{ provider: 'Cloud', issuer: 'Cloud Inc', account: '1', accountName: '', invoice: 'INV-1' },
    ...{ subAccount: '', subAccountName: '', service: 'Compute Engine', category: 'Compute', region: 'eu' },
    ...{ resource: '', sku: '', description: '', chargeCategory: 'Usage', correction: false, tags: {} },
    ...{ currency: 'USD', atto: 10n ** 18n, rounded: false, from: NOVEMBER, to: NOVEMBER + DAY_MS },
    ...{ billingFrom: NOVEMBER, billingTo: MONTH_END, key: `id ${changes.line}` },
    ...changes,
  };
}

type UsageTable = ReadonlyMap<TenantId, ReadonlyMap<SplitKey, bigint>>;

export interface World {
  readonly lines: readonly BillLine[];
  readonly rules: readonly AllocationRule[];
  /** Usage of every day; longer windows have that of all their days. */
  readonly usage: UsageTable;
}

/** Micro-units by day, as the import makes them of the lines alone. */
function daysOf(lines: readonly BillLine[]): Map<number, bigint> {
  const exact = new Map<number, bigint>();
  for (const { from, atto } of lines) {
    const day = floorTo(from, DAY_MS);
    exact.set(day, (exact.get(day) ?? 0n) + atto * RATE_ONE);
  }
  const days = [...exact.keys()].sort((a, b) => a - b);
  const sums = days.map((day) => exact.get(day) ?? 0n);
  const total = microFromExact(sums.reduce((sum, one) => sum + one, 0n));
  const micros = roundTogether(sums, EXACT_PER_MICRO, total);
  return new Map(days.map((day, index) => [day, micros[index] ?? 0n]));
}

function basisIn(usage: UsageTable): (key: SplitKey, window: Window) => UsageBasis {
  return (key, window) => {
    const days = BigInt(Math.max(1, Math.round((window.to - window.from) / DAY_MS)));
    const rows = [...usage]
      .map(([tenant, values]) => ({ tenant, value: (values.get(key) ?? 0n) * days }))
      .filter(({ value }) => value > 0n)
      .sort((a, b) => (a.tenant < b.tenant ? -1 : 1));
    return {
      ...{ key, window, tenants: rows.map(({ tenant }) => tenant), values: rows.map(({ value }) => value) },
      total: rows.reduce((sum, { value }) => sum + value, 0n),
    };
  };
}

/** What the server does with a bill, in memory. */
export function allocateAll({ lines, rules, usage }: World): {
  outcomes: readonly GroupOutcome[];
  days: ReadonlyMap<number, bigint>;
} {
  const matcher = new RuleMatcher(rules, (tenant) => TENANTS.includes(tenant));
  const builder = new GroupBuilder(rules, new Map());
  for (const line of lines) builder.add(line, matcher.verdict(line));
  const groups = builder.groups();
  const days = daysOf(lines);
  const asked = new Set(
    basisNeeds(rules, groups).flatMap(({ window, keys }) => keys.map((key) => `${key} ${window.from} ${window.to}`)),
  );
  const basis = basisIn(usage);
  const run = allocate({
    ...{ rules, groups, days },
    basis: (key, window) => {
      // What is not announced is not read, so asking for it is a mistake in the program.
      if (!asked.has(`${key} ${window.from} ${window.to}`)) throw new Error(`${key} was not announced`);
      return basis(key, window);
    },
    tenantsOfPlans: (plans) => TENANTS.filter((_, index) => plans.includes(index < 3 ? 'gold' : 'free')),
  });
  for (;;) {
    const step = run.next();
    if (step.done === true) return { outcomes: step.value, days };
  }
}

const atto = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 10n ** 22n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(10n ** 21n), max: 10n ** 13n }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 1n, -1n, 10n ** 12n, 499_999_999_999n, 500_000_000_000n) },
);

const charge = fc.record({
  atto,
  day: fc.integer({ min: 0, max: 3 }),
  monthly: fc.boolean(),
  service: fc.constantFrom('Compute Engine', 'Postgres', 'Support', 'LLM'),
  chargeCategory: fc.constantFrom('Usage', 'Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment'),
  tag: fc.option(fc.constantFrom(...TENANTS, 'nobody'), { nil: undefined }),
});

const lines = fc.array(charge, { maxLength: 25 }).map((charges) =>
  charges.map(({ atto: amount, day, monthly, service, chargeCategory, tag }, index) => {
    const from = NOVEMBER + (monthly ? 0 : day) * DAY_MS;
    return lineOf({
      ...{ line: index + 2, atto: amount, service, from, to: monthly ? MONTH_END : from + DAY_MS },
      chargeCategory: chargeCategory as BillLine['chargeCategory'],
      tags: tag === undefined ? {} : { tenant: tag },
    });
  }),
);

const key = fc.constantFrom(...KEYS);
const idle = fc.option(
  fc.record({
    key,
    capacity: fc.oneof(
      fc.bigInt({ min: 1n, max: 2_000n }).map((perHour) => ({ perHour: String(perHour) })),
      fc.constant({ key: 'storage_byte_hours' as const }),
    ),
    treatment: fc.constantFrom('own_line' as const, 'spread' as const),
  }),
);
const withoutTenant = fc.constantFrom('unallocated' as const, 'spread' as const);
const someTenants = fc.uniqueArray(fc.constantFrom(...TENANTS), { minLength: 1, maxLength: 4 });
const fixed = fc.oneof(
  someTenants.chain((tenants) =>
    fc
      .bigInt({ min: 0n, max: 10n ** 10n })
      .map((amount) => tenants.map((tenantId) => ({ tenantId, amountMicro: String(amount) }))),
  ),
  someTenants.map((tenants) => tenants.map((tenantId, index) => ({ tenantId, ppm: 83_333 * (index + 1) }))),
);

const method = fc.oneof(
  fc.record({
    kind: fc.constant('direct' as const),
    from: fc.constant({ tag: 'tenant' }),
    tenants: fc.constant({ nobody: 'acme' as TenantId }),
  }),
  fc.record({ kind: fc.constant('proportional' as const), key, withoutTenant, idle }),
  fc.record({
    kind: fc.constant('weighted' as const),
    keys: fc.uniqueArray(fc.record({ key, weight: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 1,
      maxLength: 3,
      selector: (part) => part.key,
    }),
    ...{ withoutTenant, idle },
  }),
  fc.record({ kind: fc.constant('even' as const), plans: fc.constantFrom(null, ['gold'], ['none']) }),
  fc.record({
    kind: fc.constant('fixed' as const),
    shares: fixed,
    rest: fc.constantFrom('shared' as const, 'unallocated' as const),
  }),
  fc.constant({ kind: 'shared' as const }),
  fc.record({ kind: fc.constant('follow' as const), scope: fc.constantFrom('service' as const, 'bill' as const) }),
);

const match = fc.constantFrom<AllocationRule['match']>(
  {},
  { service: ['Post*'] },
  { service: ['compute ?ngine', 'LLM'] },
  { chargeCategories: ['Tax', 'Credit'] },
  { tags: { tenant: ['*'] } },
);

const rules = fc
  .array(fc.record({ match, method, part: fc.constantFrom(null, 'pool') }), { maxLength: 4 })
  .map((all) => all.map((rule, index): AllocationRule => ({ id: `rule-${index}`, ...rule })));

const usage = fc
  .array(fc.tuple(fc.constantFrom(...TENANTS, UNKNOWN), key, fc.bigInt({ min: 0n, max: 10n ** 12n })), {
    maxLength: 20,
  })
  .map((entries) => {
    const table = new Map<TenantId, Map<SplitKey, bigint>>();
    for (const [tenant, usageKey, value] of entries) {
      table.set(tenant, new Map([...(table.get(tenant) ?? []), [usageKey, value]]));
    }
    return table;
  });

/** Random bills, rules and usage. */
export const world: fc.Arbitrary<World> = fc.record({ lines, rules, usage });
