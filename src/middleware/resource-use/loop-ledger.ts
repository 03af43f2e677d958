import type { TenantId } from '../../domain/tenant-id.ts';

/** For whom the event loop works: a tenant (or a name in parentheses), or undefined between two callbacks. */
export type Slot = TenantId | undefined;

interface Entry {
  ms: number;
}

/**
 * Who held the event loop for how long: wall-clock time, to the clock's precision, from switch to switch. Nothing is
 * sampled, so a tenant with a millisecond an hour is as exact as the largest. Time between callbacks (waiting for I/O,
 * libuv's own work) belongs to nobody and is not kept.
 */
export class LoopLedger {
  readonly #now: () => number;
  readonly #maxTenants: number;
  readonly #overflow: TenantId;
  readonly #onOverflow: () => void;
  #entries = new Map<TenantId, Entry>();
  #entry: Entry | undefined;
  #since = 0;
  #slot: Slot;

  /**
   * @param now milliseconds of a monotonic clock
   * @param maxTenants distinct tenants kept until the next `take`; the time of further ones goes to `overflow`
   */
  constructor(now: () => number, maxTenants: number, overflow: TenantId, onOverflow: () => void) {
    this.#now = now;
    this.#maxTenants = maxTenants;
    this.#overflow = overflow;
    this.#onOverflow = onOverflow;
  }

  get slot(): Slot {
    return this.#slot;
  }

  /** From now on the loop works for `slot`. */
  switchTo(slot: Slot): void {
    if (slot === this.#slot) return;
    const now = this.#now();
    if (this.#entry !== undefined) this.#entry.ms += now - this.#since;
    this.#since = now;
    this.#slot = slot;
    this.#entry = slot === undefined ? undefined : this.#entryOf(slot);
  }

  /** Milliseconds per slot since the last call, up to now; whoever holds the loop at the moment goes on holding it. */
  take(): Map<TenantId, number> {
    const slot = this.#slot;
    this.switchTo(undefined);
    const taken = new Map([...this.#entries].map(([tenantId, { ms }]) => [tenantId, ms]));
    this.#entries = new Map();
    this.switchTo(slot);
    return taken;
  }

  #entryOf(tenantId: TenantId): Entry {
    const held = this.#entries.get(tenantId);
    if (held !== undefined) return held;
    if (this.#entries.size >= this.#maxTenants && tenantId !== this.#overflow) {
      this.#onOverflow();
      return this.#entryOf(this.#overflow);
    }
    const made = { ms: 0 };
    this.#entries.set(tenantId, made);
    return made;
  }
}
