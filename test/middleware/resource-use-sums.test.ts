import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OTHER_TENANTS, type TenantId, UNATTRIBUTED_TENANT } from '../../src/domain/tenant-id.ts';
import { apportion, largest, type TenantUse } from '../../src/middleware/resource-use/apportion.ts';
import { type Sampled, type Samples, tallySamples } from '../../src/middleware/resource-use/sample-tally.ts';

const id = (text: string) => text as TenantId;
const use = (tenantId: TenantId, part: Partial<TenantUse> = {}): TenantUse => ({
  tenantId,
  cpuSeconds: 0,
  cpuSamples: 0,
  eventLoopSeconds: 0,
  receivedBytes: 0,
  transmittedBytes: 0,
  ...part,
});
const loopOf = (entries: Record<string, Partial<Sampled>>) =>
  new Map(
    Object.entries(entries).map(([name, entry]) => [id(name), { samples: 0, loopMs: 0, waitingMs: 0, ...entry }]),
  );
const cpuOf = (rows: readonly TenantUse[], name: string) => rows.find((row) => row.tenantId === name)?.cpuSeconds;

describe('apportion', () => {
  it('splits the thread by running time, leaves work between callbacks and other threads to nobody', () => {
    const rows = apportion({
      processCpuMs: 1_000,
      threadCpuMs: 800,
      loopActiveMs: 1_600,
      loop: loopOf({
        a: { loopMs: 600, samples: 60 },
        b: { loopMs: 600, waitingMs: 400 },
        [UNATTRIBUTED_TENANT]: { loopMs: 200 },
      }),
      traffic: new Map([[id('c'), { received: 5, transmitted: 7 }]]),
    });
    // 600 + 200 + 200 + 200 between callbacks ran: 800 ms of CPU for 1,200 ms of running.
    expect(cpuOf(rows, 'a')).toBeCloseTo(0.4);
    expect(cpuOf(rows, 'b')).toBeCloseTo(0.4 / 3);
    expect(cpuOf(rows, UNATTRIBUTED_TENANT)).toBeCloseTo(1 - 0.4 - 0.4 / 3);
    expect(rows.find((row) => row.tenantId === 'a')).toMatchObject({ cpuSamples: 60, eventLoopSeconds: 0.6 });
    expect(rows.find((row) => row.tenantId === 'c')).toMatchObject({
      receivedBytes: 5,
      transmittedBytes: 7,
      cpuSeconds: 0,
    });
  });

  it('adds up to the CPU of the process whatever was measured', () => {
    const figure = fc.double({ min: 0, max: 1e5, noNaN: true });
    const entry = fc.record({ samples: fc.nat(1_000), loopMs: figure, waitingMs: figure });
    const loops = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', UNATTRIBUTED_TENANT, OTHER_TENANTS), entry);
    fc.assert(
      fc.property(
        figure,
        figure,
        figure,
        loops,
        fc.integer({ min: 1, max: 3 }),
        (process, thread, active, loop, limit) => {
          const rows = largest(
            apportion({
              processCpuMs: process,
              threadCpuMs: thread,
              loopActiveMs: active,
              loop: loopOf(loop),
              traffic: new Map(),
            }),
            limit,
          );
          expect(rows.reduce((sum, row) => sum + row.cpuSeconds, 0)).toBeCloseTo(process / 1_000, 6);
          expect(Math.min(...rows.map((row) => row.cpuSeconds))).toBeGreaterThanOrEqual(0);
          expect(rows.reduce((sum, row) => sum + row.cpuSamples, 0)).toBe(
            Object.values(loop).reduce((sum, { samples }) => sum + samples, 0),
          );
        },
      ),
    );
  });
});

describe('largest', () => {
  const rows = [
    use(id('small'), { cpuSeconds: 1, receivedBytes: 1 }),
    use(id('worker'), { cpuSeconds: 9 }),
    use(id('sender'), { transmittedBytes: 1_000 }),
    use(id('idle')),
    use(OTHER_TENANTS, { cpuSeconds: 2, cpuSamples: 3 }),
    use(UNATTRIBUTED_TENANT, { cpuSeconds: 50 }),
  ];

  it('keeps the largest by any resource and adds the rest up', () => {
    const told = largest(rows, 2);
    expect(told.map((row) => row.tenantId)).toEqual(['sender', 'worker', OTHER_TENANTS, UNATTRIBUTED_TENANT]);
    expect(told[2]).toEqual(use(OTHER_TENANTS, { cpuSeconds: 3, cpuSamples: 3, receivedBytes: 1 }));
  });

  it('leaves all as they are when they fit', () => {
    expect(largest(rows, 4)).toEqual(rows);
  });
});

describe('tallySamples', () => {
  const tenantOf = (spell: object) => (spell as { tenant?: TenantId }).tenant;
  const spell = (tenant?: string) => (tenant === undefined ? {} : { tenant: id(tenant) });
  /** Samples at every 10 ms, and none of anything else. */
  const every10Ms = (spells: readonly (object | undefined)[], cpuMicros = 10_000): Samples => ({
    kept: spells.map((one, i) => ({ at: 5_000 + i * 10_000, spell: one, cpuMicros })),
    taken: spells.length,
    wallMs: spells.length * 10,
  });

  it('counts time for whose samples they are, apart from idle time, in whatever order they come', () => {
    const samples = every10Ms([spell('a'), undefined, spell('b'), spell('a'), spell(), undefined]);
    const { tenants, idleMs, busySamples } = tallySamples({ ...samples, kept: samples.kept.toReversed() }, tenantOf);
    expect(tenants.get(id('a'))).toEqual({ samples: 2, loopMs: 20, waitingMs: 0 });
    expect(tenants.get(id('b'))).toEqual({ samples: 1, loopMs: 10, waitingMs: 0 });
    expect(tenants.get(UNATTRIBUTED_TENANT)?.samples).toBe(1);
    expect({ idleMs, busySamples }).toEqual({ idleMs: 20, busySamples: 4 });
  });

  it('gives every sample its part of the interval, those that are not kept included', () => {
    const samples = every10Ms([spell('a'), spell('a'), undefined]);
    const { tenants, idleMs } = tallySamples({ ...samples, taken: 6, wallMs: 120 }, tenantOf);
    expect(tenants.get(id('a'))?.loopMs).toBe(40);
    expect(idleMs).toBe(20);
    // More kept than counted can only be a count that is behind.
    expect(tallySamples({ ...samples, taken: 0 }, tenantOf).tenants.get(id('a'))?.loopMs).toBe(20);
  });

  it('takes a long stand within one spell for a wait, but neither a short one nor one across spells', () => {
    const one = spell('blocked');
    const waited = (count: number, spellOf: () => object, cpuMicros: number) =>
      tallySamples(every10Ms(Array.from({ length: count }, spellOf), cpuMicros), tenantOf).tenants.get(id('blocked'))
        ?.waitingMs;
    expect(waited(41, () => one, 0)).toBe(400);
    expect(waited(11, () => one, 0)).toBe(0);
    expect(waited(41, () => spell('blocked'), 0)).toBe(0);
    expect(waited(41, () => one, 10_000)).toBe(0);
  });

  it('has nothing to say of nothing', () => {
    const nothing = { kept: [], taken: 0, wallMs: 0 };
    expect(tallySamples(nothing, tenantOf)).toEqual({ tenants: new Map(), idleMs: 0, busySamples: 0 });
  });
});
