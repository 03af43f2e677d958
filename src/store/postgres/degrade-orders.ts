import type { Actor, StaffActor } from '../../domain/actor.ts';
import type { DegradeOrder, NewDegradeOrder } from '../../domain/degrade-order.ts';
import type { DegradeStep } from '../../domain/flags.ts';
import { isDegradeFeature, SPEND_LADDER } from '../../domain/spend.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { type FlagOrder, FlagOrders } from './flag-orders.ts';
import type { Postgres } from './postgres.ts';

/**
 * Features that are taken from a tenant: flags of the kind `degrade`, which end by themselves. People order them here, the
 * ladder of spend caps sets its own (`spend-flag-store.ts`).
 *
 * An order takes the place of the ladder's flag whichever of the two is milder: somebody has looked, and a person may give
 * a tenant room as well as take it. The cap still holds the money: a reservation is refused and told its step from the
 * account, whatever flags say. When the order is over the ladder says its own again. Lifting the ladder's flag instead
 * keeps it from that step for the rest of the period.
 */
export class DegradeOrders {
  readonly #orders: FlagOrders;

  constructor(postgres: Postgres) {
    this.#orders = new FlagOrders(postgres, {
      ...{ kind: 'degrade', made: 'degrade.set', lifted: 'degrade.lift', automation: SPEND_LADDER },
      resourceOf: ({ id }) => `degrade/${id}`,
    });
  }

  /** Takes the place of what holds for the same tenant and feature. @throws TenantryError BAD_REQUEST */
  async order(actor: StaffActor, { feature, step, ...order }: NewDegradeOrder): Promise<DegradeOrder> {
    const problem = !isDegradeFeature(feature) && 'no app asks for this feature';
    return degradeOrder(await this.#orders.create(actor, { ...order, scope: { feature }, value: { step } }, problem));
  }

  /** In force, of people and of the ladder, newest first. Tenant actors get their own only, whatever they ask for. */
  async list(actor: Actor, filter: { tenantId?: TenantId }): Promise<readonly DegradeOrder[]> {
    return (await this.#orders.inForce(actor, filter)).map(degradeOrder);
  }

  /** Ends one now, whoever set it. Undefined if there is none with this id or it has already ended. */
  async lift(actor: StaffActor, id: string): Promise<DegradeOrder | undefined> {
    const lifted = await this.#orders.lift(actor, id);
    return lifted === undefined ? undefined : degradeOrder(lifted);
  }
}

function degradeOrder({ scope, value, ...order }: FlagOrder): DegradeOrder {
  // The table's CHECK holds the words to those of the type.
  const step = value['step'] as DegradeStep;
  return { ...order, feature: scope['feature'] ?? '', step, automatic: order.createdBy === SPEND_LADDER };
}
