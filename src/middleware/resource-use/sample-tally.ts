/**
 * What the profiler's samples say about tenants: pure.
 *
 * Per-sample CPU time is not simply added up. The profiler hands a sample all CPU time since the sample before it, so
 * whoever happens to run at the end of a busy spell is charged for the others in it: with two tenants of 75 and 25 % on
 * a loop that is busy a fifth of the time, adding up gave 54 and 46 %, and nearly half of all CPU time to idle samples.
 * What is added up is the time for which a sample stands; CPU time tells only whether the thread really ran.
 */
import { type TenantId, UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';

export interface Sample {
  /** Microseconds of V8's monotonic clock. */
  readonly at: number;
  /** An object that stays the same as long as the loop works on without a switch; undefined on a loop that waits. */
  readonly spell: object | undefined;
  /** CPU time of the thread since the sample before. */
  readonly cpuMicros: number;
}

/** What the samples say about one tenant. */
export interface Sampled {
  samples: number;
  /** Milliseconds for which the tenant held the event loop. */
  loopMs: number;
  /** Milliseconds of these in which the thread stood still: a wait inside a synchronous call. */
  waitingMs: number;
}

export interface SampleTally {
  readonly tenants: ReadonlyMap<TenantId, Sampled>;
  /** Milliseconds for which the event loop waited for events. */
  readonly idleMs: number;
  readonly busySamples: number;
}

/** Less CPU than this share of the time since the sample before, and the thread stood still but for the sampling itself. */
const STANDING_BELOW = 0.25;
/**
 * A thread that stands still for less is taken to run: it was more likely descheduled or throttled (a quota's period is
 * 100 ms), which shows only in long spells of work and would favour the tenants that have them.
 */
const SHORTEST_WAIT_MS = 150;
/** All samples of an interval. */
export interface Samples {
  /** Those of JavaScript and of a loop that waits for events, in any order. */
  readonly kept: readonly Sample[];
  /** How many were taken, those of code that is neither included: libuv's own work, for one. */
  readonly taken: number;
  /** Milliseconds in which they were taken. Each stands for its part of these, however often the thread was descheduled. */
  readonly wallMs: number;
}

/** @param tenantOf whom the work of a spell was for; undefined: nobody */
export function tallySamples(
  { kept, taken, wallMs }: Samples,
  tenantOf: (spell: object) => TenantId | undefined,
): SampleTally {
  const inOrder = kept.toSorted((left, right) => left.at - right.at);
  const eachMs = wallMs / Math.max(taken, kept.length, 1);
  const tenants = new Map<TenantId, Sampled>();
  let idle = 0;
  let standingMs = 0;
  let previous: Sample | undefined;
  for (const sample of inOrder) {
    const { spell, at, cpuMicros } = sample;
    const elapsedMicros = at - (previous?.at ?? at);
    const stood = spell !== undefined && previous?.spell === spell && cpuMicros < elapsedMicros * STANDING_BELOW;
    const stoodBefore = standingMs;
    standingMs = stood ? stoodBefore + elapsedMicros / 1_000 : 0;
    previous = sample;
    if (spell === undefined) {
      idle += 1;
      continue;
    }
    const sampled = entryOf(tenants, tenantOf(spell) ?? UNATTRIBUTED_TENANT);
    sampled.samples += 1;
    sampled.loopMs += eachMs;
    if (standingMs >= SHORTEST_WAIT_MS)
      sampled.waitingMs += standingMs - (stoodBefore >= SHORTEST_WAIT_MS ? stoodBefore : 0);
  }
  return { tenants, idleMs: idle * eachMs, busySamples: kept.length - idle };
}

function entryOf(tenants: Map<TenantId, Sampled>, tenantId: TenantId): Sampled {
  const held = tenants.get(tenantId) ?? { samples: 0, loopMs: 0, waitingMs: 0 };
  tenants.set(tenantId, held);
  return held;
}
