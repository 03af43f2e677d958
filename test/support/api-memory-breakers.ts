import { randomUUID } from 'node:crypto';
import { overviewsOf } from '../../src/control/breaker-overview.ts';
import type { Actor } from '../../src/domain/actor.ts';
import type { BreakerOrder, BreakerReport, BreakerSighting, NewBreakerOrder } from '../../src/domain/breaker.ts';
import type { BreakerFlag } from '../../src/domain/flags.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { MemoryFeed } from './api-memory-feed.ts';

/** Breakers in memory that answer as the real board does: the last word of each instance, orders as flags. */
export class MemoryBreakers {
  readonly sightings = new Map<string, BreakerSighting>();
  readonly orders: BreakerOrder[] = [];
  readonly #feed: MemoryFeed;
  readonly #now: () => number;

  constructor(feed: MemoryFeed, now: () => number) {
    this.#feed = feed;
    this.#now = now;
  }

  async report(_keyId: string, { instance_id, service, breakers }: BreakerReport): Promise<void> {
    const now = this.#now();
    for (const { tenant_id, integration, openings, last_error = null, since_ms, ...rest } of breakers) {
      this.sightings.set(JSON.stringify([tenant_id, integration, service, instance_id]), {
        ...rest,
        ...{ tenantId: tenant_id, integration, service, instanceId: instance_id, lastError: last_error },
        ...{ since: now - since_ms, openings: openings.map(({ ms_ago }) => now - ms_ago), reportedAt: now },
      });
    }
  }

  async list(actor: Actor, filter: { tenantId?: TenantId; integration?: string }, now: number) {
    const only = actor.kind === 'tenant' ? actor.tenantId : filter.tenantId;
    const matches = ({ tenantId, integration }: { tenantId: string; integration: string }) =>
      (only === undefined || tenantId === only) &&
      (filter.integration === undefined || integration === filter.integration);
    const inForce = this.orders.filter(({ liftedAt, expiresAt }) => liftedAt === null && expiresAt > now);
    return overviewsOf([...this.sightings.values()].filter(matches), inForce.filter(matches), now);
  }

  async order(actor: Actor, { expiresInSeconds, ...order }: NewBreakerOrder): Promise<BreakerOrder> {
    const createdAt = this.#now();
    const expiresAt = createdAt + expiresInSeconds * 1_000;
    const flag = this.#feed.put<BreakerFlag>({ kind: 'breaker', id: randomUUID(), ...order, expiresAt });
    const { id, revision } = flag;
    const made = { ...order, id, revision, expiresAt, createdBy: actor.subject, createdAt, liftedAt: null };
    this.orders.unshift(made);
    return made;
  }

  async lift(_actor: Actor, id: string): Promise<BreakerOrder | undefined> {
    const index = this.orders.findIndex((order) => order.id === id && order.liftedAt === null);
    const order = this.orders[index];
    if (order === undefined) return undefined;
    const lifted = { ...order, liftedAt: this.#now() };
    this.orders[index] = lifted;
    this.#feed.remove(id);
    return lifted;
  }
}
