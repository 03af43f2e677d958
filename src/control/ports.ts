import type { StaffActor } from '../domain/actor.ts';
import type { NewThrottle, ThrottleRecord } from '../domain/throttle-record.ts';

/** What control needs of the control plane: to read what was decided lately, and to write a throttle. */
export interface ThrottleReader {
  /** Throttles that are in force at `now` or were lifted after `liftedSince`, of every tenant. Unix ms. */
  recent(now: number, liftedSince: number): Promise<readonly ThrottleRecord[]>;
}

export interface ThrottleWriter {
  create(actor: StaffActor, throttle: NewThrottle): Promise<ThrottleRecord>;
}
