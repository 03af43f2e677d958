import type { Actor, StaffActor } from '../domain/actor.ts';
import type { DegradeOrder, NewDegradeOrder } from '../domain/degrade-order.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface Degradations {
  /** In force, newest first. Tenant actors get their own only, whatever they ask for. */
  list(actor: Actor, filter: { tenantId?: TenantId }): Promise<readonly DegradeOrder[]>;
  /** Takes the place of what holds for the same tenant and feature. */
  order(actor: StaffActor, order: NewDegradeOrder): Promise<DegradeOrder>;
  /** The lifted one, or undefined if there is none with this id or it has already ended. */
  lift(actor: StaffActor, id: string): Promise<DegradeOrder | undefined>;
}
