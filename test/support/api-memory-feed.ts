import type { FlagInstance, FlagReader } from '../../src/api/ports.ts';
import {
  type FlagAck,
  type FlagChange,
  type FlagSnapshot,
  limitToWire,
  scopeToWire,
  type WireFlag,
} from '../../src/domain/flag-wire.ts';
import type { Flag } from '../../src/domain/flags.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

function flagToWire(flag: Flag, now: number): WireFlag {
  const { kind, id, tenantId, revision, reason, expiresAt } = flag;
  const common = { id, tenant_id: tenantId, revision, ttl_ms: Math.max(0, expiresAt - now), reason };
  const expires_at = new Date(expiresAt).toISOString();
  switch (kind) {
    case 'throttle': {
      return {
        kind,
        ...common,
        expires_at,
        mode: flag.mode,
        scope: scopeToWire(flag.scope),
        limit: limitToWire(flag.limit),
      };
    }
    case 'allow':
      return { kind, ...common, expires_at };
    case 'suspend': {
      const { status, effect, reasonCode } = flag;
      return { kind, ...common, expires_at, status, effect, reason_code: reasonCode };
    }
    case 'breaker':
      return { kind, ...common, expires_at, integration: flag.integration, state: flag.state };
    case 'degrade':
      return { kind, ...common, expires_at, feature: flag.feature, step: flag.step };
  }
}

/** Flags with revisions and subscribers; changes reach subscribers in order, before the writer's promise resolves. */
export class MemoryFeed {
  revision = 0;
  readonly flags = new Map<string, Flag>();
  readonly acks: { keyId: string; ack: FlagAck }[] = [];
  readonly #listeners = new Set<{ tenant: TenantId | undefined; listener: (change: FlagChange) => void }>();
  readonly #now: () => number;
  /** Awaited inside `snapshot`, after the state was read: lets a test commit changes in between. */
  afterRead: () => Promise<void> = async () => undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  async snapshot(tenant: TenantId | undefined): Promise<FlagSnapshot> {
    const flags = [...this.flags.values()]
      .filter((flag) => flag.expiresAt > this.#now() && (tenant === undefined || flag.tenantId === tenant))
      .map((flag): WireFlag => flagToWire(flag, this.#now()));
    const snapshot = { revision: this.revision, flags };
    await this.afterRead();
    return snapshot;
  }

  subscribe(tenant: TenantId | undefined, listener: (change: FlagChange) => void): () => void {
    const entry = { tenant, listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  async acknowledge(keyId: string, ack: FlagAck): Promise<void> {
    this.acks.push({ keyId, ack });
  }

  /** Commits a flag as the next revision. */
  put<F extends Flag>(flag: Omit<F, 'revision'>): F {
    this.revision += 1;
    const committed = { ...flag, revision: this.revision } as F;
    this.flags.set(committed.id, committed);
    this.announce(
      { revision: this.revision, upserts: [flagToWire(committed, this.#now())], removals: [] },
      flag.tenantId,
    );
    return committed;
  }

  remove(id: string): void {
    const flag = this.flags.get(id);
    if (flag === undefined) return;
    this.revision += 1;
    this.flags.delete(id);
    this.announce({ revision: this.revision, upserts: [], removals: [id] }, flag.tenantId);
  }

  /** Every subscriber hears of every revision; of another tenant's only that it was. */
  announce(change: FlagChange, about: TenantId): void {
    for (const { tenant, listener } of [...this.#listeners]) {
      const concerns = tenant === undefined || tenant === about;
      listener(concerns ? change : { revision: change.revision, upserts: [], removals: [] });
    }
  }
}

/** Counts streams and polls by service; tells at once. */
export class MemoryInstances {
  readonly listed: FlagInstance[] = [];
  revision = 0;
  readonly #fleets = new Map<string, { ids: Map<string, number>; listeners: Set<(instances: number) => void> }>();

  join(reader: FlagReader, onCount: (instances: number) => void) {
    const fleet = this.#meet(reader);
    fleet.listeners.add(onCount);
    this.#tell(fleet);
    return {
      instances: fleet.ids.size,
      leave: () => {
        fleet.listeners.delete(onCount);
        const streams = (fleet.ids.get(reader.instanceId) ?? 1) - 1;
        if (streams === 0) fleet.ids.delete(reader.instanceId);
        else fleet.ids.set(reader.instanceId, streams);
        this.#tell(fleet);
      },
    };
  }

  note(reader: FlagReader): number {
    return this.#meet(reader).ids.size;
  }

  async list() {
    return { revision: this.revision, instances: this.listed };
  }

  #meet({ tenant, service, instanceId }: FlagReader) {
    const key = `${tenant ?? ''} ${service}`;
    const fleet = this.#fleets.get(key) ?? { ids: new Map<string, number>(), listeners: new Set<never>() };
    fleet.ids.set(instanceId, (fleet.ids.get(instanceId) ?? 0) + 1);
    this.#fleets.set(key, fleet);
    return fleet;
  }

  #tell({ ids, listeners }: { ids: Map<string, number>; listeners: Set<(instances: number) => void> }): void {
    for (const listener of [...listeners]) listener(ids.size);
  }
}
