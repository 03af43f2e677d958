import type { Guard } from './guard.ts';
import * as evidence from './guards-evidence.ts';
import * as limits from './guards-limits.ts';
import * as people from './guards-people.ts';

/**
 * Every guard that a finding passes before a throttle is written. The first that only alerts ends the way, so the order
 * decides which reason people read: people's word first, then the picture, then proof, then numbers. Those that soften
 * come last, the floor after the ramp, so that nothing takes a limit below the floor again; a person is asked about what
 * is left then.
 */
export const GUARDS: readonly Guard[] = [
  people.killSwitch,
  people.modeOff,
  limits.suspension,
  people.unknownTenant,
  evidence.neighbours,
  people.humanThrottle,
  people.humanLift,
  people.allowList,
  people.heldTenant,
  limits.usualRate,
  evidence.dataHealth,
  evidence.usageOnly,
  limits.protectedRoute,
  evidence.knownPeak,
  evidence.volume,
  evidence.twoSignals,
  evidence.impact,
  limits.revertedLately,
  limits.settle,
  limits.shareAtOnce,
  limits.weightAtOnce,
  limits.actionRate,
  evidence.history,
  evidence.peers,
  people.shadowFirst,
  people.secondPerson,
  people.canary,
  limits.ramp,
  limits.floor,
  limits.ownExpiry,
  people.person,
];

/** Guards of the twenty that are no step of this list, and where they are. */
export const GUARDS_ELSEWHERE: Readonly<Record<string, string>> = {
  G17: 'every decision is stored with what it was made from, and replayed: policy-record.ts',
  G20: 'breakers of one tenant and integration, in the middleware: breaker-machine.ts',
};
