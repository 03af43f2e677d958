import {
  type Signal,
  type SignalGrade,
  type SignalId,
  type SignalKind,
  type SignalObservation,
  signalKey,
} from '../domain/signal.ts';
import { NO_WATCH, type SignalWatch, stepWatch, WATCH_TERMS } from './signal-watch.ts';

/** An open signal, as far as it is needed to judge. */
type OpenSignal = SignalId & Pick<Signal, 'id'>;
type WatchedSignal = SignalId & SignalWatch;

export interface SignalState {
  readonly open: readonly OpenSignal[];
  readonly watches: readonly WatchedSignal[];
}

export interface SignalChanges {
  /** To be made, each since its condition began to hold. */
  readonly begun: readonly (SignalObservation & { readonly since: number })[];
  /** Open ones that hold, with what they are told by now. */
  readonly seen: readonly (SignalObservation & Pick<Signal, 'id'>)[];
  readonly ended: readonly OpenSignal[];
  readonly watches: readonly WatchedSignal[];
  /** Watches that say nothing any more. */
  readonly dropped: readonly SignalId[];
}

/**
 * What changes with this evaluation. What is not among the observations of a kind that was evaluated does not hold; of a
 * kind that could not be, nothing is known.
 */
export function judgeSignals(
  state: SignalState,
  observations: readonly SignalObservation[],
  evaluated: ReadonlySet<SignalKind>,
  now: number,
): SignalChanges {
  const open = new Map(state.open.map((signal) => [signalKey(signal), signal]));
  const watches = new Map(state.watches.map((watch) => [signalKey(watch), watch]));
  const seenNow = new Map(observations.map((observation) => [signalKey(observation), observation]));
  const ids = new Map<string, SignalId>([...open, ...watches, ...seenNow]);
  const changes = {
    begun: [] as (SignalObservation & { readonly since: number })[],
    seen: [] as (SignalObservation & Pick<Signal, 'id'>)[],
    ended: [] as OpenSignal[],
    watches: [] as WatchedSignal[],
    dropped: [] as SignalId[],
  };
  for (const [key, { tenantId, kind, subject }] of ids) {
    const observation = seenNow.get(key);
    const signal = open.get(key);
    const absent: SignalGrade = evaluated.has(kind) ? 'off' : 'unknown';
    const grade = observation?.grade ?? absent;
    const before = watches.get(key) ?? NO_WATCH;
    const { watch, change } = stepWatch(before, signal !== undefined, grade, now, WATCH_TERMS[kind]);
    if (change === 'begin' && observation !== undefined) {
      changes.begun.push({ ...observation, since: watch.onSince ?? now });
    }
    if (change === 'end' && signal !== undefined) changes.ended.push(signal);
    if (signal !== undefined && grade === 'on' && observation !== undefined) {
      changes.seen.push({ ...observation, id: signal.id });
    }
    if (watch.onSince !== before.onSince || watch.offSince !== before.offSince) {
      const isEmpty = watch.onSince === null && watch.offSince === null;
      if (isEmpty) changes.dropped.push({ tenantId, kind, subject });
      else changes.watches.push({ tenantId, kind, subject, ...watch });
    }
  }
  return changes;
}
