import { type EventDensity, type ReplayEvent, withEvents } from './detect-events.ts';
import { type Oracle, oracleOf, type Stratum, stratumOf } from './detect-oracle.ts';
import { seeded } from './detect-random.ts';
import type { PlainTenant } from './detect-tenants.ts';

export interface ReplayTenant {
  readonly id: string;
  readonly kind: PlainTenant['kind'];
  /** Unix minutes of the first value. */
  readonly start: number;
  /** Requests per minute; NaN = absent from the data. */
  readonly values: Float64Array;
  readonly scoredFrom: number;
  readonly events: readonly ReplayEvent[];
  readonly stratum: Stratum;
  readonly seasonal: Oracle;
  readonly local: Oracle;
}

/** The same tenant, events and noise for the same seed, in whatever order tenants are made. */
export function replayTenant(tenant: PlainTenant, seed: number, density: EventDensity): ReplayTenant {
  const { values, events } = withEvents(tenant, seeded(seed, 'events', tenant.id), density);
  const seasonal = oracleOf(tenant, 'seasonal');
  const { id, kind, start, scoredFrom } = tenant;
  return {
    id,
    kind,
    start,
    values,
    scoredFrom,
    events,
    stratum: stratumOf(tenant, seasonal),
    seasonal,
    local: oracleOf(tenant, 'local'),
  };
}
