/** What the api needs of plans: what they include, since when. */
import type { StaffActor } from '../domain/actor.ts';
import type { PlanTerms, PlanVersion } from '../domain/plan.ts';

/** A plan with all its versions, oldest first, and how many tenants are on it now. */
export interface PlanRecord {
  readonly plan: string;
  readonly tenants: number;
  readonly versions: readonly PlanVersion[];
}

export interface PlanBook {
  /** Every plan, or the one that is named; by name. */
  list(actor: StaffActor, plan?: string): Promise<readonly PlanRecord[]>;
  /** Makes terms hold from a moment on (Unix ms; absent: now), until a later version begins; the plan may be new. */
  put(actor: StaffActor, plan: string, terms: PlanTerms, effectiveFrom?: number): Promise<PlanVersion>;
}
