import { randomUUID } from 'node:crypto';
import type { Actor } from '../../src/domain/actor.ts';
import type { DegradeOrder, NewDegradeOrder } from '../../src/domain/degrade-order.ts';
import type { DegradeFlag, DegradeStep } from '../../src/domain/flags.ts';
import { SPEND_LADDER } from '../../src/domain/spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { MemoryFeed } from './api-memory-feed.ts';

/** Degradations in memory that answer as the real store does: the newest word on a feature stands alone. */
export class MemoryDegradations {
  readonly orders: DegradeOrder[] = [];
  readonly #feed: MemoryFeed;
  readonly #now: () => number;

  constructor(feed: MemoryFeed, now: () => number) {
    this.#feed = feed;
    this.#now = now;
  }

  async list(actor: Actor, filter: { tenantId?: TenantId }): Promise<readonly DegradeOrder[]> {
    const only = actor.kind === 'tenant' ? actor.tenantId : filter.tenantId;
    return this.orders.filter((one) => this.#holds(one) && (only === undefined || one.tenantId === only));
  }

  async order(actor: Actor, order: NewDegradeOrder): Promise<DegradeOrder> {
    return this.#set(actor.subject, order);
  }

  /** A flag that follows from a cap, as the ladder sets it. */
  byLadder(order: Omit<NewDegradeOrder, 'step'> & { readonly step: DegradeStep }): DegradeOrder {
    return this.#set(SPEND_LADDER, order);
  }

  async lift(_actor: Actor, id: string): Promise<DegradeOrder | undefined> {
    const order = this.orders.find((one) => one.id === id && this.#holds(one));
    return order === undefined ? undefined : this.#end(order);
  }

  #set(
    createdBy: string,
    { expiresInSeconds, ...order }: Omit<NewDegradeOrder, 'step'> & { readonly step: DegradeStep },
  ): DegradeOrder {
    for (const one of this.orders.filter((held) => this.#holds(held))) {
      if (one.tenantId === order.tenantId && one.feature === order.feature) this.#end(one);
    }
    const createdAt = this.#now();
    const expiresAt = createdAt + expiresInSeconds * 1_000;
    const flag = this.#feed.put<DegradeFlag>({ kind: 'degrade', id: randomUUID(), ...order, expiresAt });
    const { id, revision } = flag;
    const automatic = createdBy === SPEND_LADDER;
    const made = { ...order, id, revision, expiresAt, createdBy, automatic, createdAt, liftedAt: null };
    this.orders.unshift(made);
    return made;
  }

  #end(order: DegradeOrder): DegradeOrder {
    const lifted = { ...order, liftedAt: this.#now() };
    this.orders[this.orders.indexOf(order)] = lifted;
    this.#feed.remove(order.id);
    return lifted;
  }

  #holds({ liftedAt, expiresAt }: DegradeOrder): boolean {
    return liftedAt === null && expiresAt > this.#now();
  }
}
