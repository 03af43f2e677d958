/**
 * The rules by which budget is given out and accounted for, without I/O. Whoever applies them holds the tenant's lock,
 * so that no two grants see the same rest.
 *
 * For every account, at every moment:   max(spent + presumed, observed) + reserved <= limit + excess
 *
 *   open ----report, closed----> closed            what was not spent goes back
 *     |                            ^
 *     +--expires--> presumed ------+               the rest counts as spent until the report comes after all
 *
 * Why an expired reservation is charged and not freed: its call was begun, and providers charge for calls whose caller
 * died. Freeing it would let a fleet that crashes spend the cap again with every crash.
 */
import type { DegradeStep } from '../domain/flags.ts';
import { type SpendAccount, type SpendCap, stricterStep } from '../domain/spend.ts';
import type { TenantId } from '../domain/tenant-id.ts';

/** A cap that holds for a request, with the account of its current period. */
export interface HeldCap {
  readonly cap: SpendCap;
  readonly account: SpendAccount;
}

/** Figures that only grow over a reservation's life. */
export interface SpendFigures {
  readonly spentMicro: number;
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly excessCalls: number;
  readonly excessMicro: number;
  readonly largestExcessMicro: number;
}

export const NO_FIGURES: SpendFigures = {
  spentMicro: 0,
  calls: 0,
  unpricedCalls: 0,
  excessCalls: 0,
  excessMicro: 0,
  largestExcessMicro: 0,
};

export interface Reservation {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly state: 'open' | 'closed' | 'presumed';
  readonly grantedMicro: number;
  readonly figures: SpendFigures;
  readonly inFlight: number;
  /** Spending that had no reservation, told afterwards. */
  readonly unreserved: boolean;
}

export interface Report {
  readonly figures: SpendFigures;
  readonly inFlight: number;
  /** See `SpendReport.keep_micro`. */
  readonly keepMicro: number | undefined;
  readonly closed: boolean;
}

/** What a change of one reservation adds to each of its accounts. */
export type AccountDelta = SpendFigures & {
  readonly reservedMicro: number;
  readonly presumedMicro: number;
  readonly unreservedMicro: number;
};

/**
 * Up to how much a cap lets through: its amount at the rung that blocks. Infinity when none does: it only warns.
 * Rounded down, as a cap must not be passed by a fraction.
 */
export function limitOf(cap: SpendCap): number {
  const blocking = cap.ladder.find((rung) => rung.step === 'blocked');
  return blocking === undefined ? Number.POSITIVE_INFINITY : Math.floor((cap.amountMicro * blocking.percent) / 100);
}

/** What counts as spent: the account's own figures or what the spans say, whichever is more. Both measure the whole. */
export function usedOf(account: SpendAccount): number {
  return Math.max(account.spentMicro + account.presumedMicro, account.observedMicro ?? 0);
}

/** What may still be reserved. */
export function availableIn({ cap, account }: HeldCap): number {
  return Math.max(0, limitOf(cap) - usedOf(account) - account.reservedMicro);
}

/** The step that an account has reached on its cap's ladder. */
export function stepAt(cap: SpendCap, usedMicro: number): DegradeStep {
  return cap.ladder
    .filter(({ percent }) => usedMicro * 100 >= cap.amountMicro * percent)
    .reduce<DegradeStep>((strictest, { step }) => stricterStep(strictest, step), 'ok');
}

export interface GrantRequest {
  readonly atLeastMicro: number;
  readonly wantedMicro: number;
}

export interface Grant {
  readonly outcome: 'granted' | 'refused' | 'uncapped';
  readonly grantedMicro: number;
  /** Left after the grant, over all caps that hold. */
  readonly availableMicro: number;
  /** The cap with the least left; undefined: none holds. */
  readonly tightest: HeldCap | undefined;
}

/**
 * A slice takes at most this share of what is left, so that the first instance to ask does not leave the others with
 * nothing: eight instances can each have one, and slices get small as the cap comes near.
 */
const LARGEST_SHARE = 1 / 8;

/** Decides how much of `request` fits under every cap that holds. */
export function decideGrant(held: readonly HeldCap[], { atLeastMicro, wantedMicro }: GrantRequest): Grant {
  const tightest = held.reduce<HeldCap | undefined>(
    (least, one) => (least === undefined || availableIn(one) < availableIn(least) ? one : least),
    undefined,
  );
  if (tightest === undefined) {
    return { outcome: 'uncapped', grantedMicro: 0, availableMicro: Number.POSITIVE_INFINITY, tightest };
  }
  const available = availableIn(tightest);
  // A call that costs nothing is refused too once nothing is left: a spent cap blocks.
  if (available < Math.max(atLeastMicro, 1)) {
    return { outcome: 'refused', grantedMicro: 0, availableMicro: available, tightest };
  }
  const welcome = Math.min(wantedMicro, Math.floor(available * LARGEST_SHARE));
  const grantedMicro = Math.max(atLeastMicro, welcome);
  return { outcome: 'granted', grantedMicro, availableMicro: available - grantedMicro, tightest };
}

/** The reservation after a report, and what that adds to its accounts. A closed one never changes again. */
export function applyReport(
  before: Reservation,
  report: Report,
): { readonly after: Reservation; readonly delta: AccountDelta } {
  if (before.state === 'closed') return { after: before, delta: NO_CHANGE };
  const figures = largerFigures(before.figures, report.figures);
  const kept =
    report.keepMicro === undefined
      ? before.grantedMicro
      : Math.min(before.grantedMicro, report.figures.spentMicro + report.keepMicro);
  const after: Reservation = {
    ...before,
    state: report.closed ? 'closed' : before.state,
    grantedMicro: before.unreserved ? 0 : kept,
    figures,
    inFlight: report.closed ? 0 : report.inFlight,
  };
  return { after, delta: deltaBetween(before, after) };
}

/** The reservation after its expiry: what was not settled counts as spent. */
export function expire(before: Reservation): { readonly after: Reservation; readonly delta: AccountDelta } {
  if (before.state !== 'open') return { after: before, delta: NO_CHANGE };
  // Also when nothing is left of it: a late report may still tell of more than was reserved.
  const after: Reservation = { ...before, state: 'presumed', inFlight: 0 };
  return { after, delta: deltaBetween(before, after) };
}

/** The account after one more change. */
export function addTo(account: SpendAccount, delta: AccountDelta): SpendAccount {
  return {
    ...account,
    reservedMicro: account.reservedMicro + delta.reservedMicro,
    spentMicro: account.spentMicro + delta.spentMicro,
    presumedMicro: account.presumedMicro + delta.presumedMicro,
    calls: account.calls + delta.calls,
    unpricedCalls: account.unpricedCalls + delta.unpricedCalls,
    excessCalls: account.excessCalls + delta.excessCalls,
    excessMicro: account.excessMicro + delta.excessMicro,
    largestExcessMicro: Math.max(account.largestExcessMicro, delta.largestExcessMicro),
    unreservedMicro: account.unreservedMicro + delta.unreservedMicro,
  };
}

/** What a new reservation adds. */
export function opening(reservation: Reservation): AccountDelta {
  return { ...NO_CHANGE, reservedMicro: restOf(reservation) };
}

/** How many calls may each pass what was reserved for them, and by how much at most: the published bound. */
export function overshootBound(inFlightCalls: number, account: SpendAccount): number {
  return inFlightCalls * account.largestExcessMicro;
}

const NO_CHANGE: AccountDelta = { ...NO_FIGURES, reservedMicro: 0, presumedMicro: 0, unreservedMicro: 0 };

function restOf({ grantedMicro, figures }: Reservation): number {
  return Math.max(0, grantedMicro - figures.spentMicro);
}

function deltaBetween(before: Reservation, after: Reservation): AccountDelta {
  const part = (state: Reservation['state'], one: Reservation) => (one.state === state ? restOf(one) : 0);
  const spentMicro = after.figures.spentMicro - before.figures.spentMicro;
  return {
    spentMicro,
    calls: after.figures.calls - before.figures.calls,
    unpricedCalls: after.figures.unpricedCalls - before.figures.unpricedCalls,
    excessCalls: after.figures.excessCalls - before.figures.excessCalls,
    excessMicro: after.figures.excessMicro - before.figures.excessMicro,
    // Not a difference: the account keeps the largest.
    largestExcessMicro: after.figures.largestExcessMicro,
    reservedMicro: part('open', after) - part('open', before),
    presumedMicro: part('presumed', after) - part('presumed', before),
    unreservedMicro: after.unreserved ? spentMicro : 0,
  };
}

/** Reports are cumulative and may come late or twice: of each figure the larger one is the newer. */
function largerFigures(left: SpendFigures, right: SpendFigures): SpendFigures {
  return {
    spentMicro: Math.max(left.spentMicro, right.spentMicro),
    calls: Math.max(left.calls, right.calls),
    unpricedCalls: Math.max(left.unpricedCalls, right.unpricedCalls),
    excessCalls: Math.max(left.excessCalls, right.excessCalls),
    excessMicro: Math.max(left.excessMicro, right.excessMicro),
    largestExcessMicro: Math.max(left.largestExcessMicro, right.largestExcessMicro),
  };
}
