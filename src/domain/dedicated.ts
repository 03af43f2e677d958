/** Words of placement: who might be better off on an instance of their own. Money: micro-units a month unless said. */
import type { TenantId } from './tenant-id.ts';

export const PLACEMENTS = ['pooled', 'dedicated'] as const;
export type Placement = (typeof PLACEMENTS)[number];

/** An instance that the operator can give a tenant for itself. */
export interface DedicatedOffer {
  readonly name: string;
  readonly priceMicro: bigint;
  /** Once: moving data, people's time. */
  readonly migrationMicro: bigint;
  /** null: not said, so it is not checked whether the tenant fits. */
  readonly cpuCores: number | null;
  readonly storageBytes: number | null;
}

/** What a pool is made of: capacity comes and goes in whole units. */
interface PoolUnits {
  /** `cpu:<service>`, `time:<service>`, `db:<system>` or `storage:<store>`. */
  readonly pool: string;
  readonly units: number;
  /** What one carries: cores, requests at once, calls at once, or bytes. */
  readonly unitCapacity: number;
  readonly unitPriceMicro: bigint;
}

/** How advice is worked out. */
export interface DedicatedTerms {
  /** ISO 4217, of every amount here. */
  readonly currency: string;
  /** Of a pool, on one day: from here on the tenant is large in it. */
  readonly sharePercent: number;
  /** Of the last `days` whole days, at least so many must be large: one spike is no reason to move. */
  readonly days: number;
  readonly atLeastDays: number;
  /** Room that a dedicated instance needs above the busiest day. */
  readonly headroomPercent: number;
  /** A migration must have paid for itself by then. */
  readonly horizonMonths: number;
  readonly offers: readonly DedicatedOffer[];
  readonly pools: readonly PoolUnits[];
}

export const DEFAULT_DEDICATED_TERMS: DedicatedTerms = {
  currency: 'USD',
  sharePercent: 25,
  days: 14,
  atLeastDays: 10,
  headroomPercent: 50,
  horizonMonths: 24,
  offers: [],
  pools: [],
};

/** What one tenant used of one pool on one day: nanoseconds, or byte-milliseconds of storage. */
export interface PoolDay {
  readonly pool: string;
  /** Unix ms of the day's start, UTC. */
  readonly day: number;
  readonly tenantId: TenantId;
  readonly amount: bigint;
  /** Of everybody. */
  readonly total: bigint;
}

/** A tenant's part in one pool over the days that were looked at. */
export interface PoolShare {
  readonly pool: string;
  readonly largeDays: number;
  /** Over the days on which it used the pool, rounded down to 0.0001. */
  readonly share: number;
  /** Cores, requests or calls at once, or bytes: the mean, and that of the busiest day. */
  readonly meanRate: number;
  readonly peakRate: number;
  /** Whole units that the pool could give back; null: nobody has said what it is made of. */
  readonly freedUnits: number | null;
}

type PlacementVerdict = 'worth_it' | 'not_worth_it' | 'unknown';

export interface PlacementAdvice {
  readonly tenantId: TenantId;
  readonly verdict: PlacementVerdict;
  /** One sentence for people, with its numbers. */
  readonly sentence: string;
  readonly days: number;
  /** Pools in which the tenant is large. */
  readonly pools: readonly PoolShare[];
  readonly currency: string;
  /** What bills were shared out to the tenant, in the last whole month; null: not known in this currency. */
  readonly pooledCostMicro: bigint | null;
  /** The cheapest that is large enough; null: there is none. */
  readonly offer: DedicatedOffer | null;
  /** What the pool would really cost less; null: not known. */
  readonly poolSavesMicro: bigint | null;
  /** poolSaves - price; below 0 it costs more. */
  readonly monthlySavingMicro: bigint | null;
  /** Until the migration is paid; null: never, or not known. */
  readonly breakEvenMonths: number | null;
}
