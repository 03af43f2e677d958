import type { ReceivedBreaker, ReceivedDegrade, ReceivedFlag, ReceivedFlags, ReceivedThrottle } from './flag-shape.ts';
import type { BucketState } from './token-bucket.ts';

/** A flag in this process: what the server said, and the moment at which it ends here. */
interface Held<F extends ReceivedFlag> {
  readonly flag: F;
  /** Milliseconds on the caller's monotonic clock. */
  readonly endsAt: number;
}

export interface HeldThrottle extends Held<ReceivedThrottle> {
  /** Survives a new revision of the same flag, or every correction would hand out a fresh burst. */
  bucket: BucketState | undefined;
}

interface TenantFlags {
  throttles: HeldThrottle[];
  breakers: Held<ReceivedBreaker>[];
  degrades: Held<ReceivedDegrade>[];
}

export type Applied = 'applied' | 'stale' | 'reset';

/** The server repeats its snapshot every 30 s, so three older ones in a row span at least a minute. */
const STALE_SNAPSHOTS_BEFORE_RESET = 3;

/**
 * The flags that this process obeys. Pure but for its own state: the clock is passed in and must be monotonic.
 * A flag ends at its own time whether or not anything is ever heard again; it is never extended by hearing the same
 * revision later, so a delayed or replayed stream can only release, never hold longer.
 */
export class FlagStore {
  readonly #held = new Map<string, HeldThrottle | Held<ReceivedBreaker> | Held<ReceivedDegrade>>();
  #byTenant = new Map<string, TenantFlags>();
  #revision = -1;
  #staleSnapshots = 0;

  /** The newest revision applied; -1 before the first. */
  get revision(): number {
    return this.#revision;
  }

  /** True when no flag is held: the common case, answered without a look-up. */
  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /**
   * Takes over the whole truth as of one revision. An older snapshot is stale (a lagging replica, a replay) and
   * ignored, unless it keeps coming: then the server's count has begun anew and its word stands.
   */
  applySnapshot(received: ReceivedFlags, now: number): Applied {
    let result: Applied = 'applied';
    if (received.revision < this.#revision) {
      this.#staleSnapshots += 1;
      if (this.#staleSnapshots < STALE_SNAPSHOTS_BEFORE_RESET) return 'stale';
      result = 'reset';
    }
    this.#staleSnapshots = 0;
    this.#revision = received.revision;
    const kept = new Set(received.flags.map((flag) => flag.id));
    for (const id of this.#held.keys()) if (!kept.has(id)) this.#held.delete(id);
    this.#hold(received.flags, now, result === 'reset');
    return result;
  }

  /** Adds and lifts flags. A change that is not newer than what is held is stale. */
  applyChange(received: ReceivedFlags, now: number): Applied {
    if (received.revision <= this.#revision) return 'stale';
    this.#revision = received.revision;
    for (const id of received.removals) this.#held.delete(id);
    this.#hold(received.flags, now, false);
    return 'applied';
  }

  throttles(tenantId: string, now: number): readonly HeldThrottle[] {
    return this.#alive(tenantId, now)?.throttles ?? [];
  }

  breaker(tenantId: string, integration: string, now: number): ReceivedBreaker | undefined {
    return this.#alive(tenantId, now)?.breakers.find(({ flag }) => flag.integration === integration)?.flag;
  }

  degrade(tenantId: string, feature: string, now: number): ReceivedDegrade | undefined {
    return this.#alive(tenantId, now)?.degrades.find(({ flag }) => flag.feature === feature)?.flag;
  }

  /** Every flag in force with its remaining life in milliseconds. */
  list(now: number): readonly { readonly flag: ReceivedFlag; readonly remainingMs: number }[] {
    this.#dropEnded(now);
    return [...this.#held.values()].map(({ flag, endsAt }) => ({ flag, remainingMs: endsAt - now }));
  }

  #alive(tenantId: string, now: number): TenantFlags | undefined {
    const flags = this.#byTenant.get(tenantId);
    if (flags === undefined) return undefined;
    const ended = [...flags.throttles, ...flags.breakers, ...flags.degrades].some(({ endsAt }) => endsAt <= now);
    if (!ended) return flags;
    this.#dropEnded(now);
    return this.#byTenant.get(tenantId);
  }

  #hold(flags: readonly ReceivedFlag[], now: number, restart: boolean): void {
    for (const flag of flags) {
      const before = this.#held.get(flag.id);
      if (!restart && before !== undefined && before.flag.revision > flag.revision) continue;
      const repeated = !restart && before?.flag.revision === flag.revision;
      const endsAt = repeated ? Math.min(before.endsAt, now + flag.ttlMs) : now + flag.ttlMs;
      const bucket = before !== undefined && 'bucket' in before ? before.bucket : undefined;
      if (flag.kind === 'throttle') this.#held.set(flag.id, { flag, endsAt, bucket });
      else if (flag.kind === 'breaker') this.#held.set(flag.id, { flag, endsAt });
      else this.#held.set(flag.id, { flag, endsAt });
    }
    this.#dropEnded(now);
  }

  #dropEnded(now: number): void {
    for (const [id, { endsAt }] of this.#held) if (endsAt <= now) this.#held.delete(id);
    const byTenant = new Map<string, TenantFlags>();
    for (const held of this.#held.values()) {
      const flags = byTenant.get(held.flag.tenantId) ?? { throttles: [], breakers: [], degrades: [] };
      byTenant.set(held.flag.tenantId, flags);
      if (isThrottle(held)) flags.throttles.push(held);
      else if (isBreaker(held)) flags.breakers.push(held);
      else flags.degrades.push(held as Held<ReceivedDegrade>);
    }
    this.#byTenant = byTenant;
  }
}

function isThrottle(held: Held<ReceivedFlag>): held is HeldThrottle {
  return held.flag.kind === 'throttle';
}

function isBreaker(held: Held<ReceivedFlag>): held is Held<ReceivedBreaker> {
  return held.flag.kind === 'breaker';
}
