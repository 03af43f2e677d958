import type { Actor, StaffActor } from '../../domain/actor.ts';
import { type BreakerOrder, INTEGRATION_PATTERN, type NewBreakerOrder } from '../../domain/breaker.ts';
import type { BreakerState } from '../../domain/flags.ts';
import type { SightingFilter } from './breaker-sightings.ts';
import { type FlagOrder, FlagOrders } from './flag-orders.ts';
import type { Postgres } from './postgres.ts';

/** Orders that force one tenant's breaker of one integration: flags of the kind `breaker`, which end by themselves. */
export class BreakerOrders {
  readonly #orders: FlagOrders;

  constructor(postgres: Postgres) {
    this.#orders = new FlagOrders(postgres, {
      ...{ kind: 'breaker', made: 'breaker.order', lifted: 'breaker.lift' },
      resourceOf: ({ tenantId, scope }) => `breaker/${tenantId}/${scope['integration']}`,
    });
  }

  /** Takes the place of the order for the same tenant and integration. @throws TenantryError BAD_REQUEST */
  async create(actor: StaffActor, { integration, state, ...order }: NewBreakerOrder): Promise<BreakerOrder> {
    const problem = !INTEGRATION_PATTERN.test(integration) && 'the name of the integration is malformed';
    return breakerOrder(
      await this.#orders.create(actor, { ...order, scope: { integration }, value: { state } }, problem),
    );
  }

  /** Orders in force, newest first. Tenant actors get their own only, whatever they ask for. */
  async inForce(actor: Actor, { tenantId, integration }: SightingFilter): Promise<readonly BreakerOrder[]> {
    const orders = await this.#orders.inForce(actor, {
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(integration === undefined ? {} : { scope: { integration } }),
    });
    return orders.map(breakerOrder);
  }

  /** Ends an order now. Undefined if there is none with this id or it has already ended. */
  async lift(actor: StaffActor, id: string): Promise<BreakerOrder | undefined> {
    const lifted = await this.#orders.lift(actor, id);
    return lifted === undefined ? undefined : breakerOrder(lifted);
  }
}

function breakerOrder({ scope, value, ...order }: FlagOrder): BreakerOrder {
  // The table's CHECK holds the words to those of the type.
  return { ...order, integration: scope['integration'] ?? '', state: value['state'] as BreakerState };
}
