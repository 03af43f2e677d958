/** What the api needs of signals for sales and of placement. Times are Unix ms. */
import type { Actor, StaffActor } from '../domain/actor.ts';
import type { DedicatedTerms, Placement, PlacementAdvice } from '../domain/dedicated.ts';
import type { Signal, SignalKind, SignalStatus } from '../domain/signal.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface Signals {
  /** The strongest first. Absent `status`: all. */
  list(
    actor: StaffActor,
    filter: {
      readonly tenantId?: TenantId;
      readonly kind?: SignalKind;
      readonly status?: SignalStatus;
      readonly offset: number;
      readonly limit: number;
    },
  ): Promise<readonly Signal[]>;
  /** Undefined if no open signal has this id. `until` null: for as long as it lasts. */
  dismiss(
    actor: StaffActor,
    id: string,
    dismissal: { readonly reason: string; readonly until: number | null },
  ): Promise<Signal | undefined>;
}

export interface Placements {
  terms(actor: StaffActor): Promise<DedicatedTerms>;
  putTerms(actor: StaffActor, terms: DedicatedTerms): Promise<DedicatedTerms>;
  advice(actor: StaffActor, now: number): Promise<readonly PlacementAdvice[]>;
  /** Where people have placed the tenant. */
  placement(actor: Actor, tenantId: TenantId): Promise<Placement>;
  /** Enters the tenant if it is new. */
  putPlacement(
    actor: StaffActor,
    tenantId: TenantId,
    placement: { readonly placement: Placement; readonly reason: string },
  ): Promise<void>;
}
