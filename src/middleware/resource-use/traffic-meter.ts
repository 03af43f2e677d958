import { OTHER_TENANTS, type TenantId, UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';
import { type EndedRequest, observeRequests } from '../request-end.ts';
import type { Traffic } from './apportion.ts';

/** Bytes of bodies per tenant, of requests that are over. Headers and framing are not in them. */
export class TrafficMeter {
  readonly #maxTenants: number;
  readonly #onOverflow: () => void;
  readonly #stop: () => void;
  #traffic = new Map<TenantId, Traffic>();

  /** @param maxTenants distinct tenants kept until the next `take`; the bytes of further ones go to `(other)` */
  constructor(maxTenants: number, onOverflow: () => void) {
    this.#maxTenants = maxTenants;
    this.#onOverflow = onOverflow;
    this.#stop = observeRequests((request) => this.#add(request));
  }

  /** Bytes per tenant since the last call. */
  take(): ReadonlyMap<TenantId, Traffic> {
    const taken = this.#traffic;
    this.#traffic = new Map();
    return taken;
  }

  stop(): void {
    this.#stop();
  }

  #add({ tenant, requestBytes = 0, responseBytes = 0 }: EndedRequest): void {
    if (requestBytes === 0 && responseBytes === 0) return;
    const traffic = this.#trafficOf(tenant?.tenantId ?? UNATTRIBUTED_TENANT);
    traffic.received += requestBytes;
    traffic.transmitted += responseBytes;
  }

  #trafficOf(tenantId: TenantId): Traffic {
    const held = this.#traffic.get(tenantId);
    if (held !== undefined) return held;
    if (this.#traffic.size >= this.#maxTenants && tenantId !== OTHER_TENANTS) {
      this.#onOverflow();
      return this.#trafficOf(OTHER_TENANTS);
    }
    const made = { received: 0, transmitted: 0 };
    this.#traffic.set(tenantId, made);
    return made;
  }
}
