/** Enough to tell a total outage from one tenant's; the tenants unheard of for longest make room. */
const MAX_TENANTS = 1_000;

/**
 * How the last call of each tenant ended, for those whose calls ended in the window. Each tenant counts once: a tenant
 * that calls a thousand times a second weighs no more than one that calls once.
 */
export class TenantOutcomes {
  // Re-inserted on every outcome, so the first key is the one unheard of for longest.
  readonly #last = new Map<string, { readonly at: number; readonly failed: boolean }>();
  #failing = 0;

  add(tenantId: string, failed: boolean, now: number, windowMs: number): void {
    this.#drop(tenantId);
    this.#last.set(tenantId, { at: now, failed });
    if (failed) this.#failing += 1;
    for (const [tenant, { at }] of this.#last) {
      if (now - at < windowMs && this.#last.size <= MAX_TENANTS) break;
      this.#drop(tenant);
    }
  }

  get tenants(): number {
    return this.#last.size;
  }

  get failing(): number {
    return this.#failing;
  }

  clear(): void {
    this.#last.clear();
    this.#failing = 0;
  }

  #drop(tenantId: string): void {
    if (this.#last.get(tenantId)?.failed === true) this.#failing -= 1;
    this.#last.delete(tenantId);
  }
}
