import { overviewsOf } from '../control/breaker-overview.ts';
import type { Actor, StaffActor } from '../domain/actor.ts';
import type { BreakerOrder, BreakerOverview, BreakerReport, NewBreakerOrder } from '../domain/breaker.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { BreakerOrders } from '../store/postgres/breaker-orders.ts';
import type { BreakerSightings } from '../store/postgres/breaker-sightings.ts';

/** What instances report and what people order, as one view. */
export class BreakerBoard {
  readonly #sightings: BreakerSightings;
  readonly #orders: BreakerOrders;

  constructor(sightings: BreakerSightings, orders: BreakerOrders) {
    this.#sightings = sightings;
    this.#orders = orders;
  }

  report(keyId: string, report: BreakerReport): Promise<void> {
    return this.#sightings.report(keyId, report);
  }

  async list(
    actor: Actor,
    filter: { tenantId?: TenantId; integration?: string },
    now: number,
  ): Promise<readonly BreakerOverview[]> {
    const asked = { tenantId: filter.tenantId, integration: filter.integration };
    const [sightings, orders] = await Promise.all([
      this.#sightings.list(actor, asked),
      this.#orders.inForce(actor, asked),
    ]);
    return overviewsOf(sightings, orders, now);
  }

  order(actor: StaffActor, order: NewBreakerOrder): Promise<BreakerOrder> {
    return this.#orders.create(actor, order);
  }

  lift(actor: StaffActor, id: string): Promise<BreakerOrder | undefined> {
    return this.#orders.lift(actor, id);
  }
}
