/** What the api needs of the directory of tenants. Times are Unix ms. */
import type { Actor, StaffActor } from '../domain/actor.ts';
import type { Placement } from '../domain/dedicated.ts';
import type { NewTenant, Onboarded } from '../domain/onboarding.ts';
import type { EffectiveRetention, RetentionDays, RetentionLevel, RetentionRun } from '../domain/retention.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { TenantPlanStanding } from '../domain/tenant-plan.ts';
import type { StateCommand, SuspensionEffect, SuspensionReason, TenantStanding } from '../domain/tenant-state.ts';

export interface DirectoryEntry {
  readonly tenantId: TenantId;
  readonly displayName: string | null;
  readonly status: 'active' | 'suspended' | 'closed';
  readonly plan: string | null;
  readonly planSince: number | null;
  readonly firstSeenAt: number;
  /** The start of the newest step with a span; null: none, or not known. */
  readonly lastSeen: { readonly at: number; readonly stepMs: number } | null;
  readonly placement: Placement;
  readonly placementReason: string | null;
  readonly billingDay: number | null;
  readonly seats: bigint | null;
  readonly trialEndsAt: number | null;
  /** The change of plan that comes next; null: none. */
  readonly scheduledPlan: { readonly plan: string | null; readonly effectiveFrom: number } | null;
  /** When it was signed up; null: it appeared by itself, or somebody named it. */
  readonly onboardedAt: number | null;
  /** How its state was decided; null: nobody ever did. */
  readonly state: {
    readonly version: number;
    readonly effect: SuspensionEffect | null;
    readonly reasonCode: SuspensionReason | null;
    readonly reason: string;
    readonly until: number | null;
    readonly since: number;
    readonly by: string;
  } | null;
}

export interface DirectoryPage {
  readonly tenantId?: TenantId;
  readonly search?: string;
  readonly offset: number;
  readonly limit: number;
  readonly now: number;
}

export interface Directory {
  /** By id. `lastSeenKnown` false: telemetry cannot be read, so nobody knows when tenants were last seen. */
  list(
    actor: StaffActor,
    page: DirectoryPage,
  ): Promise<{
    readonly total: number;
    readonly lastSeenKnown: boolean;
    readonly entries: readonly DirectoryEntry[];
  }>;
}

/** Where tenants stand, and who decides it. */
export interface TenantStates {
  /** Undefined if nobody has named the tenant yet. Says everything: what a tenant's own people get of it is the api's to choose. */
  standing(tenantId: TenantId): Promise<TenantStanding | undefined>;
  /**
   * @param version on top of which it is decided; undefined: whatever there is
   * @throws TenantryError CONFLICT, FORBIDDEN, BAD_REQUEST
   */
  command(
    actor: StaffActor,
    tenantId: TenantId,
    command: StateCommand,
    version: number | undefined,
  ): Promise<TenantStanding | undefined>;
}

/** A moment (Unix ms), the end of the running month of the tenant, or at once. */
export type PlanMoment = 'now' | 'period_end' | number;

export interface TenantPlanChanges {
  /** Undefined if there is no such tenant, or the actor may not see it. */
  standing(actor: Actor, tenantId: TenantId): Promise<TenantPlanStanding | undefined>;
  /** @throws TenantryError BAD_REQUEST for a plan that there is not, or a moment that is over */
  change(actor: StaffActor, tenantId: TenantId, plan: string | null, moment: PlanMoment): Promise<void>;
  /** False if no change was to come. */
  cancel(actor: StaffActor, tenantId: TenantId): Promise<boolean>;
}

interface Onboarding {
  /** @throws TenantryError CONFLICT, BAD_REQUEST */
  onboard(actor: StaffActor, wanted: NewTenant, idempotencyKey: string | undefined): Promise<Onboarded>;
}

/** How long what one tenant sent is kept. */
export interface TenantRetentionStanding {
  readonly tenantId: TenantId;
  readonly plan: string | null;
  readonly levels: Readonly<Record<RetentionLevel, EffectiveRetention>>;
  /** What is said of the tenant itself. */
  readonly own: RetentionDays;
  /** While it stands nothing is removed before the installation's own time. */
  readonly legalHold: boolean;
}

interface RetentionOverview {
  readonly installation: Readonly<Record<RetentionLevel, number>>;
  readonly plans: readonly { readonly plan: string; readonly days: RetentionDays }[];
  /** Those for whom something else holds than for the installation. */
  readonly tenants: readonly TenantRetentionStanding[];
  /** Newest first. */
  readonly runs: readonly RetentionRun[];
  /** Of the day, UTC. */
  readonly hour: number;
  readonly nextRunAt: number;
}

export interface Retention {
  overview(actor: StaffActor, now: number): Promise<RetentionOverview>;
  ofTenant(tenantId: TenantId): Promise<TenantRetentionStanding | undefined>;
  /** @throws TenantryError BAD_REQUEST for more than the installation keeps, NOT_FOUND for a plan that there is not */
  put(
    actor: StaffActor,
    owner: { readonly plan: string } | { readonly tenantId: TenantId },
    days: RetentionDays,
  ): Promise<void>;
  /** @throws TenantryError CONFLICT while one waits or runs */
  run(actor: StaffActor): Promise<RetentionRun>;
}

/** A tenant's life from sign-up to its end. */
export interface Lifecycle {
  readonly states: TenantStates;
  readonly plans: TenantPlanChanges;
  readonly onboarding: Onboarding;
  readonly retention: Retention;
}
