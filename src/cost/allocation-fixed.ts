import type { AllocationMethod, FixedShare } from '../domain/cost-rule.ts';
import { compareText } from '../domain/text-order.ts';
import type { LineGroup } from './allocation-groups.ts';
import { type GroupOutcome, outcomeOf } from './allocation-outcome.ts';
import { shareOut } from './share.ts';

type FixedMethod = Extract<AllocationMethod, { kind: 'fixed' }>;

interface Charge {
  readonly group: LineGroup;
  readonly micro: bigint;
}

const WHOLE_PPM = 1_000_000n;

/**
 * What one rule gives out of the charges of one month. Percentages apply to every charge. Amounts are taken from the
 * charges above 0 and come out to the micro-unit; credits are `rest`. Where the charges are less than the amounts, they
 * are shared in the amounts' proportion.
 */
export function fixedOutcomes(charges: readonly Charge[], method: FixedMethod): readonly GroupOutcome[] {
  const shares = method.shares.toSorted((a, b) => compareText(a.tenantId, b.tenantId));
  const rows = shares.every((share) => 'ppm' in share)
    ? charges.map(({ micro }) => percentages(micro, shares))
    : amounts(charges, shares);
  return charges.map(({ group, micro }, index) => {
    const [rest = 0n, ...given] = rows[index] ?? [];
    const common = { micro, tenants: shares.map(({ tenantId }) => tenantId), shares: given };
    if (method.rest === 'shared') return outcomeOf(group, { ...common, sharedMicro: rest });
    const reason = rest === 0n ? null : 'more than the fixed amounts';
    return outcomeOf(group, { ...common, unallocatedMicro: rest, reason });
  });
}

/** The rest, then one share for each. */
function percentages(micro: bigint, shares: readonly FixedShare[]): bigint[] {
  const ppm = shares.map((share) => ('ppm' in share ? BigInt(share.ppm) : 0n));
  const given = ppm.reduce((sum, one) => sum + one, 0n);
  return shareOut(micro, [given < WHOLE_PPM ? WHOLE_PPM - given : 0n, ...ppm]);
}

function amounts(charges: readonly Charge[], shares: readonly FixedShare[]): bigint[][] {
  const wanted = shares.map((share) => ('amountMicro' in share ? BigInt(share.amountMicro) : 0n));
  const total = charges.reduce((sum, { micro }) => (micro > 0n ? sum + micro : sum), 0n);
  const asked = wanted.reduce((sum, one) => sum + one, 0n);
  const none = wanted.map(() => 0n);
  if (total === 0n || asked === 0n) return charges.map(({ micro }) => [micro, ...none]);
  const targets = asked <= total ? [total - asked, ...wanted] : shareOut(total, [0n, ...wanted]);
  const rows = charges.map(({ micro }) => (micro > 0n ? shareOut(micro, targets) : [micro, ...none]));
  settle(
    rows.filter((_, index) => (charges[index]?.micro ?? 0n) > 0n),
    targets,
  );
  return rows;
}

/** Rounding each charge by itself leaves columns a few units off; those are moved from who has too many to who lacks. */
function settle(rows: readonly bigint[][], targets: readonly bigint[]): void {
  const over = targets.map((target, column) => rows.reduce((sum, row) => sum + (row[column] ?? 0n), 0n) - target);
  for (const row of rows) {
    for (let from = 0; from < over.length; from += 1) {
      while ((over[from] ?? 0n) > 0n && (row[from] ?? 0n) > 0n) {
        const to = over.findIndex((units) => units < 0n);
        if (to < 0) return;
        const units = least(over[from] ?? 0n, row[from] ?? 0n, -(over[to] ?? 0n));
        row[from] = (row[from] ?? 0n) - units;
        row[to] = (row[to] ?? 0n) + units;
        over[from] = (over[from] ?? 0n) - units;
        over[to] = (over[to] ?? 0n) + units;
      }
    }
  }
}

function least(...values: readonly bigint[]): bigint {
  return values.toSorted((a, b) => (a < b ? -1 : 1))[0] ?? 0n;
}
