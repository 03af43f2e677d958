import type { Context } from '@opentelemetry/api';
import { OTHER_TENANTS, type TenantId, UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';
import { tenantIn } from '../tenant-context.ts';
import type { ContextListener } from './context-switches.ts';
import type { Sampled } from './sample-tally.ts';

/**
 * Who held the event loop for how long: wall-clock time from switch to switch. Nothing is sampled, so a tenant with a
 * millisecond an hour is told as exactly as the largest. Time between callbacks (waiting for I/O, libuv's own work)
 * belongs to nobody and is not kept.
 */
export class LoopLedger implements ContextListener {
  readonly #now: () => number;
  readonly #maxTenants: number;
  readonly #onOverflow: () => void;
  #entries = new Map<TenantId, Sampled>();
  #entry: Sampled | undefined;
  #since = 0;
  context: Context | undefined;
  // Callbacks of one request follow each other in one context: half of all look-ups are for the one before.
  #lastContext: Context | undefined;
  #lastEntry: Sampled | undefined;

  /**
   * @param now milliseconds of a monotonic clock
   * @param maxTenants distinct tenants kept until the next `take`; the time of further ones goes to `(other)`
   */
  constructor(now: () => number, maxTenants: number, onOverflow: () => void) {
    this.#now = now;
    this.#maxTenants = maxTenants;
    this.#onOverflow = onOverflow;
  }

  switchTo(ctx: Context | undefined): void {
    this.context = ctx;
    const entry = ctx === undefined ? undefined : this.#entryIn(ctx);
    // A clock reading costs 80 ns: none is made when the loop goes on working for the same tenant.
    if (entry === this.#entry) return;
    const now = this.#now();
    if (this.#entry !== undefined) this.#entry.loopMs += now - this.#since;
    this.#since = now;
    this.#entry = entry;
  }

  /** Time per tenant since the last call, up to now; whoever holds the loop at the moment goes on holding it. */
  take(): ReadonlyMap<TenantId, Sampled> {
    const ctx = this.context;
    this.switchTo(undefined);
    const taken = this.#entries;
    this.#entries = new Map();
    this.#lastContext = undefined;
    this.#lastEntry = undefined;
    this.switchTo(ctx);
    return taken;
  }

  #entryIn(ctx: Context): Sampled {
    if (ctx === this.#lastContext && this.#lastEntry !== undefined) return this.#lastEntry;
    const tenantId = tenantIn(ctx)?.tenantId;
    const entry = this.#entryOf(tenantId ?? UNATTRIBUTED_TENANT);
    // A context without a tenant may get one: its span is told later whose request it is.
    this.#lastContext = tenantId === undefined ? undefined : ctx;
    this.#lastEntry = entry;
    return entry;
  }

  #entryOf(tenantId: TenantId): Sampled {
    const held = this.#entries.get(tenantId);
    if (held !== undefined) return held;
    if (this.#entries.size >= this.#maxTenants && tenantId !== OTHER_TENANTS) {
      this.#onOverflow();
      return this.#entryOf(OTHER_TENANTS);
    }
    const made = { samples: 0, loopMs: 0, waitingMs: 0 };
    this.#entries.set(tenantId, made);
    return made;
  }
}
