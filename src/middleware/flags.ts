import type { DegradeStep } from '../domain/flags.ts';
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
    return this.#store.list(this.#now()).map(({ flag, remainingMs }) => ({
      kind: flag.kind,
      id: flag.id,
      tenantId: flag.tenantId,
      reason: flag.reason,
      remainingMs,
    }));
  }
}
