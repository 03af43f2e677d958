import type { TenantId } from '../domain/tenant-id.ts';
import type { TenantUsage, UsageKey } from '../domain/usage.ts';
import type { Window } from '../domain/window.ts';

/** What the api needs of usage and query volume. `src/app/usage.ts` joins it. */
export type UsageStep = 'minute' | 'hour' | 'day' | 'month';

export interface UsageQuestion {
  readonly window: Window;
  readonly metrics: readonly UsageKey[];
  /** Absent: everybody. */
  readonly tenants?: readonly TenantId[] | undefined;
}

export interface UsageService {
  readonly service: string;
  readonly measures: readonly UsageKey[];
  readonly computeBasis: 'cpu_time' | 'request_time';
}

export interface TenantCompute {
  readonly tenantId: TenantId;
  readonly cpuNs: bigint | null;
  readonly requestNs: bigint | null;
  /** Services that the tenant used. */
  readonly services: readonly string[];
}

export interface UsageDesk {
  /** How long minutes and hours are kept: of older times only whole hours or days can be told. In ms. */
  readonly kept: { readonly minutes: number; readonly hours: number };
  totals(question: UsageQuestion): Promise<readonly TenantUsage[]>;
  series(question: UsageQuestion & { readonly step: UsageStep }): Promise<
    readonly {
      readonly tenantId: TenantId;
      /** Unix ms of the step's start, in order. */
      readonly steps: readonly { readonly at: number; readonly values: TenantUsage['values'] }[];
    }[]
  >;
  /** Services of the window, what each measures, and what tenants used of them. */
  compute(question: UsageQuestion): Promise<{
    readonly services: readonly UsageService[];
    readonly tenants: readonly TenantCompute[];
  }>;
}

type QuerySort = 'total_ms' | 'calls' | 'errors' | 'slow_calls' | 'rows' | 'mean_ms' | 'p95_ms';

/** Times in ms. `tenantId` null: all tenants together. */
export interface QueryVolume {
  readonly tenantId: string | null;
  readonly hash: string;
  readonly query: string;
  readonly dbSystem: string;
  readonly services: readonly string[];
  readonly tenants: number;
  readonly calls: number;
  readonly errors: number;
  readonly slowCalls: number;
  readonly totalMs: number;
  readonly rows: number | null;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly timeShare: number;
}

export interface SlowQuery {
  readonly tenantId: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly service: string;
  readonly dbSystem: string;
  readonly hash: string;
  readonly query: string;
  readonly failed: boolean;
  readonly rows: number | null;
}

export interface Queries {
  /** What a database call must last to be slow, in ms; a lower bound may be asked for instead. */
  readonly slowMs: number;
  volume(question: {
    readonly window: Window;
    readonly sort: QuerySort;
    readonly limit: number;
    readonly by: 'tenant' | 'query';
    readonly tenant?: TenantId | undefined;
  }): Promise<{ readonly window: Window; readonly items: readonly QueryVolume[]; readonly total: number }>;
  /** Slowest first. */
  slow(question: {
    readonly tenantId: TenantId;
    readonly window: Window;
    readonly minDurationNs: bigint;
    readonly limit: number;
  }): Promise<readonly SlowQuery[]>;
}
