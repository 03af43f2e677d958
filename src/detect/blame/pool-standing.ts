import { compareText } from '../../domain/text-order.ts';
import type { TenantUse } from './pool-baseline.ts';
import type { Meter } from './pool-blame.ts';

/** One tenant's part of a shared resource, now and usually; null: too little history to know what is usual. */
interface TenantStanding {
  readonly tenantId: string;
  /** Milliseconds (of requests: a count) a minute over the last minutes. */
  readonly now: number;
  readonly usual: number | null;
  /** Of what all tenants use together, 0 to 1. */
  readonly share: number;
  readonly usualShare: number | null;
  readonly requestsPerMinute: number;
  readonly usualRequestsPerMinute: number | null;
  /** Of the newest minute in which it sent requests; null: it sent none lately. */
  readonly p95Ms: number | null;
  readonly usualP95Ms: number | null;
}

export interface PoolStanding {
  /** What the shares are of. */
  readonly meter: Meter;
  /** Largest share first. */
  readonly tenants: readonly TenantStanding[];
}

const FIELDS = { cpu: 'cpuMs', db: 'dbMs', requests: 'requests' } as const;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The meter on which the resource is farthest above its usual use; requests where nothing else is metered. */
function meterOf(tenants: readonly TenantUse[]): Meter {
  const nowOf = (meter: Meter) => sum(tenants.map(({ now }) => now[FIELDS[meter]]));
  const rise = (meter: Meter) => {
    const usual = sum(tenants.map((one) => one.usual?.[FIELDS[meter]] ?? 0));
    return usual > 0 ? nowOf(meter) / usual : 0;
  };
  if (nowOf('cpu') === 0 && nowOf('db') === 0) return 'requests';
  if (nowOf('cpu') === 0) return 'db';
  return rise('db') > rise('cpu') ? 'db' : 'cpu';
}

/** Who uses how much of a shared resource, against what each usually does. */
export function poolStanding(tenants: readonly TenantUse[]): PoolStanding {
  const meter = meterOf(tenants);
  const field = FIELDS[meter];
  const nowTotal = sum(tenants.map(({ now }) => now[field]));
  const usualTotal = sum(tenants.map(({ usual }) => usual?.[field] ?? 0));
  const standings = tenants
    .filter(({ now, usual }) => now[field] > 0 || (usual?.[field] ?? 0) > 0)
    .map(
      ({ tenantId, now, usual, p95Ms }): TenantStanding => ({
        tenantId,
        now: now[field],
        usual: usual?.[field] ?? null,
        share: nowTotal > 0 ? now[field] / nowTotal : 0,
        usualShare: usual === null || usualTotal === 0 ? null : usual[field] / usualTotal,
        requestsPerMinute: now.requests,
        usualRequestsPerMinute: usual?.requests ?? null,
        p95Ms,
        usualP95Ms: usual?.p95Ms ?? null,
      }),
    );
  return { meter, tenants: standings.sort((a, b) => b.now - a.now || compareText(a.tenantId, b.tenantId)) };
}
