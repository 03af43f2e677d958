/** Guards of how much, how many, how often and for how long. */
import { routeSegment } from '../domain/protected-routes.ts';
import { HOUR_MS, SECOND_MS } from '../domain/window.ts';
import { alertOnly, type Guard, type GuardCase, type HeldBack, loadOf, renewedOf, shadowOnly } from './guard.ts';
import { burstOf, MAX_RATE, roundUpRate } from './policy-limit.ts';
import { effectiveStage } from './policy-stage.ts';

export const usualRate: Guard = {
  name: 'no-usual-rate',
  row: 'G11',
  check: ({ finding: { usualRequestsPerSecond: usual } }) =>
    usual !== null && usual >= 0 && usual <= MAX_RATE
      ? undefined
      : alertOnly('its usual request rate is not known, so no fair limit is'),
};

export const floor: Guard = {
  name: 'floor',
  row: 'G11',
  check: (the) => {
    const { finding, facts, params } = the;
    const usual = finding.usualRequestsPerSecond ?? 0;
    const lowest = Math.max(params.floorShare * usual, facts?.guaranteedRequestsPerSecond ?? 0);
    return raised(
      the,
      lowest,
      `no limit is below ${roundUpRate(lowest)} requests/s, half its usual or what its plan guarantees`,
    );
  },
};

export const protectedRoute: Guard = {
  name: 'protected-route',
  row: 'G11',
  check: ({ draft, params }) => {
    const segment = routeSegment(draft.scope.route);
    return segment !== undefined && params.protectedRoutes.includes(segment)
      ? alertOnly(`${draft.scope.route ?? ''} is a route that nobody is kept from`)
      : undefined;
  },
};

export const ramp: Guard = {
  name: 'ramp',
  row: 'G2',
  check: (the) => {
    if (effectiveStage(the) !== 'canary') return undefined;
    const load = loadOf(the);
    if (load === undefined) return shadowOnly('how much it sends is not known, so no part of it can be cut');
    const excess = Math.max(0, load - the.draft.limit.requestsPerSecond);
    const share = `${the.params.rampShare * 100} % of the excess`;
    return raised(the, load - the.params.rampShare * excess, `in stage canary ${share} is cut`);
  },
};

/** Rounded up, so that rounding never takes a tenant below the rate. */
function raised({ draft, params }: GuardCase, rate: number, because: string): HeldBack | undefined {
  if (draft.limit.requestsPerSecond >= rate) return undefined;
  const requestsPerSecond = roundUpRate(rate);
  const limit = { ...draft.limit, requestsPerSecond, burst: burstOf(requestsPerSecond, params) };
  return { effect: 'soften', because, limit };
}

export const suspension: Guard = {
  name: 'suspended',
  row: 'G8',
  check: ({ estate }) =>
    estate.suspended
      ? alertOnly('automatic throttling is suspended, because too many tenants are out of line at once')
      : undefined,
};

export const shareAtOnce: Guard = {
  name: 'too-many-throttled',
  row: 'G8',
  check: ({ estate, activeTenants, params }) => {
    // At least one, or small estates would have no protection; never more than a small share of all tenants.
    const most = Math.max(1, Math.min(Math.floor(params.maxTenantShare * activeTenants), params.maxTenants));
    return estate.throttled < most
      ? undefined
      : alertOnly('as many tenants as may be are throttled automatically already');
  },
};

export const weightAtOnce: Guard = {
  name: 'too-much-weight',
  row: 'G8',
  check: ({ facts, estate, params }) => {
    const weight = facts?.weightShare ?? null;
    if (weight === null || estate.throttledWeight + weight <= params.maxWeightShare) return undefined;
    return alertOnly(
      `with it, tenants of more than ${params.maxWeightShare * 100} % of the weight of all would be throttled`,
    );
  },
};

export const actionRate: Guard = {
  name: 'too-soon',
  row: 'G9',
  check: (the) => {
    const { estate, now, params } = the;
    // A throttle that goes on is no new act; to interrupt it would let the load through in between.
    if (renewedOf(the) !== undefined) return undefined;
    if (estate.actedAt.some((at) => now - at < params.secondsBetweenActions * SECOND_MS)) {
      return alertOnly(`the last automatic throttle is less than ${params.secondsBetweenActions} s old`);
    }
    const lately = estate.actedAt.filter((at) => now - at < HOUR_MS).length;
    if (lately < params.maxActionsPerHour) return undefined;
    return alertOnly(`${lately} automatic throttles were set within the last hour, as many as may be`);
  },
};

export const settle: Guard = {
  name: 'flipping',
  row: 'G6',
  check: (the) => {
    const { past, now, params } = the;
    const [latest] = past.automatic;
    if (latest === undefined || renewedOf(the) !== undefined) return undefined;
    const since = Math.round((now - latest.createdAt) / SECOND_MS);
    if (since >= params.settleSeconds) return undefined;
    return alertOnly(
      `it was throttled ${since} s ago and let go; the next time is ${params.settleSeconds} s after that`,
    );
  },
};

export const revertedLately: Guard = {
  name: 'reverted-lately',
  row: 'G6',
  check: ({ past, now, params }) => {
    const reverted = past.automatic.some(
      ({ liftedAt, liftedBy }) =>
        liftedAt !== null &&
        liftedBy === params.automaticSubject &&
        now < liftedAt + params.revertWaitSeconds * SECOND_MS,
    );
    return reverted
      ? alertOnly('its last automatic throttle was lifted because it did not help the others')
      : undefined;
  },
};

export const ownExpiry: Guard = {
  name: 'expiry',
  row: 'G10',
  check: (the) => {
    const { draft, finding, past, now, params } = the;
    const since = now - params.repeatWindowSeconds * SECOND_MS;
    const earlier = new Set(
      past.automatic.filter(({ createdAt }) => createdAt >= since).map(({ anomalyId }) => anomalyId),
    );
    earlier.delete(finding.anomaly.id);
    const doubled = draft.expiresInSeconds * 2 ** earlier.size;
    const expiresInSeconds = Math.min(doubled, Math.max(params.maxThrottleSeconds, draft.expiresInSeconds));
    if (expiresInSeconds === draft.expiresInSeconds) return undefined;
    return { effect: 'soften', because: `throttled for ${earlier.size} earlier findings lately`, expiresInSeconds };
  },
};
