/**
 * Budget that this process has leased for one scope, and what its calls have done with it. Pure but for its own state;
 * the clock is passed in and must be monotonic.
 *
 *   taken by calls -> settled -> reported with the next flush; what is left of a slice goes back when no further call
 *   may begin on it and the last one has ended.
 */
import type { SpendReport } from '../domain/spend-wire.ts';

interface Slice {
  readonly id: string;
  readonly grantedMicro: number;
  /** New calls may begin until then. */
  readonly usableUntil: number;
  /** Without a grant: what is spent is told afterwards. */
  readonly unreserved: boolean;
  spentMicro: number;
  heldMicro: number;
  inFlight: number;
  calls: number;
  unpricedCalls: number;
  excessCalls: number;
  excessMicro: number;
  largestExcessMicro: number;
  changed: boolean;
  reportedAt: number;
}

/** Budget that one call holds until it is settled. */
export interface Hold {
  readonly slice: Slice;
  readonly micro: number;
  over: boolean;
}

/** A slice that is not heard of for a minute is charged; this often it is told of, changed or not. */
const RENEW_EVERY_MS = 15_000;

export interface SpendScopeLabels {
  readonly key: string | undefined;
  readonly model: string | undefined;
}

export class SpendSlices {
  readonly tenantId: string;
  readonly labels: SpendScopeLabels;
  #slices: Slice[] = [];

  constructor(tenantId: string, labels: SpendScopeLabels) {
    this.tenantId = tenantId;
    this.labels = labels;
  }

  get isEmpty(): boolean {
    return this.#slices.length === 0;
  }

  /** What new calls may still take. */
  free(now: number): number {
    return this.#slices.reduce((sum, slice) => sum + (isUsable(slice, now) ? freeOf(slice) : 0), 0);
  }

  /** Milliseconds for which the slice that ends last may still be used. */
  usableFor(now: number): number {
    return Math.max(0, ...this.#slices.filter((slice) => !slice.unreserved).map((slice) => slice.usableUntil - now));
  }

  add(id: string, grantedMicro: number, usableUntil: number, now: number): void {
    this.#slices.push(newSlice(id, grantedMicro, usableUntil, now, false));
  }

  /** A request whose answer was lost may have reserved something under this id: it is given back unseen. */
  addLost(id: string, now: number): void {
    this.#slices.push({ ...newSlice(id, 0, now, now, false), changed: true });
  }

  /** Takes from one slice what a call may cost; undefined when none has so much left. */
  take(micro: number, now: number): Hold | undefined {
    const slice = this.#slices.find((one) => isUsable(one, now) && freeOf(one) >= micro);
    return slice === undefined ? undefined : hold(slice, micro);
  }

  /** Lets a call run without budget; what it costs is told to the server afterwards. */
  takeUnreserved(newId: () => string, usableUntil: number, now: number): Hold {
    let slice = this.#slices.find((one) => one.unreserved && one.usableUntil > now);
    if (slice === undefined) {
      slice = newSlice(newId(), 0, usableUntil, now, true);
      this.#slices.push(slice);
    }
    return hold(slice, 0);
  }

  /**
   * Ends a call. `micro` undefined: it ran, and nobody knows what it cost. A second end of the same call is ignored.
   * @returns by how much it cost more than it held
   */
  settle(held: Hold, micro: number | undefined): number {
    if (!end(held)) return 0;
    const { slice } = held;
    slice.calls += 1;
    if (micro === undefined) {
      slice.unpricedCalls += 1;
      return 0;
    }
    slice.spentMicro += micro;
    const excess = slice.unreserved ? 0 : Math.max(0, micro - held.micro);
    if (excess > 0) {
      slice.excessCalls += 1;
      slice.excessMicro += excess;
      slice.largestExcessMicro = Math.max(slice.largestExcessMicro, excess);
    }
    return excess;
  }

  /** Ends a call that cost nothing. */
  release(held: Hold): void {
    end(held);
  }

  /** What the server has to hear now. */
  reports(now: number): SpendReport[] {
    return this.#slices
      .filter((slice) => slice.changed || !isUsable(slice, now) || now - slice.reportedAt >= RENEW_EVERY_MS)
      .map((slice) => {
        slice.changed = false;
        slice.reportedAt = now;
        return this.#report(slice, now);
      });
  }

  /** The report did not arrive: it is made anew with the next flush. */
  unheard(id: string): void {
    const slice = this.#slices.find((one) => one.id === id);
    if (slice !== undefined) slice.changed = true;
  }

  /** The server has closed it, or has never heard of it. Calls that still run on it will find no place to report to. */
  forget(id: string, now: number): void {
    this.#slices = this.#slices.filter((slice) => slice.id !== id || (slice.inFlight > 0 && isUsable(slice, now)));
  }

  /** No further call begins on what there is. */
  retire(): void {
    this.#slices = this.#slices.map((slice) => Object.assign(slice, { usableUntil: Number.NEGATIVE_INFINITY }));
  }

  #report(slice: Slice, now: number): SpendReport {
    const { key, model } = this.labels;
    const isRetired = !isUsable(slice, now);
    return {
      id: slice.id,
      tenant_id: this.tenantId,
      spent_micro: slice.spentMicro,
      calls: slice.calls,
      unpriced_calls: slice.unpricedCalls,
      excess_calls: slice.excessCalls,
      excess_micro: slice.excessMicro,
      largest_excess_micro: slice.largestExcessMicro,
      in_flight: slice.inFlight,
      ...(isRetired ? { keep_micro: slice.heldMicro } : {}),
      closed: isRetired && slice.inFlight === 0,
      ...(slice.unreserved
        ? { unreserved: { ...(key === undefined ? {} : { key }), ...(model === undefined ? {} : { model }) } }
        : {}),
    };
  }
}

function newSlice(id: string, grantedMicro: number, usableUntil: number, now: number, unreserved: boolean): Slice {
  return {
    id,
    grantedMicro,
    usableUntil,
    unreserved,
    spentMicro: 0,
    heldMicro: 0,
    inFlight: 0,
    calls: 0,
    unpricedCalls: 0,
    excessCalls: 0,
    excessMicro: 0,
    largestExcessMicro: 0,
    changed: false,
    reportedAt: now,
  };
}

function isUsable(slice: Slice, now: number): boolean {
  return slice.usableUntil > now;
}

/** An excess eats into what the slice has left, so that it is made up for where that is possible. */
function freeOf(slice: Slice): number {
  return slice.unreserved ? -1 : slice.grantedMicro - slice.spentMicro - slice.heldMicro;
}

function hold(slice: Slice, micro: number): Hold {
  slice.heldMicro += micro;
  slice.inFlight += 1;
  slice.changed = true;
  return { slice, micro, over: false };
}

function end(held: Hold): boolean {
  if (held.over) return false;
  held.over = true;
  held.slice.heldMicro -= held.micro;
  held.slice.inFlight -= 1;
  held.slice.changed = true;
  return true;
}
