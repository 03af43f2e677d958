import { describe, expect, it } from 'vitest';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { FlagCensus, type FlagReader } from '../../../src/store/postgres/flag-census.ts';

const shop = (instanceId: string, tenant?: string): FlagReader => ({
  tenant: tenant as TenantId | undefined,
  service: 'shop',
  instanceId,
});

/** A stream and what it was told after joining. */
function join(census: FlagCensus, reader: FlagReader, now: number) {
  const told: number[] = [];
  const { instances, leave } = census.join(reader, (count) => told.push(count), now);
  return { instances, told, leave };
}

describe('the census', () => {
  it('tells who joins how many there are, and the others within the next sweep', () => {
    const census = new FlagCensus();
    const a = join(census, shop('a'), 0);
    const b = join(census, shop('b'), 1);
    expect([a.instances, b.instances]).toEqual([1, 2]);
    expect(a.told).toEqual([]);
    census.sweep(2);
    expect([a.told, b.told]).toEqual([[2], [2]]);
    census.sweep(3);
    expect(a.told).toEqual([2]);
  });

  it('counts an instance once, however many streams it has, and for half a minute after the last', () => {
    const census = new FlagCensus();
    const a = join(census, shop('a'), 0);
    const b = join(census, shop('b'), 0);
    const again = join(census, shop('b'), 10);
    expect(again.instances).toBe(2);
    b.leave(1_000);
    b.leave(1_000);
    census.sweep(100_000);
    expect(a.told).toEqual([2]);
    again.leave(100_000);
    census.sweep(130_000);
    expect(a.told).toEqual([2]);
    census.sweep(130_001);
    expect(a.told).toEqual([2, 1]);
    expect(join(census, shop('b'), 140_000).instances).toBe(2);
  });

  it('counts who polls until it stops', () => {
    const census = new FlagCensus();
    const a = join(census, shop('a'), 0);
    expect(census.note(shop('p'), 0)).toBe(2);
    expect(census.note(shop('p'), 20_000)).toBe(2);
    census.sweep(50_000);
    census.sweep(50_001);
    expect(a.told).toEqual([2, 1]);
  });

  it('keeps services apart, and those who read for one tenant alone', () => {
    const census = new FlagCensus();
    join(census, shop('a'), 0);
    expect(join(census, { ...shop('b'), service: 'billing' }, 0).instances).toBe(1);
    for (let i = 0; i < 100; i++) join(census, shop(`evil-${i}`, 'acme'), 0);
    expect(join(census, shop('c'), 0).instances).toBe(2);
    expect(census.ours(0).map(({ instanceId }) => instanceId)).toEqual(['a', 'c', 'b']);
  });

  it('counts whom other servers see, and keeps them while nothing can be heard', () => {
    const census = new FlagCensus();
    const a = join(census, shop('a'), 0);
    census.hear([{ service: 'shop', instanceId: 'x', ageMs: 1_000 }], 0);
    census.sweep(0);
    expect(a.told).toEqual([2]);
    for (let now = 0; now <= 300_000; now += 5_000) {
      census.keepElsewhere(now);
      census.sweep(now);
    }
    expect(a.told).toEqual([2]);
    census.sweep(330_001);
    expect(a.told).toEqual([2, 1]);
  });

  it('is not kept alive by its own notes', () => {
    const census = new FlagCensus();
    const a = join(census, shop('a'), 0);
    join(census, shop('b'), 0).leave(0);
    for (let now = 5_000; now <= 60_000; now += 5_000) {
      const noted = census.ours(now).map(({ unseenMs, ...one }) => ({ ...one, ageMs: unseenMs }));
      census.hear(noted, now);
      census.sweep(now);
    }
    expect(a.told).toEqual([2, 1]);
    expect(census.ours(60_000).map(({ instanceId }) => instanceId)).toEqual(['a']);
  });
});
