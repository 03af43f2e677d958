import type { StaffActor } from '../domain/actor.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';
import type { ThrottleStore } from '../store/postgres/throttle-store.ts';

const POLICY: StaffActor = { kind: 'system', subject: 'detector' };
/** Far more than the policy lets be in force at once; the newest come first. */
const LOOK_BACK = 500;

/** Throttles that are in force, and those that began or ended lately: what the policy must not overrule or repeat. */
export function recentThrottles(store: Pick<ThrottleStore, 'list'>) {
  return async (now: number, since: number): Promise<readonly ThrottleRecord[]> => {
    const [active, latest] = await Promise.all([
      store.list(POLICY, { activeOnly: true, limit: LOOK_BACK }),
      store.list(POLICY, { activeOnly: false, limit: LOOK_BACK }),
    ]);
    const ended = latest.filter(({ flag, liftedAt }) => Math.min(flag.expiresAt, liftedAt ?? now) >= since);
    const byId = new Map([...ended, ...active].map((record) => [record.flag.id, record]));
    return [...byId.values()];
  };
}
