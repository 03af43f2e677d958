import { randomUUID } from 'node:crypto';
import type { StorageDesk, StorageFigures, StorageQuestion } from '../../src/api/storage-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { StorageGauge } from '../../src/domain/storage.ts';
import type { NewStorageTarget, StorageTarget } from '../../src/domain/storage-target.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

/** Figures of a tenant that stores a megabyte. */
export function storedBy(tenantId: string, changes: Partial<StorageFigures> = {}): StorageFigures {
  return {
    tenantId: tenantId as TenantId,
    store: 'orders-db',
    kind: 'postgres',
    bytes: 1_000_000n,
    errorBytes: 12_000n,
    objects: 5_000n,
    method: 'index count',
    measuredAt: 1_750_000_000_000,
    byteHours: 24_000_000n,
    coveredShare: 1,
    ...changes,
  };
}

/** What tenants store, in memory. */
export class MemoryStorage implements StorageDesk {
  items: StorageFigures[] = [];
  readonly questions: StorageQuestion[] = [];
  readonly pushed: StorageGauge[] = [];
  readonly made: StorageTarget[] = [];
  readonly asked: string[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list(question: StorageQuestion) {
    this.questions.push(question);
    const { tenantId, store, offset, limit } = question;
    const matching = this.items.filter(
      (item) => (tenantId === undefined || item.tenantId === tenantId) && (store === undefined || item.store === store),
    );
    return { items: matching.slice(offset, offset + limit), total: matching.length };
  }

  async push(gauges: readonly StorageGauge[]) {
    this.pushed.push(...gauges);
  }

  async targets() {
    return this.made.map((target) => ({ target, run: undefined }));
  }

  async createTarget(actor: StaffActor, target: NewStorageTarget) {
    const createdAt = this.#now();
    const made = { ...target, id: randomUUID(), createdBy: actor.subject, createdAt, askedAt: null };
    this.made.push(made);
    return made;
  }

  async removeTarget(_actor: StaffActor, id: string) {
    const place = this.made.findIndex((target) => target.id === id);
    if (place !== -1) this.made.splice(place, 1);
    return place !== -1;
  }

  async collect(_actor: StaffActor, id: string) {
    this.asked.push(id);
    return this.made.some((target) => target.id === id);
  }
}
