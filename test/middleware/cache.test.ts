import { context, SpanKind, trace } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { cacheHit, createTenantry, recordCacheLookup, withCacheMarks } from '../../src/middleware/index.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';
import { startSpanStore } from '../support/span-store.ts';
import { type AttributeInput, otlpRequest, otlpSpan } from '../support/spans.ts';

let tracing: TestTracing;
beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(async () => tracing.stop());

/** The cache attributes of a request span around `work`. */
async function marksOf(work: () => unknown): Promise<Readonly<Record<string, unknown>>> {
  await tracing.flush();
  tracing.exporter.reset();
  const span = trace.getTracer('app').startSpan('GET /', { kind: SpanKind.SERVER });
  try {
    await context.with(trace.setSpan(context.active(), span), work);
  } finally {
    span.end();
  }
  return (await tracing.flush())[0]?.attributes ?? {};
}

const lookups = (name: string, hits: number, misses: number) => ({
  ...(hits === 0 ? {} : { 'tenantry.cache.hits': hits, [`tenantry.cache.${name}.hits`]: hits }),
  ...(misses === 0 ? {} : { 'tenantry.cache.misses': misses, [`tenantry.cache.${name}.misses`]: misses }),
});

describe('cacheHit', () => {
  it('adds up per cache and over all caches', async () => {
    const marks = await marksOf(() => {
      cacheHit('users', true);
      cacheHit('users', true);
      cacheHit('users', false);
      cacheHit('plans', false, 3);
      recordCacheLookup(true);
    });
    expect(marks).toEqual({
      'tenantry.cache.hits': 3,
      'tenantry.cache.misses': 4,
      'tenantry.cache.users.hits': 2,
      'tenantry.cache.users.misses': 1,
      'tenantry.cache.plans.misses': 3,
    });
  });

  it('reaches the rollup once, whatever the caches are called', async () => {
    const marks = await marksOf(() => {
      cacheHit('users', true);
      cacheHit('plans', false, 2);
    });
    const store = await startSpanStore(Date.now());
    const attributes = { tenant_id: 'acme', ...(marks as AttributeInput) };
    await store.take([otlpRequest([otlpSpan({ kind: 2, start: Date.now() - 1_000, attributes })])]);
    const rows = await store.clickhouse.inspect(
      'SELECT TenantId, sum(Hits) AS hits, sum(Misses) AS misses FROM tenantry.cache_lookups_by_hour GROUP BY TenantId',
    );
    await store.stop();
    expect(rows).toEqual([{ TenantId: 'acme', hits: 1, misses: 2 }]);
  });

  it('keeps the names on a span few and plain, and the sums right', async () => {
    const marks = await marksOf(() => {
      for (let index = 0; index < 20; index += 1) cacheHit(`cache-${index}`, true);
      cacheHit("it's; a 'name'", true);
    });
    const names = Object.keys(marks).filter((name) => name !== 'tenantry.cache.hits');
    expect(names).toHaveLength(9);
    expect(marks).toMatchObject({ 'tenantry.cache.hits': 21, 'tenantry.cache.other.hits': 13 });
    expect(Object.keys(await marksOf(() => cacheHit('a key: 7', true)))).toContain('tenantry.cache.a_key__7.hits');
  });

  it('keeps the names in a process few', async () => {
    const names = new Set<string>();
    for (let index = 0; index < 100; index += 1) {
      for (const name of Object.keys(await marksOf(() => cacheHit(`many-${index}`, true)))) names.add(name);
    }
    expect(names.size).toBeLessThanOrEqual(1 + 64 + 1);
    expect(names).toContain('tenantry.cache.other.hits');
  });

  it('does nothing without a span', () => {
    expect(() => cacheHit('users', true)).not.toThrow();
  });
});

// These names were used above: the process knows 64 and no more.
describe('a marked', () => {
  it('Map is the same Map, and undefined is a value', async () => {
    const map = new Map<string, number | undefined>([
      ['a', 1],
      ['empty', undefined],
    ]);
    const marked = withCacheMarks('users', map);
    expect(marked).toBe(map);
    expectTypeOf(marked).toEqualTypeOf<Map<string, number | undefined>>();
    const marks = await marksOf(() => [marked.get('a'), marked.get('empty'), marked.get('none'), marked.set('b', 2)]);
    expect(marks).toEqual(lookups('users', 2, 1));
    expect([...marked.keys()]).toEqual(['a', 'empty', 'b']);
    expect(Object.keys(marked)).toEqual([]);
  });

  it('LRUCache counts get and fetch, once each', async () => {
    const cache = withCacheMarks(
      'users',
      new LRUCache<string, string>({ max: 10, fetchMethod: async (key) => `fetched ${key}` }),
    );
    cache.set('a', '1');
    const marks = await marksOf(async () => {
      expect([cache.get('a'), cache.get('b'), cache.peek('a')]).toEqual(['1', undefined, '1']);
      expect(await cache.fetch('a')).toBe('1');
      expect(await Promise.all([cache.fetch('c'), cache.fetch('c')])).toEqual(['fetched c', 'fetched c']);
    });
    expect(marks).toEqual(lookups('users', 2, 3));
    const plain = withCacheMarks('users', new LRUCache<string, string>({ max: 10 }));
    expect(await marksOf(() => plain.fetch('a'))).toEqual(lookups('users', 0, 1));
  });

  it('LRUCache of an older version, whose fetch goes through get, counts that once', async () => {
    const cache = withCacheMarks('users', {
      fetchMethod: undefined,
      get: (_key: string, options: { status?: { get?: string } } = {}) => {
        if (options.status !== undefined) options.status.get = 'hit';
        return 1;
      },
      async fetch(key: string, options: { status?: { get?: string; fetch?: string } } = {}): Promise<number> {
        if (options.status !== undefined) options.status.fetch = 'get';
        return this.get(key, options);
      },
    });
    expect(await marksOf(() => cache.fetch('a'))).toEqual(lookups('users', 1, 0));
  });

  it('LRUCache hands a status on to who asked for it', async () => {
    const cache = withCacheMarks('users', new LRUCache<string, string>({ max: 10, fetchMethod: async () => 'x' }));
    const status: LRUCache.Status<string, string> = {};
    await cache.fetch('a', { status });
    expect(status.fetch).toBe('miss');
  });

  it('asynchronous cache (keyv, cache-manager) counts null and undefined as misses', async () => {
    const held = new Map([['a', 1]]);
    class AsyncCache {
      readonly #held = held;
      async get<T>(key: string | readonly string[]): Promise<T | undefined> {
        if (typeof key === 'string') return this.#held.get(key) as T;
        return key.map((one) => this.#held.get(one)) as T;
      }
      async getMany(keys: readonly string[]) {
        return keys.map((key) => this.#held.get(key) ?? null);
      }
      async wrap<T>(key: string, load: () => Promise<T>): Promise<T> {
        return this.#held.has(key) ? (this.#held.get(key) as T) : load();
      }
    }
    const cache = withCacheMarks('users', new AsyncCache());
    const marks = await marksOf(async () => {
      expect(await cache.get('a')).toBe(1);
      expect(await cache.get('b')).toBeUndefined();
      expect(await cache.get(['a', 'b', 'c'])).toEqual([1, undefined, undefined]);
      expect(await cache.getMany(['a', 'b'])).toEqual([1, null]);
      expect(await cache.wrap('a', async () => 7)).toBe(1);
      expect(await cache.wrap('z', async () => 7)).toBe(7);
    });
    expect(marks).toEqual(lookups('users', 4, 5));
  });

  it('Redis client counts get and mget, and a failure neither as hit nor as miss', async () => {
    const error = new Error('connection lost');
    const redis = withCacheMarks('users', {
      get: (key: string): Promise<string | null> =>
        key === 'down' ? Promise.reject(error) : Promise.resolve(key === 'a' ? '1' : null),
      mget: async (...keys: string[]) => keys.map((key) => (key === 'a' ? '1' : null)),
      mGet: async (keys: readonly string[]) => keys.map(() => null),
      set: async () => 'OK',
    });
    const marks = await marksOf(async () => {
      expect([await redis.get('a'), await redis.get('b')]).toEqual(['1', null]);
      expect(await redis.mget('a', 'b', 'c')).toEqual(['1', null, null]);
      expect(await redis.mGet(['x', 'y'])).toEqual([null, null]);
      await expect(redis.get('down')).rejects.toBe(error);
    });
    expect(marks).toEqual(lookups('users', 2, 5));
  });

  it('cache is counted once when it is marked twice', async () => {
    const map = withCacheMarks('users', withCacheMarks('users', new Map([['a', 1]])));
    expect(await marksOf(() => map.get('a'))).toEqual(lookups('users', 1, 0));
  });

  it('cache that cannot be changed stays as it is, and is counted as a failure', () => {
    const failures = () => createTenantry({ serviceName: 'test' }).stats().cache_record_failed;
    const before = failures();
    const frozen = Object.freeze({ get: (key: string) => key });
    expect(withCacheMarks('users', frozen).get('a')).toBe('a');
    expect(failures()).toBe(before + 1);
  });

  it('cache that throws, throws', () => {
    const cache = withCacheMarks('users', {
      get: () => {
        throw new RangeError('closed');
      },
    });
    expect(() => cache.get()).toThrow(RangeError);
  });
});
