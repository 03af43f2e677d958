import type { DegradeStep, EnforcementMode } from '../domain/flags.ts';
import type { ReceivedFlag } from './flag-shape.ts';
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

/** What the app may ask about flags. Answers from memory, never waits. */
export class Flags {
  readonly #store: FlagStore;
  readonly #now: () => number;

  constructor(store: FlagStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** How far a feature of a tenant (default: the current one) is degraded; `ok` when nothing is known. */
  degradeStep(feature: string, tenantId: string | undefined = currentTenant()?.tenantId): DegradeStep {
    if (tenantId === undefined || this.#store.isEmpty) return 'ok';
    return this.#store.degrade(tenantId, feature, this.#now())?.step ?? 'ok';
  }

  /** Revision of the newest flags held; -1 before the first connection. */
  get revision(): number {
    return this.#store.revision;
  }

  /** Every flag in force, of every tenant. */
  inForce(): readonly FlagInForce[] {
    const now = this.#now();
    return this.#store.list(now).map((held) => ({
      kind: held.flag.kind,
      id: held.flag.id,
      tenantId: held.flag.tenantId,
      reason: held.flag.reason,
      remainingMs: held.endsAt - now,
      ...('meter' in held ? { mode: held.flag.mode, allowed: held.allowed, refused: held.refused } : {}),
    }));
  }
}
