/**
 * Flags in force, in memory. Pure: no clock and no database of its own. Expiry is decided on the database's clock,
 * carried forward by a monotonic one: neither a wrong wall clock here nor a step of it can make a flag live longer.
 */
import { limitToWire, scopeToWire, type WireFlag } from '../../domain/flag-wire.ts';
import type { Flag } from '../../domain/flags.ts';
import { PROTECTED_ROUTES } from '../../domain/protected-routes.ts';
import type { TenantId } from '../../domain/tenant-id.ts';

/** One flag as the table has it. */
export interface FlagState {
  readonly flag: Flag;
  /** Revision at which it was lifted, null while it is not. */
  readonly liftedRevision: number | null;
}

/** What one revision did. */
export interface RevisionChange {
  readonly revision: number;
  readonly upserts: readonly Flag[];
  readonly removals: readonly Flag[];
}

/** Two clocks read at one moment. `monotonicMs` is read first, so the estimate is late by the round trip, never early. */
export interface ClockReading {
  readonly databaseMs: number;
  readonly monotonicMs: number;
}

/** Far above what people and the detector put in force in a day; the oldest go first, as if they had been lifted. */
const FLAGS_MAX = 100_000;

export class FlagCache {
  readonly #sparedRoutes: readonly string[];
  #flags = new Map<string, Flag>();
  #clock: ClockReading = { databaseMs: Number.POSITIVE_INFINITY, monotonicMs: 0 };

  /** @param sparedRoutes first segments of routes that automatic throttles do not hold for */
  constructor(sparedRoutes: readonly string[] = PROTECTED_ROUTES) {
    this.#sparedRoutes = sparedRoutes;
  }

  /** Sets the clocks; before the first reading every flag counts as expired. */
  setClock(reading: ClockReading): void {
    this.#clock = reading;
  }

  replaceAll(flags: readonly Flag[]): void {
    this.#flags = new Map(flags.map((flag) => [flag.id, flag]));
    this.#bound();
  }

  apply({ upserts, removals }: RevisionChange): void {
    for (const flag of upserts) this.#flags.set(flag.id, flag);
    for (const flag of removals) this.#flags.delete(flag.id);
    this.#bound();
  }

  /** Forgets flags that are over, so that the map holds no more than what is in force. */
  prune(monotonicMs: number): void {
    for (const flag of this.#flags.values()) if (this.#ttl(flag, monotonicMs) <= 0) this.#flags.delete(flag.id);
  }

  ids(): ReadonlySet<string> {
    return new Set(this.#flags.keys());
  }

  get(id: string): Flag | undefined {
    return this.#flags.get(id);
  }

  /** Flags in force at this moment; `tenant` undefined = of every tenant. */
  inForce(tenant: TenantId | undefined, monotonicMs: number): WireFlag[] {
    return this.toWire([...this.#flags.values()], tenant, monotonicMs);
  }

  /** Those of `flags` that have not expired, as they are sent. */
  toWire(flags: readonly Flag[], tenant: TenantId | undefined, monotonicMs: number): WireFlag[] {
    return flags
      .filter((flag) => tenant === undefined || flag.tenantId === tenant)
      .map((flag) => toWireFlag(flag, Math.floor(this.#ttl(flag, monotonicMs)), this.#sparedRoutes))
      .filter((flag) => flag.ttl_ms > 0);
  }

  #bound(): void {
    for (const id of this.#flags.keys()) {
      if (this.#flags.size <= FLAGS_MAX) return;
      this.#flags.delete(id);
    }
  }

  #ttl(flag: Flag, monotonicMs: number): number {
    return flag.expiresAt - (this.#clock.databaseMs + (monotonicMs - this.#clock.monotonicMs));
  }
}

/** What each revision from the rows' revisions did, oldest first; rows may have changed in two of them. */
export function changesByRevision(rows: readonly FlagState[], after: number, upTo: number): RevisionChange[] {
  const changes = new Map<number, { revision: number; upserts: Flag[]; removals: Flag[] }>();
  const at = (revision: number) => {
    const change = changes.get(revision) ?? { revision, upserts: [], removals: [] };
    changes.set(revision, change);
    return change;
  };
  for (const { flag, liftedRevision } of rows) {
    if (flag.revision > after && flag.revision <= upTo) at(flag.revision).upserts.push(flag);
    if (liftedRevision !== null && liftedRevision > after && liftedRevision <= upTo) {
      at(liftedRevision).removals.push(flag);
    }
  }
  return [...changes.values()].sort((a, b) => a.revision - b.revision);
}

function toWireFlag(flag: Flag, ttlMs: number, sparedRoutes: readonly string[]): WireFlag {
  const common = {
    id: flag.id,
    tenant_id: flag.tenantId,
    revision: flag.revision,
    ttl_ms: ttlMs,
    expires_at: new Date(flag.expiresAt).toISOString(),
    reason: flag.reason,
  };
  switch (flag.kind) {
    case 'throttle':
      return {
        kind: 'throttle',
        ...common,
        mode: flag.mode,
        scope: scopeToWire(flag.scope),
        limit: limitToWire(flag.limit),
        ...(flag.automatic === true ? { automatic: true, spared_routes: [...sparedRoutes] } : {}),
      };
    case 'breaker':
      return { kind: 'breaker', ...common, integration: flag.integration, state: flag.state };
    case 'allow':
      return { kind: 'allow', ...common };
    case 'suspend':
      return { kind: 'suspend', ...common, status: flag.status, effect: flag.effect, reason_code: flag.reasonCode };
    case 'degrade':
      return { kind: 'degrade', ...common, feature: flag.feature, step: flag.step };
  }
}
