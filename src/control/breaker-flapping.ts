import type { BreakerFlapping, BreakerSighting } from '../domain/breaker.ts';

export interface FlappingParams {
  /** Changes from closed to open of one instance within the window. */
  readonly openings: number;
  readonly windowMs: number;
  /** How long the offered order would hold the breaker open. */
  readonly offerSeconds: number;
}

export const FLAPPING_DEFAULTS: FlappingParams = { openings: 3, windowMs: 600_000, offerSeconds: 600 };

/**
 * Whether a breaker opens and closes over and over, judged for each instance apart: ten instances that each open once
 * are one outage and no flapping, and probes that fail never closed it in between. It only tells and offers; a breaker
 * held open longer by mistake would cost the tenant its integration.
 * @param sightings of one tenant and integration
 * @param now Unix milliseconds
 */
export function flappingOf(
  sightings: readonly BreakerSighting[],
  now: number,
  params: FlappingParams = FLAPPING_DEFAULTS,
): BreakerFlapping | undefined {
  const recent = sightings.map(({ openings }) => openings.filter((at) => at > now - params.windowMs && at <= now));
  const flapping = recent.filter((openings) => openings.length >= params.openings);
  const worst = flapping.toSorted((a, b) => b.length - a.length)[0];
  const [{ integration = '', tenantId = '' } = {}] = sightings;
  if (worst === undefined) return undefined;
  const minutes = Math.round(params.windowMs / 60_000);
  const lastAgo = Math.round((now - Math.max(...flapping.flat())) / 1_000);
  const reason =
    `${integration} of ${tenantId} opened ${worst.length} times within ${minutes} minutes in ` +
    `${flapping.length} of ${sightings.length} instances, last ${lastAgo} s ago: it works just long enough to be tried again`;
  return {
    instances: flapping.length,
    openings: worst.length,
    windowSeconds: Math.round(params.windowMs / 1_000),
    since: Math.min(...flapping.flat()),
    reason,
    offer: { state: 'open', expiresInSeconds: params.offerSeconds },
  };
}
