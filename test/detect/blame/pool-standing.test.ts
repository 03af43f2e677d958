import { describe, expect, test } from 'vitest';
import { PoolBlame } from '../../../src/detect/blame/pool-blame.ts';
import { poolStanding } from '../../../src/detect/blame/pool-standing.ts';

/** `minutes` of a pool in which birch is four times as large as acme, and then as many in which acme uses `now`. */
function watched(now: { requests: number; cpuMs: number; dbMs: number; p95Ms: number | null } | null): PoolBlame {
  const pool = new PoolBlame();
  const birch = { requests: 40, cpuMs: 400, dbMs: 0, p95Ms: 80 };
  const acme = { requests: 10, cpuMs: 100, dbMs: 0, p95Ms: 50 };
  for (let minute = 0; minute < 40; minute += 1) pool.minute(minute, new Map(Object.entries({ acme, birch })));
  for (let minute = 40; minute < 45; minute += 1) {
    pool.minute(minute, new Map(Object.entries({ birch, ...(now === null ? {} : { acme: now }) })));
  }
  return pool;
}

describe('who uses how much of a pool', () => {
  test('is its share now beside its usual share, with latency now and usually', () => {
    const { meter, tenants } = poolStanding(watched({ requests: 10, cpuMs: 1_600, dbMs: 0, p95Ms: 55 }).tenants());
    expect(meter).toBe('cpu');
    expect(tenants).toEqual([
      {
        ...{ tenantId: 'acme', now: 1_600, usual: 100, share: 0.8, usualShare: 0.2 },
        ...{ requestsPerMinute: 10, usualRequestsPerMinute: 10, p95Ms: 55, usualP95Ms: 50 },
      },
      {
        ...{ tenantId: 'birch', now: 400, usual: 400, share: 0.2, usualShare: 0.8 },
        ...{ requestsPerMinute: 40, usualRequestsPerMinute: 40, p95Ms: 80, usualP95Ms: 80 },
      },
    ]);
  });

  test('a tenant that fell silent stays with nothing, and without a latency', () => {
    const { tenants } = poolStanding(watched(null).tenants());
    expect(tenants[1]).toMatchObject({ tenantId: 'acme', now: 0, share: 0, usualShare: 0.2, p95Ms: null });
  });

  test('what is not known is null: nobody has a usual in the first minutes', () => {
    const pool = new PoolBlame();
    pool.minute(0, new Map([['acme', { requests: 7, cpuMs: 0, dbMs: 0, p95Ms: 50 }]]));
    expect(poolStanding(pool.tenants())).toEqual({
      meter: 'requests',
      tenants: [
        {
          ...{ tenantId: 'acme', now: 7, usual: null, share: 1, usualShare: null },
          ...{ requestsPerMinute: 7, usualRequestsPerMinute: null, p95Ms: 50, usualP95Ms: null },
        },
      ],
    });
  });

  test('is told on the meter that rose: time in the database, while nobody uses more CPU', () => {
    const pool = new PoolBlame();
    const minute = (dbMs: number) => new Map([['acme', { requests: 10, cpuMs: 100, dbMs, p95Ms: 50 }]]);
    for (let at = 0; at < 40; at += 1) pool.minute(at, minute(100));
    for (let at = 40; at < 45; at += 1) pool.minute(at, minute(900));
    expect(poolStanding(pool.tenants())).toMatchObject({ meter: 'db', tenants: [{ now: 900, usual: 100 }] });
  });
});
