import { context, type Span, trace } from '@opentelemetry/api';
import { CACHE_HITS_ATTRIBUTE, CACHE_MISSES_ATTRIBUTE } from '../domain/attributes.ts';
import { processCounters } from './counters.ts';
import { guarded } from './guard.ts';

interface Lookups {
  hits: number;
  misses: number;
}

const lookups = new WeakMap<Span, Lookups>();

/** Adds one cache lookup to the active span: `tenantry.cache.hits` or `tenantry.cache.misses`. Never throws. */
export function recordCacheLookup(hit: boolean): void {
  guarded(
    (name) => processCounters.add(name),
    'cache_record_failed',
    () => {
      const span = trace.getSpan(context.active());
      if (span === undefined || !span.isRecording()) return;
      const held = lookups.get(span) ?? { hits: 0, misses: 0 };
      lookups.set(span, held);
      if (hit) span.setAttribute(CACHE_HITS_ATTRIBUTE, ++held.hits);
      else span.setAttribute(CACHE_MISSES_ATTRIBUTE, ++held.misses);
    },
    undefined,
  );
}
