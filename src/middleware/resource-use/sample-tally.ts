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

/** Less CPU than this share of the time since the sample before, and the thread stood still in between. */
const STANDING_BELOW = 0.1;
/**
 * A thread that stands still for less is taken to run: it was more likely descheduled or throttled (a quota's period is
 * 100 ms), which shows only in long spells of work and would favour the tenants that have them.
 */
const SHORTEST_WAIT_MS = 150;
/** A sample stands for at most so many usual intervals: before it were others, of code that is neither idle nor JavaScript. */
const LONGEST_INTERVALS = 1.5;

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

/** @param tenantOf whom the work of a spell was for; undefined: nobody */
export function tallySamples(
  samples: readonly Sample[],
  tenantOf: (spell: object) => TenantId | undefined,
): SampleTally {
  const inOrder = samples.toSorted((left, right) => left.at - right.at);
  const elapsed = inOrder.map(({ at }, i) => (at - (inOrder[i - 1]?.at ?? at)) / 1_000);
  const usual = median(elapsed);
  const tenants = new Map<TenantId, Sampled>();
  let idleMs = 0;
  let busySamples = 0;
  let standingMs = 0;
  for (const [i, { spell, cpuMicros }] of inOrder.entries()) {
    const sinceLast = elapsed[i] ?? 0;
    // The first one has none before it.
    const standsFor = i === 0 ? usual : Math.min(sinceLast, usual * LONGEST_INTERVALS);
    if (spell === undefined) {
      idleMs += standsFor;
      continue;
    }
    busySamples += 1;
    const stood = inOrder[i - 1]?.spell === spell && cpuMicros / 1_000 < sinceLast * STANDING_BELOW;
    const stoodBefore = standingMs;
    standingMs = stood ? stoodBefore + standsFor : 0;
    const sampled = entryOf(tenants, tenantOf(spell) ?? UNATTRIBUTED_TENANT);
    sampled.samples += 1;
    sampled.loopMs += standsFor;
    if (standingMs >= SHORTEST_WAIT_MS)
      sampled.waitingMs += standingMs - (stoodBefore >= SHORTEST_WAIT_MS ? stoodBefore : 0);
  }
  return { tenants, idleMs, busySamples };
}

function entryOf(tenants: Map<TenantId, Sampled>, tenantId: TenantId): Sampled {
  const held = tenants.get(tenantId) ?? { samples: 0, loopMs: 0, waitingMs: 0 };
  tenants.set(tenantId, held);
  return held;
}
