import type { TenantId } from './tenant-id.ts';
import type { SuspensionEffect, SuspensionReason } from './tenant-state.ts';

/**
 * A flag is what Tenantry tells an app about one tenant. Every flag ends by itself: `expiresAt` is set when it is
 * written, is never absent, and is enforced where the flag is read, so that it ends even if everything else is dead.
 */
export interface ThrottleScope {
  /** `service.name` the limit holds for; absent = every service. */
  readonly service?: string;
  /** Route as the app's router names it (`/orders/:id`); absent = every route. */
  readonly route?: string;
  /** Cost class that the app gives to what is expensive (`report`); absent = every class and what has none. */
  readonly costClass?: string;
}

/** How much a throttle lets through. */
export interface ThrottleLimit {
  /** Sustained requests a second over all instances that obey the flag. 0 refuses everything. */
  readonly requestsPerSecond: number;
  /** How many requests may come at once before the sustained rate holds. At least 1. */
  readonly burst: number;
  /** Requests under way at the same time, over all instances; at least 1. Absent = as many as come. */
  readonly maxConcurrent?: number;
}

/** `shadow` counts what it would refuse and refuses nothing. */
export type EnforcementMode = 'enforce' | 'shadow';

export interface ThrottleFlag {
  readonly kind: 'throttle';
  readonly id: string;
  readonly tenantId: TenantId;
  readonly scope: ThrottleScope;
  readonly limit: ThrottleLimit;
  readonly mode: EnforcementMode;
  /** One sentence for people: why, with the numbers. */
  readonly reason: string;
  /** Set by automation and not by a person: tenants that are left alone, and routes that nobody is kept from, are spared. */
  readonly automatic?: boolean;
  /** Unix milliseconds on the server's clock. */
  readonly expiresAt: number;
  readonly revision: number;
}

export type BreakerState = 'auto' | 'open' | 'closed';

export interface BreakerFlag {
  readonly kind: 'breaker';
  readonly id: string;
  readonly tenantId: TenantId;
  readonly integration: string;
  readonly state: BreakerState;
  readonly reason: string;
  readonly expiresAt: number;
  readonly revision: number;
}

/** From nothing to everything taken away. */
export const DEGRADE_STEPS = ['ok', 'warn', 'cached_only', 'blocked'] as const;

/** How far a feature is taken from a tenant, from not at all to altogether. */
export type DegradeStep = (typeof DEGRADE_STEPS)[number];

export interface DegradeFlag {
  readonly kind: 'degrade';
  readonly id: string;
  readonly tenantId: TenantId;
  /** What is degraded: `ai`, or a part of it as `degradeFeature` names it. */
  readonly feature: string;
  readonly step: DegradeStep;
  readonly reason: string;
  readonly expiresAt: number;
  readonly revision: number;
}

/** Automation leaves this tenant alone: whatever automatic throttle is heard of, now or later, does not hold for it. */
interface AllowFlag {
  readonly kind: 'allow';
  readonly id: string;
  readonly tenantId: TenantId;
  readonly reason: string;
  readonly expiresAt: number;
  readonly revision: number;
}

/** The tenant is suspended or closed: its requests are refused, or those of them that change something. */
export interface SuspendFlag {
  readonly kind: 'suspend';
  readonly id: string;
  readonly tenantId: TenantId;
  readonly status: 'suspended' | 'closed';
  readonly effect: SuspensionEffect;
  readonly reasonCode: SuspensionReason;
  readonly reason: string;
  readonly expiresAt: number;
  readonly revision: number;
}

export type Flag = ThrottleFlag | BreakerFlag | DegradeFlag | AllowFlag | SuspendFlag;
