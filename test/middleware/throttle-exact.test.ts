// The real rate-limiter-flexible on the stores that production would use, a real Redis and a real PostgreSQL, and failures.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CounterName } from '../../src/middleware/counters.ts';
import { readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { type ExactLimits, ExactThrottles, type SharedLimiter } from '../../src/middleware/throttle-exact.ts';
import { wireThrottle } from '../support/middleware-flag-server.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { NO_REDIS, startTestRedis } from '../support/redis.ts';

function instance(exact: ExactLimits, fields: Parameters<typeof wireThrottle>[0] = {}) {
  const store = new FlagStore();
  const flags = [wireThrottle({ limit: { requests_per_second: 1, burst: 5 }, ...fields })];
  const snapshot = readSnapshot(JSON.stringify({ revision: 1, flags }));
  if (snapshot === undefined) throw new Error('no snapshot');
  store.applySnapshot(snapshot, 0);
  const counts = new Map<CounterName, number>();
  let now = 0;
  const throttles = new ExactThrottles(
    exact,
    store,
    (name) => counts.set(name, (counts.get(name) ?? 0) + 1),
    () => now,
  );
  return {
    check: (question: object = {}) => throttles.check({ tenantId: 'acme', ...question }),
    fallbacks: () => counts.get('throttle_exact_fallback') ?? 0,
    advance: (ms: number) => {
      now += ms;
    },
  };
}

const memory = (): ExactLimits => {
  const made = new Map<string, RateLimiterMemory>();
  return {
    limiter: (options) => {
      const limiter = made.get(options.keyPrefix) ?? new RateLimiterMemory(options);
      made.set(options.keyPrefix, limiter);
      return limiter;
    },
  };
};

describe('counted in PostgreSQL', () => {
  let db: TestPostgres;
  let pool: pg.Pool;
  beforeAll(async () => {
    db = await startTestPostgres();
    pool = new pg.Pool({ connectionString: db.ownerUrl, max: 4 });
    pool.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      new RateLimiterPostgres(
        { storeClient: pool, tableName: 'limits', keyPrefix: 'init', points: 1, duration: 1 },
        (error) => (error === undefined ? resolve() : reject(error)),
      );
    });
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await db.stop();
  });

  it('three instances together let through exactly the limit, and all fall back when it goes away', async () => {
    const exact: ExactLimits = {
      timeoutMs: 10_000,
      limiter: (options) =>
        new RateLimiterPostgres({ storeClient: pool, tableName: 'limits', tableCreated: true, ...options }),
    };
    const apps = [instance(exact), instance(exact), instance(exact)];
    const decisions = await Promise.all(apps.flatMap((app) => Array.from({ length: 10 }, () => app.check())));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(5);
    const refused = decisions.find(({ allowed }) => !allowed);
    expect(refused).toMatchObject({ mode: 'enforce', exceeded: 'rate', flagId: 'f1' });
    expect(refused?.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    expect(refused?.retryAfterSeconds).toBeLessThanOrEqual(5);
    expect(apps.map((app) => app.fallbacks())).toEqual([0, 0, 0]);
    const gone: ExactLimits = {
      ...exact,
      limiter: (options) => {
        const dead = new pg.Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/none', max: 1 });
        return new RateLimiterPostgres({ storeClient: dead, tableName: 'limits', tableCreated: true, ...options });
      },
    };
    const lonely = instance(gone);
    const alone = await Promise.all(Array.from({ length: 8 }, () => lonely.check()));
    expect(alone.filter(({ allowed }) => allowed)).toHaveLength(5);
    expect(lonely.fallbacks()).toBe(8);
  });
});

describe('counted in Redis', () => {
  it('three instances together let through exactly the limit, and each its share once Redis is gone', async (context) => {
    const redis = await startTestRedis();
    if (redis === undefined) return context.skip(NO_REDIS);
    const client = new Redis({
      port: redis.port,
      host: '127.0.0.1',
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
    });
    client.on('error', () => undefined);
    await once(client, 'ready');
    const exact: ExactLimits = {
      timeoutMs: 10_000,
      limiter: (options) => new RateLimiterRedis({ storeClient: client, ...options }),
    };
    const apps = [instance(exact), instance(exact), instance(exact)];
    const decisions = await Promise.all(apps.flatMap((app) => Array.from({ length: 10 }, () => app.check())));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(5);
    expect(apps.map((app) => app.fallbacks())).toEqual([0, 0, 0]);
    await redis.stop();
    const alone = await Promise.all(Array.from({ length: 8 }, () => apps[0]?.check()));
    expect(alone.filter((decision) => decision?.allowed === true)).toHaveLength(5);
    expect(apps[0]?.fallbacks()).toBe(8);
    client.disconnect();
  });
});

describe('counted exactly', () => {
  it('asks the store only for tenants under an enforcing throttle, and is synchronous for the others', () => {
    const limiter = vi.fn();
    const app = instance({ limiter });
    expect(app.check({ tenantId: 'calm' })).toEqual({ allowed: true, retryAfterSeconds: 0 });
    const shadow = instance({ limiter }, { mode: 'shadow' });
    expect(shadow.check()).toMatchObject({ allowed: true });
    const zero = instance({ limiter }, { limit: { requests_per_second: 0, burst: 1 } });
    expect(zero.check()).toMatchObject({ allowed: false });
    expect(limiter).not.toHaveBeenCalled();
  });

  it('lets batch leave a fifth, gives its points back, and counts weights', async () => {
    const app = instance(memory(), { limit: { requests_per_second: 1, burst: 10 } });
    const outcomes = [];
    for (let i = 0; i < 10; i++) outcomes.push((await app.check({ priority: 'batch' })).allowed);
    expect(outcomes.filter(Boolean)).toHaveLength(8);
    expect((await app.check({ weight: 2 })).allowed).toBe(true);
    expect((await app.check()).allowed).toBe(false);
  });

  it('counts slots in this instance, and gives them back when the store refuses', async () => {
    const limit = { requests_per_second: 1, burst: 2, max_concurrent: 3 };
    const app = instance(memory(), { limit });
    const first = await app.check({ holdsSlot: true });
    const second = await app.check({ holdsSlot: true });
    for (let i = 0; i < 5; i++) expect((await app.check({ holdsSlot: true })).exceeded).toBe('rate');
    first.release?.();
    second.release?.();
    const wide = instance(memory(), { limit: { requests_per_second: 100, burst: 100, max_concurrent: 1 } });
    const held = await wide.check({ holdsSlot: true });
    expect(await wide.check({ holdsSlot: true })).toMatchObject({ allowed: false, exceeded: 'concurrency' });
    held.release?.();
    expect((await wide.check({ holdsSlot: true })).allowed).toBe(true);
  });

  it.each<[string, SharedLimiter['consume']]>([
    ['hangs', () => new Promise(() => undefined)],
    ['rejects', () => Promise.reject(new Error('connection refused'))],
    ['answers garbage', () => Promise.resolve(undefined as never)],
    [
      'throws',
      () => {
        throw new Error('not connected');
      },
    ],
  ])(
    'a store that %s costs one request a second its time-out, and this instance’s share decides',
    async (_name, consume) => {
      const limiter = { consume: vi.fn(consume), reward: () => Promise.resolve() };
      const app = instance({ limiter: () => limiter, timeoutMs: 20 });
      const before = performance.now();
      const decisions = [];
      for (let i = 0; i < 7; i++) decisions.push(await app.check());
      expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(5);
      expect(app.fallbacks()).toBe(7);
      expect(limiter.consume).toHaveBeenCalledTimes(1);
      expect(performance.now() - before).toBeLessThan(5_000);
      app.advance(1_001);
      await app.check();
      expect(limiter.consume).toHaveBeenCalledTimes(2);
    },
  );

  it('what a slow store says too late is no unhandled rejection', async () => {
    const late = () => delay(30).then(() => Promise.reject(new Error('late')));
    const app = instance({ limiter: () => ({ consume: late, reward: late }), timeoutMs: 5 });
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    expect((await app.check()).allowed).toBe(true);
    await delay(60);
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
