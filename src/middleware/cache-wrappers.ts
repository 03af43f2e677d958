import { cacheHit } from './cache.ts';
import { isFunction, isObject, isThenable, shadow, watchResult } from './call-result.ts';
import { processCounters } from './counters.ts';
import { guarded } from './guard.ts';

type Method = (...args: unknown[]) => unknown;

/** Symbol.for: two copies of this package in one app must not count a lookup twice. */
const MARKED: unique symbol = Symbol.for('tenantry.cache-marked') as never;

function counted(work: () => void): void {
  guarded((name) => processCounters.add(name), 'cache_record_failed', work, undefined);
}

function recordMany(cache: string, values: readonly unknown[]): void {
  const hits = values.filter((value) => value !== undefined && value !== null).length;
  cacheHit(cache, true, hits);
  cacheHit(cache, false, values.length - hits);
}

/** In asynchronous caches null is a miss too: Redis answers so, and JSON has no undefined. */
function recordAnswer(cache: string, args: readonly unknown[], answer: unknown): void {
  if (Array.isArray(args[0]) && Array.isArray(answer)) recordMany(cache, answer);
  else cacheHit(cache, answer !== undefined && answer !== null);
}

/** A Map can hold undefined; other caches are not asked `has`, which may renew an entry's age. */
function recordValue(cache: string, target: object, args: readonly unknown[], value: unknown): void {
  cacheHit(cache, value !== undefined || (target instanceof Map && Map.prototype.has.call(target, args[0])));
}

type Record = (args: readonly unknown[], answer: unknown) => void;

/** An answer that comes later is recorded on the span that is active when it comes: the one that asked. */
function watched(result: unknown, args: readonly unknown[], recordNow: Record, recordLater: Record): unknown {
  if (!isThenable(result)) {
    counted(() => recordNow(args, result));
    return result;
  }
  return watchResult(result, {
    fulfilled: (value) => {
      counted(() => recordLater(args, value));
      return value;
    },
    // Neither hit nor miss: the cache did not answer.
    rejected: () => {},
    unseen: () => {},
  });
}

/** Calls of a cache's marked `get`: lru-cache's fetch() went through it in older versions, and must not count again. */
interface Gets {
  calls: number;
}

function markGet(cache: string, target: object, gets: Gets, original: Method): Method {
  return function get(this: unknown, ...args: unknown[]) {
    gets.calls += 1;
    return watched(
      original.apply(this, args),
      args,
      (_, value) => recordValue(cache, target, args, value),
      (_, answer) => recordAnswer(cache, args, answer),
    );
  };
}

/** `mget(a, b)`, `mget([a, b])`, `mGet([a, b])`, `getMany([a, b])`: one lookup for each value that is answered. */
function markGetMany(cache: string, original: Method): Method {
  const record: Record = (_, answer) => {
    if (Array.isArray(answer)) recordMany(cache, answer);
  };
  return function getMany(this: unknown, ...args: unknown[]) {
    return watched(original.apply(this, args), args, record, record);
  };
}

/** cache-manager's `wrap(key, load, …)`: a hit is a lookup that did not have to load. */
function markWrap(cache: string, original: Method): Method {
  return function wrap(this: unknown, ...args: unknown[]) {
    const [key, load, ...rest] = args;
    if (!isFunction(load)) return original.apply(this, args);
    let loaded = false;
    const noting: Method = (...loadArgs) => {
      loaded = true;
      return load(...loadArgs);
    };
    const record: Record = () => cacheHit(cache, !loaded);
    return watched(original.apply(this, [key, noting, ...rest]), args, record, record);
  };
}

/** lru-cache's `fetch(key, options)` tells by its `status` object, at once, whether it had to go and fetch. */
function markFetch(cache: string, gets: Gets, original: Method): Method {
  return function fetch(this: unknown, ...args: unknown[]) {
    const [key, options, ...rest] = args;
    const given = isObject(options) ? options : {};
    const status = isObject(given['status']) ? given['status'] : {};
    const callsBefore = gets.calls;
    const result = original.apply(this, [key, { ...given, status }, ...rest]);
    counted(() => {
      // 'get': there is no fetchMethod.
      const outcome = status['fetch'] === 'get' ? status['get'] : status['fetch'];
      if (gets.calls === callsBefore && typeof outcome === 'string') {
        cacheHit(cache, outcome === 'hit' || outcome === 'stale');
      }
    });
    return result;
  };
}

function markerOf(cache: string, target: Readonly<globalThis.Record<PropertyKey, unknown>>, name: string, gets: Gets) {
  const original = target[name];
  if (!isFunction(original)) return undefined;
  switch (name) {
    case 'get':
    case 'getBuffer':
    case 'getex':
    case 'getEx':
      return markGet(cache, target, gets, original);
    case 'wrap':
      return markWrap(cache, original);
    case 'fetch':
      return 'fetchMethod' in target ? markFetch(cache, gets, original) : undefined;
    default:
      return markGetMany(cache, original);
  }
}

const LOOKUP_METHODS = ['get', 'getBuffer', 'getex', 'getEx', 'mget', 'mGet', 'mgetBuffer', 'getMany', 'wrap', 'fetch'];

/**
 * Counts the lookups of a cache as `cacheHit(name, …)`: a Map or anything with its `get`, lru-cache (`get`, `fetch`),
 * keyv (`get`, `getMany`), cache-manager (`get`, `mget`, `wrap`), ioredis (`get`, `getBuffer`, `mget`) and node-redis
 * (`get`, `mGet`). The lookup methods of this very object are replaced, with the same arguments, results and types.
 * Not counted: `peek`, `has`, pipelines and transactions. A cache that cannot be changed (frozen) stays uncounted.
 * @returns `cache` itself. Never throws.
 */
export function withCacheMarks<C extends object>(name: string, cache: C): C {
  counted(() => {
    if (Object.hasOwn(cache, MARKED)) return;
    const target = cache as C & Readonly<globalThis.Record<PropertyKey, unknown>>;
    const gets = { calls: 0 };
    const markers = LOOKUP_METHODS.map((method) => [method, markerOf(name, target, method, gets)] as const);
    shadow(cache, MARKED, true);
    for (const [method, marker] of markers) if (marker !== undefined) shadow(cache, method, marker);
  });
  return cache;
}
