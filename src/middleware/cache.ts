import { context, type Span, trace } from '@opentelemetry/api';
import { CACHE_HITS_ATTRIBUTE, CACHE_MISSES_ATTRIBUTE, cacheLookupAttribute } from '../domain/attributes.ts';
import { processCounters } from './counters.ts';
import { guarded } from './guard.ts';

interface Lookups {
  hits: number;
  misses: number;
}

interface SpanLookups extends Lookups {
  readonly byCache: Map<string, Lookups>;
}

/** Every cache has two attributes; the SDK drops what exceeds 128 attributes on a span. */
const MAX_CACHES_A_SPAN = 8;
/** Names are meant to be written in code. Should an app put keys or tenants into them, the rest is one cache. */
const MAX_CACHES = 64;
const OTHER_CACHES = 'other';
const CACHE_NAME = /^[A-Za-z0-9_-]{1,64}$/;

const lookups = new WeakMap<Span, SpanLookups>();
const knownCaches = new Set<string>();

/** The name to write for a cache of that name on that span: itself, cleaned, or `other` when there are too many. */
function markedName(name: string, held: SpanLookups): string {
  const clean = CACHE_NAME.test(name) ? name : name.slice(0, 64).replaceAll(/[^A-Za-z0-9_-]/g, '_') || OTHER_CACHES;
  if (!knownCaches.has(clean)) {
    if (knownCaches.size >= MAX_CACHES) return OTHER_CACHES;
    knownCaches.add(clean);
  }
  return held.byCache.has(clean) || held.byCache.size < MAX_CACHES_A_SPAN ? clean : OTHER_CACHES;
}

function add(
  span: Span,
  to: Lookups,
  hit: boolean,
  count: number,
  names: readonly [hits: string, misses: string],
): void {
  if (hit) to.hits += count;
  else to.misses += count;
  span.setAttribute(names[hit ? 0 : 1], hit ? to.hits : to.misses);
}

function record(name: string | undefined, hit: boolean, count: number): void {
  const span = trace.getSpan(context.active());
  if (span === undefined || count === 0 || !span.isRecording()) return;
  const held = lookups.get(span) ?? { hits: 0, misses: 0, byCache: new Map<string, Lookups>() };
  lookups.set(span, held);
  add(span, held, hit, count, [CACHE_HITS_ATTRIBUTE, CACHE_MISSES_ATTRIBUTE]);
  if (name === undefined) return;
  const marked = markedName(name, held);
  const own = held.byCache.get(marked) ?? { hits: 0, misses: 0 };
  held.byCache.set(marked, own);
  add(span, own, hit, count, [cacheLookupAttribute(marked, 'hits'), cacheLookupAttribute(marked, 'misses')]);
}

function recordSafely(name: string | undefined, hit: boolean, count: number): void {
  guarded(
    (counter) => processCounters.add(counter),
    'cache_record_failed',
    () => record(name, hit, count),
    undefined,
  );
}

/**
 * Adds one lookup in the cache `name` to the active span: to `tenantry.cache.hits` or `tenantry.cache.misses`, which
 * the server adds up per tenant, and to `tenantry.cache.<name>.hits` or `.misses`. A process may use 64 names, a span 8;
 * further ones are called `other`. `count`: lookups made at once. Never throws.
 */
export function cacheHit(name: string, hit: boolean, count = 1): void {
  recordSafely(name, hit, count);
}

/** `cacheHit` for a cache without a name. Never throws. */
export function recordCacheLookup(hit: boolean): void {
  recordSafely(undefined, hit, 1);
}
