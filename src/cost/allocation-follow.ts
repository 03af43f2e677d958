import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { LineGroup } from './allocation-groups.ts';
import { type GroupOutcome, nobodys, outcomeOf } from './allocation-outcome.ts';
import { shareOut } from './share.ts';

/** How other charges came out so far. */
interface Tally {
  readonly tenants: Map<TenantId, bigint>;
  shared: bigint;
  idle: bigint;
  unallocated: bigint;
}

const atLeastZero = (value: bigint) => (value < 0n ? 0n : value);

/**
 * Tax, credits and the like go where the charges went that they belong to: to the tenants, to shared, idle and
 * unallocated in the same proportion. Whoever comes to less than nothing has no share.
 */
export class Followers {
  readonly #byService = new Map<string, Tally>();
  readonly #all: Tally = newTally();

  note({ service }: LineGroup, outcome: GroupOutcome): void {
    let tally = this.#byService.get(service);
    if (tally === undefined) {
      tally = newTally();
      this.#byService.set(service, tally);
    }
    for (const one of [tally, this.#all]) {
      for (const [index, tenant] of outcome.tenants.entries()) {
        one.tenants.set(tenant, (one.tenants.get(tenant) ?? 0n) + (outcome.shares[index] ?? 0n));
      }
      one.shared += outcome.sharedMicro;
      one.idle += outcome.idleMicro;
      one.unallocated += outcome.unallocatedMicro;
    }
  }

  /** `service`: as charges of the same service, or as the whole bill where there are none. */
  outcome(group: LineGroup, micro: bigint, scope: 'service' | 'bill'): GroupOutcome {
    const own = scope === 'service' ? this.#byService.get(group.service) : undefined;
    for (const tally of own === undefined ? [this.#all] : [own, this.#all]) {
      const tenants = [...tally.tenants].filter(([, sum]) => sum > 0n).toSorted(([a], [b]) => compareText(a, b));
      const others = [tally.shared, tally.idle, tally.unallocated].map(atLeastZero);
      const weights = [...others, ...tenants.map(([, sum]) => sum)];
      if (weights.every((weight) => weight === 0n)) continue;
      const [sharedMicro = 0n, idleMicro = 0n, unallocatedMicro = 0n, ...shares] = shareOut(micro, weights);
      const reason = unallocatedMicro === 0n ? null : 'belongs to charges that are unallocated';
      return outcomeOf(group, {
        ...{ micro, sharedMicro, idleMicro, unallocatedMicro, reason, shares },
        tenants: tenants.map(([tenant]) => tenant),
      });
    }
    return nobodys(group, micro, 'there is no other charge that it could follow');
  }
}

function newTally(): Tally {
  return { tenants: new Map(), shared: 0n, idle: 0n, unallocated: 0n };
}
