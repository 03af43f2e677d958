import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXACT_PER_MICRO, microFromExact, RATE_ONE } from '../../src/domain/cost-amount.ts';
import { allocateAll, type World, world } from '../support/cost-bills.ts';

/** Together 10,000 random bills. */
const RUNS = 2_500;

/** Everything about a result, in the order in which it came. */
function written({ outcomes }: ReturnType<typeof allocateAll>): string {
  return JSON.stringify(outcomes, (_key, value) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof BigInt64Array) return [...value].map(String);
    return value instanceof Map ? [...value] : value;
  });
}

/** Bills with a shuffled copy of themselves: the same lines, usage and rules, entered in another order. */
const shuffled = world.chain((one) =>
  fc.record({
    one: fc.constant(one),
    lines: fc.shuffledSubarray([...one.lines], { minLength: one.lines.length }),
    tenants: fc.shuffledSubarray([...one.usage], { minLength: one.usage.size }),
  }),
);

describe('the costs of a bill', () => {
  it('add up to the bill exactly, on every day', () => {
    fc.assert(
      fc.property(world, (one: World) => {
        const { outcomes, days } = allocateAll(one);
        const byDay = new Map([...days.keys()].map((day) => [day, 0n]));
        for (const { group, shares, sharedMicro, idleMicro, unallocatedMicro } of outcomes) {
          const all = [...shares].reduce((sum, share) => sum + share, sharedMicro + idleMicro + unallocatedMicro);
          byDay.set(group.day, (byDay.get(group.day) ?? 0n) + all);
        }
        expect(byDay).toEqual(days);
        const exact = one.lines.reduce((sum, { atto }) => sum + atto * RATE_ONE, 0n);
        expect([...days.values()].reduce((sum, day) => sum + day, 0n)).toBe(microFromExact(exact));
      }),
      { numRuns: RUNS },
    );
  });

  it('have the sign of the charge that they are a share of: none is negative out of nowhere', () => {
    fc.assert(
      fc.property(world, (one) => {
        // Collected, because 100,000 expectations cost more than what they look at.
        const wrong: unknown[] = [];
        for (const { group, micro, tenants, shares, ...rest } of allocateAll(one).outcomes) {
          for (const [index, tenant] of tenants.entries()) {
            const due = group.byTenant.get(tenant);
            if (due === undefined) continue;
            const off = (shares[index] ?? 0n) * EXACT_PER_MICRO - due;
            if (off >= EXACT_PER_MICRO || off <= -EXACT_PER_MICRO) wrong.push({ tenant, off });
          }
          // A charge and a refund with the tags of two tenants stand in one group, and each keeps its own sign.
          if (group.byTenant.size > 0) continue;
          for (const share of [...shares, rest.sharedMicro, rest.idleMicro, rest.unallocatedMicro]) {
            if (share !== 0n && share < 0n !== micro < 0n) wrong.push({ micro, share });
          }
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it('do not depend on the order of lines or tenants', () => {
    fc.assert(
      fc.property(shuffled, ({ one, lines, tenants }) => {
        const first = allocateAll(one);
        const second = allocateAll({ ...one, lines, usage: new Map(tenants) });
        const withoutOrder = (text: string) =>
          text.replaceAll(/"lines":\[[^\]]*\]/g, '').replaceAll(/"byTenant":\[.*?\]\]/g, '');
        expect(withoutOrder(written(second))).toBe(withoutOrder(written(first)));
      }),
      { numRuns: RUNS },
    );
  });

  it('are the same lines when they are made again', () => {
    fc.assert(
      fc.property(world, (one) => {
        expect(written(allocateAll(one))).toBe(written(allocateAll(one)));
      }),
      { numRuns: RUNS },
    );
  });

  it('reach every method, idle lines and unallocated ones: the random bills are not all alike', () => {
    const seen = { shares: 0, shared: 0, idle: 0, unallocated: 0, negative: 0 };
    for (const one of fc.sample(world, { numRuns: 800, seed: 1 })) {
      for (const { shares, sharedMicro, idleMicro, unallocatedMicro, micro } of allocateAll(one).outcomes) {
        if (shares.length > 1) seen.shares += 1;
        if (sharedMicro !== 0n) seen.shared += 1;
        if (idleMicro !== 0n) seen.idle += 1;
        if (unallocatedMicro !== 0n) seen.unallocated += 1;
        if (micro < 0n && shares.length > 0) seen.negative += 1;
      }
    }
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });
});
