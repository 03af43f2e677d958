import { randomBytes } from 'node:crypto';
import type { KeyAdmin, KeyRecord, NewKey } from '../../src/api/keys-ports.ts';
import type { VerifiedKey } from '../../src/api/ports.ts';
import type { StaffActor, TenantActor } from '../../src/domain/actor.ts';
import type { KeyScope } from '../../src/domain/roles.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

export class MemoryKeys {
  readonly #keys = new Map<string, VerifiedKey>();
  #issued = 0;
  /** Thrown by every check, as the store does when Postgres is down. */
  failure: Error | undefined;

  async verify(key: string): Promise<VerifiedKey | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.#keys.get(key);
  }

  issue(scopes: readonly KeyScope[], tenantId?: TenantId, keyId?: string): string {
    const key = `tk_${randomBytes(32).toString('base64url')}`;
    this.#issued += 1;
    this.#keys.set(key, { keyId: keyId ?? `key-${this.#issued}`, scopes, tenantId });
    return key;
  }

  revoke(key: string): void {
    this.#keys.delete(key);
  }

  revokeId(id: string): void {
    for (const [key, { keyId }] of this.#keys) if (keyId === id) this.#keys.delete(key);
  }
}

/** Keys made and ended through the api; those that it makes work at once. */
export class MemoryKeyAdmin implements KeyAdmin {
  records: readonly KeyRecord[] = [];
  /** What the store was told to make. */
  readonly wanted: NewKey[] = [];
  readonly #keys: MemoryKeys;
  readonly #now: () => number;

  constructor(keys: MemoryKeys, now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  async list(_actor: StaffActor): Promise<readonly KeyRecord[]> {
    return this.records;
  }

  async create(actor: StaffActor | TenantActor, key: NewKey): Promise<{ key: string; record: KeyRecord }> {
    this.wanted.push(key);
    const { name, scopes, tenantId, service, expiresAt } = key;
    const record: KeyRecord = {
      id: `made-${this.records.length + 1}`,
      name,
      scopes,
      tenantId: tenantId ?? null,
      service: service ?? null,
      createdBy: actor.subject,
      createdAt: this.#now(),
      expiresAt: expiresAt ?? null,
      revokedAt: null,
      lastUsedAt: null,
      madeByTenant: actor.kind === 'tenant',
    };
    this.records = [record, ...this.records];
    return { key: this.#keys.issue(scopes, tenantId, record.id), record };
  }

  async revoke(_actor: StaffActor, id: string): Promise<boolean> {
    const active = this.records.some((record) => record.id === id && record.revokedAt === null);
    this.records = this.records.map((record) => (record.id === id ? { ...record, revokedAt: this.#now() } : record));
    this.#keys.revokeId(id);
    return active;
  }

  async listOwn(actor: TenantActor): Promise<readonly KeyRecord[]> {
    return this.records.filter((record) => record.tenantId === actor.tenantId);
  }

  async createOwn(actor: TenantActor, key: Omit<NewKey, 'scopes' | 'tenantId'>) {
    return this.create(actor, { ...key, scopes: ['ingest'], tenantId: actor.tenantId });
  }

  async revokeOwn(actor: TenantActor, id: string): Promise<boolean> {
    const own = this.records.find((record) => record.id === id && record.madeByTenant);
    return own?.tenantId === actor.tenantId && this.revoke({ kind: 'system', subject: 'keys' }, id);
  }
}
