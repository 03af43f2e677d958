import type { WireFlag } from '../domain/flag-wire.ts';
import type { DegradeStep, EnforcementMode } from '../domain/flags.ts';
import type { SuspensionEffect, SuspensionReason } from '../domain/tenant-state.ts';
import type { FlagAnswer } from './flag-answer.ts';
import type { FlagClock } from './flag-clock.ts';
import type { FlagFreshness, FlagListener } from './flag-freshness.ts';
import { asWireFlag, type ReceivedFlag } from './flag-shape.ts';
import type { FlagStore } from './flag-store.ts';
import { currentTenant } from './tenant-context.ts';

/** A flag in force, as the app may show it. */
export interface FlagInForce {
  readonly kind: ReceivedFlag['kind'];
  readonly id: string;
  readonly tenantId: string;
  readonly reason: string;
  readonly remainingMs: number;
  /** Of throttles. */
  readonly mode?: EnforcementMode;
  /** Requests that the throttle let through in this process. */
  readonly allowed?: number;
  /** Requests that it refused or, in shadow mode, would have refused. */
  readonly refused?: number;
}

/** Asks the server. */
interface Evaluator {
  evaluateOnServer(tenantId: string, etag: string | undefined): Promise<FlagAnswer | undefined>;
}

export interface FlagsOptions {
  readonly store: FlagStore;
  readonly clock: FlagClock;
  readonly freshness: FlagFreshness;
  /** Undefined where no flags are fetched. */
  readonly client: Evaluator | undefined;
}

/** A tenant that is suspended or closed. */
export interface Suspension {
  readonly status: 'suspended' | 'closed';
  /** `refuse`: every request is refused; `read_only`: those that may change something. */
  readonly effect: SuspensionEffect;
  /** What the tenant's own people may be told. */
  readonly reasonCode: SuspensionReason;
  /** Until this process lets the tenant go if it hears nothing more. */
  readonly remainingMs: number;
}

/** What the app may ask about flags. Answers from memory, never waits. */
export class Flags {
  readonly #options: FlagsOptions;

  constructor(options: FlagsOptions) {
    this.#options = options;
  }

  /** How far a feature of a tenant (default: the current one) is degraded; `ok` when nothing is known. */
  degradeStep(feature: string, tenantId: string | undefined = currentTenant()?.tenantId): DegradeStep {
    const { store, clock } = this.#options;
    if (tenantId === undefined || store.isEmpty) return 'ok';
    const now = clock.now();
    if (store.suspension(tenantId, now) !== undefined) return 'blocked';
    return store.degrade(tenantId, feature, now)?.step ?? 'ok';
  }

  /** Whether a tenant (default: the current one) is suspended or closed; undefined when nothing is known of it. */
  suspension(tenantId: string | undefined = currentTenant()?.tenantId): Suspension | undefined {
    const { store, clock } = this.#options;
    if (tenantId === undefined || store.isEmpty) return undefined;
    const now = clock.now();
    const held = store.suspension(tenantId, now);
    if (held === undefined) return undefined;
    const { status, effect, reasonCode } = held.flag;
    return { status, effect, reasonCode, remainingMs: held.endsAt - now };
  }

  /** Revision of the newest flags held; -1 before the first connection. */
  get revision(): number {
    return this.#options.store.revision;
  }

  /** Live instances of this service, as the server last told: a limit is divided by it. 1 before it was heard. */
  get instances(): number {
    return this.#options.store.fleet.at(this.#options.clock.now());
  }

  /** Milliseconds since the server was last heard; since the start if it never was. */
  get ageMs(): number {
    return this.#options.freshness.age(this.#options.clock.now());
  }

  /**
   * Unix milliseconds at which the server was last heard, when that is longer ago than 45 s; undefined while flags are
   * fresh. Stale flags hold until their own end.
   */
  get staleSince(): number | undefined {
    return this.#options.freshness.staleSince;
  }

  /** True from the first word of the server on. */
  get isReady(): boolean {
    return this.#options.freshness.everHeard;
  }

  /** Calls back when flags change, go stale, or are fresh again. What it throws is counted. @returns ends it */
  subscribe(listener: FlagListener): () => void {
    return this.#options.freshness.subscribe(listener);
  }

  /** Every flag in force, of every tenant. */
  inForce(): readonly FlagInForce[] {
    const now = this.#options.clock.now();
    return this.#options.store.list(now).map((held) => ({
      kind: held.flag.kind,
      id: held.flag.id,
      tenantId: held.flag.tenantId,
      reason: held.flag.reason,
      remainingMs: held.endsAt - now,
      ...('meter' in held ? { mode: held.flag.mode, allowed: held.allowed, refused: held.refused } : {}),
    }));
  }

  /** The flags of one tenant that are in force, as the server sent them. */
  ofTenant(tenantId: string): readonly WireFlag[] {
    const now = this.#options.clock.now();
    return this.#options.store.flagsOf(tenantId, now).map(({ flag, endsAt }) => asWireFlag(flag, endsAt - now));
  }

  /**
   * Asks the server to evaluate every flag of a tenant (OFREP bulk), for what the stream does not carry.
   * @param etag of the answer held; the server then answers 304 if it is still right
   * @returns undefined when the server cannot be asked. Never rejects.
   */
  evaluateOnServer(tenantId: string, etag?: string): Promise<FlagAnswer | undefined> {
    return this.#options.client?.evaluateOnServer(tenantId, etag) ?? Promise.resolve(undefined);
  }
}
