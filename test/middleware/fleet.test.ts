import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { FleetSize } from '../../src/middleware/fleet.ts';
import { checkThrottle } from '../../src/middleware/throttle.ts';

describe('the size of the fleet', () => {
  it('is one until the server says otherwise', () => {
    expect(new FleetSize().at(0)).toBe(1);
  });

  it('grows at once and shrinks only after 45 s, to the largest told meanwhile', () => {
    const fleet = new FleetSize();
    fleet.tell(4, 0);
    expect(fleet.at(0)).toBe(4);
    fleet.tell(2, 1_000);
    fleet.tell(3, 20_000);
    fleet.tell(1, 30_000);
    expect(fleet.at(45_999)).toBe(4);
    expect(fleet.at(46_000)).toBe(3);
  });

  it('forgets a smaller number when the fleet is as large as before', () => {
    const fleet = new FleetSize();
    fleet.tell(4, 0);
    fleet.tell(1, 1_000);
    fleet.tell(4, 2_000);
    expect(fleet.at(600_000)).toBe(4);
  });
});

/** Instances that each hold the same throttle and are told the number of live ones as a server would tell them. */
class FleetOfApps {
  readonly #flag: object;
  readonly stores: FlagStore[] = [];

  constructor(limit: object) {
    this.#flag = {
      kind: 'throttle',
      id: 'f',
      tenant_id: 'acme',
      revision: 1,
      ttl_ms: 3_600_000,
      reason: '',
      mode: 'enforce',
      limit,
    };
  }

  join(now: number): void {
    const store = new FlagStore();
    this.stores.push(store);
    const snapshot = readSnapshot(JSON.stringify({ revision: 1, flags: [this.#flag] }));
    if (snapshot !== undefined) store.applySnapshot(snapshot, now);
    for (const one of this.stores) one.fleet.tell(this.stores.length, now);
  }

  leave(now: number): void {
    this.stores.pop();
    for (const one of this.stores) one.fleet.tell(this.stores.length, now);
  }

  /** Every instance is asked until it refuses. @returns how many were let through in all */
  drain(now: number): number {
    let allowed = 0;
    for (const store of this.stores) while (checkThrottle(store, { tenantId: 'acme' }, now).allowed) allowed += 1;
    return allowed;
  }
}

describe('a limit for the whole fleet', () => {
  it('is split: all instances together let through what one would have', () => {
    const fleet = new FleetOfApps({ requests_per_second: 12, burst: 12 });
    for (let i = 0; i < 4; i++) fleet.join(0);
    expect(fleet.drain(0)).toBe(12);
    let allowed = 0;
    for (let second = 1; second <= 10; second++) allowed += fleet.drain(second * 1_000);
    expect(allowed).toBe(120);
  });

  it('never sums above the limit by more than a burst for each instance that comes, whatever comes and goes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.constantFrom('join', 'leave', 'wait', 'wait'), { minLength: 1, maxLength: 60 }),
        (rate, burst, steps) => {
          const fleet = new FleetOfApps({ requests_per_second: rate, burst });
          let now = 0;
          let joins = 1;
          fleet.join(now);
          let allowed = fleet.drain(now);
          for (const step of steps) {
            if (step === 'join' && fleet.stores.length < 20) {
              fleet.join(now);
              joins += 1;
            } else if (step === 'leave' && fleet.stores.length > 1) fleet.leave(now);
            else now += 2_000;
            allowed += fleet.drain(now);
          }
          // A share of the burst, of at least one token, for each instance that ever came.
          const bursts = Array.from({ length: joins }, (_, i) => Math.max(1, burst / (i + 1)));
          const bound = (rate * now) / 1_000 + bursts.reduce((sum, one) => sum + one, 0) + burst;
          expect(allowed).toBeLessThanOrEqual(bound + 1e-6);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives a tiny limit to each instance in turn instead of refusing everything', () => {
    const fleet = new FleetOfApps({ requests_per_second: 1, burst: 1 });
    for (let i = 0; i < 20; i++) fleet.join(0);
    fleet.drain(0);
    let allowed = 0;
    for (let second = 1; second <= 100; second++) allowed += fleet.drain(second * 1_000);
    expect(allowed).toBe(100);
  });

  it('stays split when a server comes back and counts from one again', () => {
    const fleet = new FleetOfApps({ requests_per_second: 10, burst: 10 });
    for (let i = 0; i < 10; i++) fleet.join(0);
    fleet.drain(0);
    let allowed = 0;
    for (let second = 1; second <= 30; second++) {
      // One instance a second finds the server; each is told how many have.
      for (const store of fleet.stores.slice(0, Math.ceil(second / 3))) {
        store.fleet.tell(Math.ceil(second / 3), second * 1_000);
      }
      allowed += fleet.drain(second * 1_000);
    }
    expect(allowed).toBe(300);
  });
});
