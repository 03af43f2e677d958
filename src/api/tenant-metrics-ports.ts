/** What the api needs for the metrics of tenants that Prometheus scrapes. */
import type { Window } from '../domain/window.ts';

/** A tenant, or `(other)`: all those beyond the number that is told apart. Sums are of the window. */
export interface TenantMetricsRow {
  readonly tenant: string;
  readonly requests: number;
  readonly errors: number;
  /** null: no request. */
  readonly p95Ms: number | null;
  readonly dbMs: number;
  readonly aiInputTokens: number;
  readonly aiOutputTokens: number;
  /** Micro-dollars; null: there were calls, and none of them has a known price. */
  readonly aiCostMicro: bigint | null;
  readonly aiUnpricedCalls: number;
  /** A throttle is enforced now, for `(other)` on any of them. */
  readonly isThrottled: boolean;
  readonly openAnomalies: number;
}

export interface TenantMetrics {
  /** `now`: Unix ms. Tenants with the most requests, at most as many as the setting says, and what is left. */
  read(now: number): Promise<{
    readonly window: Window;
    readonly throttledTenants: number;
    readonly rows: readonly TenantMetricsRow[];
  }>;
}
