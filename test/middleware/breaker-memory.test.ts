import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Breakers } from '../../src/middleware/breaker.ts';
import type { BreakerOptions } from '../../src/middleware/breaker-rules.ts';

const TENANTS = 100_000;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

const ok = async () => 'ok';
// One error for all: half a million stack traces would be what this test spends its time on.
const FAILURE = new Error('502');
const fail = () => Promise.reject(FAILURE);

/** What one call of each of so many tenants leaves behind: breakers, and the bytes that come free when they are forgotten. */
async function leftBehind(tenants: number, call: () => Promise<string>, options: BreakerOptions = {}) {
  let tenant = '';
  let now = 1_000;
  const quiet = { count: () => undefined, order: () => undefined, random: () => 0 };
  const breakers = new Breakers({ ...quiet, tenant: () => tenant, now: () => now });
  const stripe = breakers.breaker('stripe', options);
  for (let index = 0; index < tenants; index++) {
    tenant = `tenant-${index}`;
    await stripe.run(call).catch(() => undefined);
  }
  const held = breakers.size;
  const full = heapBytes();
  now += 3_600_000;
  breakers.sweep();
  return { held, bytes: full - heapBytes(), leftAfterAnHour: breakers.size };
}

describe('memory', () => {
  it('of 100,000 healthy tenants is none, of failing ones bounded, of idle ones given back', async () => {
    const healthy = await leftBehind(TENANTS, ok);
    const closed = await leftBehind(TENANTS, fail);
    const open = await leftBehind(TENANTS, fail, { consecutiveFailures: 1 });
    const tooMany = await leftBehind(TENANTS * 1.5, fail);
    const all = [healthy, closed, open, tooMany];
    expect(all.map(({ held }) => held)).toEqual([0, TENANTS, TENANTS, TENANTS]);
    expect(all.map(({ leftAfterAnHour }) => leftAfterAnHour)).toEqual([0, 0, 0, 0]);
    expect(healthy.bytes).toBeLessThan(closed.bytes / 100);
    // Half as many tenants again cost nothing more, beyond the slack of a Map that grows by doubling.
    expect(tooMany.bytes).toBeLessThan(closed.bytes * 1.3);
    // Cells, keys and Map together. Measured: 237 bytes closed, 229 open; cockatiel's policy takes 2 KB.
    expect(closed.bytes / TENANTS).toBeGreaterThan(100);
    expect(closed.bytes / TENANTS).toBeLessThan(400);
    expect(open.bytes / TENANTS).toBeLessThan(400);
  });
});
