import { randomUUID } from 'node:crypto';
import type { TenantArchives } from '../../src/api/tenant-archives-ports.ts';
import type { Actor, StaffActor, TenantActor } from '../../src/domain/actor.ts';
import {
  type ExportQuestion,
  NO_PROGRESS,
  type RestoreQuestion,
  type TenantExport,
  type TenantRestore,
} from '../../src/domain/tenant-archive.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

/** Jobs that stand where they were put; tests move them on. */
export class MemoryArchives implements TenantArchives {
  items: readonly TenantExport[] = [];
  restored: readonly TenantRestore[] = [];
  content = Buffer.from('a tar');
  readonly fetched: string[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async askExport(actor: StaffActor | TenantActor, question: ExportQuestion): Promise<TenantExport> {
    const made: TenantExport = {
      ...{ id: randomUUID(), question, state: 'waiting', progress: NO_PROGRESS, error: null },
      ...{ askedBy: actor.subject, askedByOperator: actor.kind !== 'tenant', askedAt: this.#now() },
      ...{ endedAt: null, expiresAt: null },
    };
    this.items = [made, ...this.items];
    return made;
  }

  async exports(_actor: Actor, filter: { readonly tenantId: TenantId | undefined; readonly limit: number }) {
    const { tenantId, limit } = filter;
    return this.items
      .filter(({ question }) => tenantId === undefined || question.tenantId === tenantId)
      .slice(0, limit);
  }

  async findExport(actor: Actor, id: string): Promise<TenantExport | undefined> {
    const only = actor.kind === 'tenant' ? actor.tenantId : undefined;
    return this.items.find((item) => item.id === id && (only === undefined || item.question.tenantId === only));
  }

  async cancelExport(_actor: StaffActor | TenantActor, id: string): Promise<TenantExport | undefined> {
    return this.put(id, { state: 'cancelled', endedAt: this.#now() });
  }

  async download(_actor: StaffActor | TenantActor, id: string) {
    const { content } = this;
    if (this.items.find((item) => item.id === id)?.state !== 'done') return undefined;
    this.fetched.push(id);
    async function* pieces() {
      yield content;
    }
    return { bytes: content.length, content: pieces() };
  }

  async askRestore(actor: StaffActor, question: RestoreQuestion): Promise<TenantRestore> {
    const made: TenantRestore = {
      ...{ id: randomUUID(), question, tenantId: question.as ?? ('acme' as TenantId), state: 'waiting' },
      ...{ progress: NO_PROGRESS, report: null, error: null, askedBy: actor.subject },
      ...{ askedAt: this.#now(), endedAt: null },
    };
    this.restored = [made, ...this.restored];
    return made;
  }

  async restores(_actor: StaffActor, limit: number): Promise<readonly TenantRestore[]> {
    return this.restored.slice(0, limit);
  }

  async findRestore(_actor: StaffActor, id: string): Promise<TenantRestore | undefined> {
    return this.restored.find((item) => item.id === id);
  }

  put(id: string, change: Partial<TenantExport>): TenantExport | undefined {
    this.items = this.items.map((item) => (item.id === id ? { ...item, ...change } : item));
    return this.items.find((item) => item.id === id);
  }
}
