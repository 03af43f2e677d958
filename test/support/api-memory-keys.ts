import { randomBytes } from 'node:crypto';
import type { KeyAdmin, KeyRecord, KeyRotation, NewKey } from '../../src/api/keys-ports.ts';
import type { VerifiedKey } from '../../src/api/ports.ts';
import type { StaffActor, TenantActor } from '../../src/domain/actor.ts';
import { TenantryError } from '../../src/domain/errors.ts';
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

  /** All secrets of a key but the newest. */
  revokeOlder(id: string): void {
    const secrets = [...this.#keys].filter(([, { keyId }]) => keyId === id);
    for (const [key] of secrets.slice(0, -1)) this.#keys.delete(key);
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
      ...{ rotatedAt: null, previousUntil: null, previousUsedAt: null },
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

  async rotate(actor: StaffActor | TenantActor, id: string, { graceSeconds, expiresAt }: KeyRotation) {
    const now = this.#now();
    const before = this.#changeable(actor, id);
    if (before === undefined || (before.expiresAt ?? Number.POSITIVE_INFINITY) <= now) return undefined;
    if ((before.previousUntil ?? 0) > now && graceSeconds > 0) {
      throw new TenantryError('CONFLICT', 'The secret before the last rotation still works.');
    }
    if (graceSeconds === 0) this.#keys.revokeId(id);
    const ends = expiresAt === undefined ? {} : { expiresAt };
    const previousUntil = graceSeconds === 0 ? null : now + graceSeconds * 1_000;
    const record: KeyRecord = { ...before, ...ends, rotatedAt: now, previousUntil, previousUsedAt: null };
    this.#put(record);
    return { key: this.#keys.issue(record.scopes, record.tenantId ?? undefined, id), record };
  }

  async endPrevious(actor: StaffActor | TenantActor, id: string): Promise<KeyRecord | undefined> {
    const before = this.#changeable(actor, id);
    if (before?.previousUntil == null || before.previousUntil <= this.#now()) return undefined;
    const record: KeyRecord = { ...before, previousUntil: null };
    this.#put(record);
    this.#keys.revokeOlder(id);
    return record;
  }

  #changeable(actor: StaffActor | TenantActor, id: string): KeyRecord | undefined {
    const record = this.records.find((one) => one.id === id && one.revokedAt === null);
    const isTheirs = actor.kind !== 'tenant' || (record?.madeByTenant && record.tenantId === actor.tenantId);
    return isTheirs ? record : undefined;
  }

  #put(record: KeyRecord): void {
    this.records = this.records.map((one) => (one.id === record.id ? record : one));
  }

  async listOwn(actor: TenantActor): Promise<readonly KeyRecord[]> {
    return this.records.filter((record) => record.tenantId === actor.tenantId);
  }

  async createOwn(actor: TenantActor, key: Omit<NewKey, 'scopes' | 'tenantId'> & Partial<Pick<NewKey, 'scopes'>>) {
    return this.create(actor, { scopes: ['ingest'], ...key, tenantId: actor.tenantId });
  }

  async revokeOwn(actor: TenantActor, id: string): Promise<boolean> {
    const own = this.records.find((record) => record.id === id && record.madeByTenant);
    return own?.tenantId === actor.tenantId && this.revoke({ kind: 'system', subject: 'keys' }, id);
  }
}
