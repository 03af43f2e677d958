/** Words of a tenant's way through the plans. Times are Unix ms. */
import type { TenantId } from './tenant-id.ts';

/** A change that comes later. */
export interface ScheduledPlan {
  /** null: off every plan. */
  readonly plan: string | null;
  readonly effectiveFrom: number;
  readonly why: 'change' | 'trial_end';
  readonly setBy: string;
}

export interface PlanStep {
  readonly plan: string | null;
  readonly effectiveFrom: number;
  readonly setBy: string;
}

export interface TenantPlanStanding {
  readonly tenantId: TenantId;
  readonly plan: string | null;
  readonly trialEndsAt: number | null;
  /** null: the calendar's months. */
  readonly billingDay: number | null;
  readonly scheduled: ScheduledPlan | null;
  /** Newest first. */
  readonly steps: readonly PlanStep[];
}
