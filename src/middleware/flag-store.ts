import { DEGRADE_STEPS, type ThrottleLimit, type ThrottleScope } from '../domain/flags.ts';
import type {
  ReceivedAllow,
  ReceivedBreaker,
  ReceivedDegrade,
  ReceivedFlag,
  ReceivedFlags,
  ReceivedSuspend,
  ReceivedThrottle,
} from './flag-shape.ts';
import { FleetSize } from './fleet.ts';
import { ThrottleMeter } from './throttle-meter.ts';

/** A flag in this process: what the server said, and the moment at which it ends here. */
interface Held<F extends ReceivedFlag> {
  readonly flag: F;
  /** Milliseconds on the caller's monotonic clock. */
  readonly endsAt: number;
}

/** Members of the flag that every decision needs stand here too, one fetch from memory nearer. */
export interface HeldThrottle extends Held<ReceivedThrottle> {
  readonly limit: ThrottleLimit;
  /** Undefined: it holds for every request of the tenant. */
  readonly scope: ThrottleScope | undefined;
  readonly enforces: boolean;
  /** First segments of routes that it does not hold for; undefined: it spares none. */
  readonly spares: ReadonlySet<string> | undefined;
  readonly meter: ThrottleMeter;
  /** Requests that it let through and that it refused (or would have) since it was first heard of. */
  allowed: number;
  refused: number;
  /** Notes of the decision under way (`throttle.ts`): seconds to wait, and for what. */
  wait: number;
  exceeded: 'rate' | 'concurrency';
}

/** A suspension in this process. */
export type HeldSuspension = Held<ReceivedSuspend>;

type AnyHeld = HeldThrottle | Held<ReceivedBreaker> | Held<ReceivedDegrade> | Held<ReceivedAllow> | HeldSuspension;

/** The flags of one tenant; by kind and ready to be asked from the first question after a change on. */
interface TenantFlags {
  readonly held: Map<string, AnyHeld>;
  isSorted: boolean;
  throttles: readonly HeldThrottle[];
  /** The newest word on each integration. */
  breakers: readonly ReceivedBreaker[];
  /** The strictest step of each feature. */
  degrades: readonly ReceivedDegrade[];
  suspension: HeldSuspension | undefined;
  /** When the first of them ends. */
  nextEnd: number;
}

export type Applied = 'applied' | 'stale' | 'reset';

/** The server repeats its snapshot every 30 s, so three older ones in a row span at least a minute. */
const STALE_SNAPSHOTS_BEFORE_RESET = 3;
/** About 40 MB. An estate with more flags in force at once has another problem than its throttles. */
const FLAGS_MAX = 50_000;
const NO_THROTTLES: readonly HeldThrottle[] = [];

function isThrottle(held: AnyHeld): held is HeldThrottle {
  return held.flag.kind === 'throttle';
}

function isSuspension(held: AnyHeld): held is HeldSuspension {
  return held.flag.kind === 'suspend';
}

/** Whatever refuses more, then the newest word. */
function strictestSuspension(held: readonly AnyHeld[]): HeldSuspension | undefined {
  const weight = ({ flag }: HeldSuspension) => (flag.effect === 'refuse' ? 1 : 0);
  return held.filter(isSuspension).sort((a, b) => weight(b) - weight(a) || b.flag.revision - a.flag.revision)[0];
}

function isSameScope(a: ReceivedThrottle, b: ReceivedThrottle): boolean {
  return (
    a.scope.service === b.scope.service && a.scope.route === b.scope.route && a.scope.costClass === b.scope.costClass
  );
}

function noFlags(): TenantFlags {
  return {
    ...{ held: new Map(), isSorted: false, throttles: [], breakers: [], degrades: [] },
    ...{ suspension: undefined, nextEnd: 0 },
  };
}

function sort(tenant: TenantFlags): void {
  const held = [...tenant.held.values()];
  const flags = held.map(({ flag }) => flag);
  // Whoever is to be left alone is, whatever a throttle that was late or stale says.
  const isAllowed = flags.some(({ kind }) => kind === 'allow');
  tenant.throttles = held.filter(isThrottle).filter(({ flag }) => !(isAllowed && flag.automatic));
  tenant.breakers = flags.filter((flag) => flag.kind === 'breaker').sort((a, b) => b.revision - a.revision);
  tenant.degrades = flags
    .filter((flag) => flag.kind === 'degrade')
    .sort((a, b) => DEGRADE_STEPS.indexOf(b.step) - DEGRADE_STEPS.indexOf(a.step));
  tenant.suspension = strictestSuspension(held);
  tenant.nextEnd = held.reduce((least, { endsAt }) => Math.min(least, endsAt), Number.POSITIVE_INFINITY);
  tenant.isSorted = true;
}

/**
 * The flags that this process obeys. Pure but for its own state: the clock is passed in and must be monotonic.
 * A flag ends at its own time whether or not anything is ever heard again; it is never extended by hearing the same
 * revision later, so a delayed or replayed stream can only release, never hold longer.
 */
export class FlagStore {
  readonly fleet = new FleetSize();
  readonly #tenants = new Map<string, TenantFlags>();
  readonly #tenantOf = new Map<string, string>();
  #revision = -1;
  #staleSnapshots = 0;
  #overflowed = 0;

  /** The newest revision applied; -1 before the first. */
  get revision(): number {
    return this.#revision;
  }

  /** True when no flag is held: the common case, answered without a look-up. */
  get isEmpty(): boolean {
    return this.#tenantOf.size === 0;
  }

  get size(): number {
    return this.#tenantOf.size;
  }

  /** Flags that were not taken in since the start because too many were held. */
  get overflowed(): number {
    return this.#overflowed;
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
    const leaving = [...this.#tenantOf.keys()].filter((id) => !kept.has(id));
    this.#replace(leaving, received.flags, now, result === 'reset');
    return result;
  }

  /** Adds and lifts flags. A change that is not newer than what is held is stale. */
  applyChange(received: ReceivedFlags, now: number): Applied {
    if (received.revision <= this.#revision) return 'stale';
    this.#revision = received.revision;
    const put = new Set(received.flags.map((flag) => flag.id));
    const leaving = received.removals.filter((id) => !put.has(id));
    this.#replace(leaving, received.flags, now, false);
    return 'applied';
  }

  throttles(tenantId: string, now: number): readonly HeldThrottle[] {
    return this.#alive(tenantId, now)?.throttles ?? NO_THROTTLES;
  }

  breaker(tenantId: string, integration: string, now: number): ReceivedBreaker | undefined {
    return this.#alive(tenantId, now)?.breakers.find((flag) => flag.integration === integration);
  }

  degrade(tenantId: string, feature: string, now: number): ReceivedDegrade | undefined {
    return this.#alive(tenantId, now)?.degrades.find((flag) => flag.feature === feature);
  }

  suspension(tenantId: string, now: number): HeldSuspension | undefined {
    return this.#alive(tenantId, now)?.suspension;
  }

  /** Every flag of one tenant that is in force. */
  flagsOf(tenantId: string, now: number): readonly AnyHeld[] {
    return [...(this.#alive(tenantId, now)?.held.values() ?? [])];
  }

  /** Every flag in force. */
  list(now: number): readonly AnyHeld[] {
    this.prune(now);
    return [...this.#tenants.values()].flatMap(({ held }) => [...held.values()]);
  }

  /** Forgets flags that have ended, also of tenants about whom nobody asks. @returns whether there were any */
  prune(now: number): boolean {
    const before = this.#tenantOf.size;
    for (const tenantId of [...this.#tenants.keys()]) this.#alive(tenantId, now);
    return this.#tenantOf.size < before;
  }

  #alive(tenantId: string, now: number): TenantFlags | undefined {
    const flags = this.#tenants.get(tenantId);
    if (flags === undefined) return undefined;
    if (!flags.isSorted) sort(flags);
    if (now < flags.nextEnd) return flags;
    for (const [id, { endsAt }] of flags.held) if (endsAt <= now) this.#drop(id);
    if (flags.held.size === 0) return undefined;
    sort(flags);
    return flags;
  }

  #replace(leaving: readonly string[], flags: readonly ReceivedFlag[], now: number, restart: boolean): void {
    const left = new Map<string, HeldThrottle[]>();
    for (const id of leaving) {
      const held = this.#find(id);
      if (held !== undefined && isThrottle(held)) {
        left.set(held.flag.tenantId, [...(left.get(held.flag.tenantId) ?? []), held]);
      }
      this.#drop(id);
    }
    for (const flag of flags) {
      const before = this.#find(flag.id);
      if (!restart && before !== undefined && before.flag.revision > flag.revision) continue;
      if (before === undefined && this.#tenantOf.size >= FLAGS_MAX) {
        this.#overflowed += 1;
        continue;
      }
      const isRepeated = !restart && before?.flag.revision === flag.revision;
      const endsAt = isRepeated ? Math.min(before.endsAt, now + flag.ttlMs) : now + flag.ttlMs;
      if (flag.kind === 'throttle') {
        this.#put(holdThrottle(flag, endsAt, before ?? predecessorOf(flag, left.get(flag.tenantId))));
      } else if (flag.kind === 'breaker') this.#put({ flag, endsAt });
      else if (flag.kind === 'allow') this.#put({ flag, endsAt });
      else if (flag.kind === 'suspend') this.#put({ flag, endsAt });
      else this.#put({ flag, endsAt });
    }
  }

  #put(held: AnyHeld): void {
    const { id, tenantId } = held.flag;
    if (this.#tenantOf.get(id) !== tenantId) this.#drop(id);
    const flags = this.#tenants.get(tenantId) ?? noFlags();
    flags.held.set(id, held);
    flags.isSorted = false;
    this.#tenants.set(tenantId, flags);
    this.#tenantOf.set(id, tenantId);
  }

  #find(id: string): AnyHeld | undefined {
    const tenantId = this.#tenantOf.get(id);
    return tenantId === undefined ? undefined : this.#tenants.get(tenantId)?.held.get(id);
  }

  #drop(id: string): void {
    const tenantId = this.#tenantOf.get(id);
    const flags = tenantId === undefined ? undefined : this.#tenants.get(tenantId);
    if (tenantId === undefined || flags === undefined) return;
    this.#tenantOf.delete(id);
    flags.held.delete(id);
    flags.isSorted = false;
    if (flags.held.size === 0) this.#tenants.delete(tenantId);
  }
}

/** The server renews a throttle by lifting it and putting another in its place: that one must not bring a fresh burst. */
function predecessorOf(flag: ReceivedThrottle, left: readonly HeldThrottle[] | undefined): HeldThrottle | undefined {
  return left?.find((held) => isSameScope(held.flag, flag));
}

/** @param before what it takes the place of, whose record it goes on with */
function holdThrottle(flag: ReceivedThrottle, endsAt: number, before: AnyHeld | undefined): HeldThrottle {
  const record = before !== undefined && isThrottle(before) ? before : undefined;
  const { limit, scope, mode } = flag;
  return {
    flag,
    endsAt,
    limit,
    scope: Object.keys(scope).length === 0 ? undefined : scope,
    enforces: mode === 'enforce',
    spares: flag.automatic && flag.sparedRoutes.length > 0 ? new Set(flag.sparedRoutes) : undefined,
    meter: record?.meter ?? new ThrottleMeter(),
    allowed: record?.allowed ?? 0,
    refused: record?.refused ?? 0,
    wait: -1,
    exceeded: 'rate',
  };
}
