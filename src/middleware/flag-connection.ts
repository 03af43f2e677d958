import type { CounterName, Counters } from './counters.ts';
import { FlagClient } from './flag-client.ts';
import { FlagClock } from './flag-clock.ts';
import { FlagFreshness } from './flag-freshness.ts';
import { FlagStore } from './flag-store.ts';
import { Flags } from './flags.ts';

export interface FlagConnectionOptions {
  readonly apiUrl: string;
  /** Without one no flags are fetched. */
  readonly key: string | undefined;
  readonly service: string;
  readonly instanceId: string;
  readonly counters: Counters;
}

/** The flags of one process: what is held, what the app may ask, and the client that keeps it up to date. */
export interface FlagConnection {
  readonly store: FlagStore;
  readonly flags: Flags;
  /** The clock that flags end on, in milliseconds; never goes back. */
  readonly now: () => number;
  stop(): void;
}

/** Returns at once; the connection is made in the background. */
export function connectFlags({ counters, key, ...options }: FlagConnectionOptions): FlagConnection {
  const count = (name: CounterName) => counters.add(name);
  const store = new FlagStore();
  const clock = new FlagClock({ monotonic: () => performance.now(), wall: Date.now });
  const freshness = new FlagFreshness(clock.now(), clock.wall(), () => count('flag_listener_failed'));
  const parts = { store, counters, clock, freshness };
  const client = key === undefined ? undefined : new FlagClient({ ...options, ...parts, key, random: Math.random });
  client?.start();
  return {
    store,
    flags: new Flags({ store, clock, freshness, client }),
    now: () => clock.now(),
    stop: () => client?.stop(),
  };
}
