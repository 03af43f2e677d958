import { randomUUID } from 'node:crypto';
import type { DeletionCertificates, Deletions } from '../../src/api/deletions-ports.ts';
import type { EmbedLedger } from '../../src/api/embed-ports.ts';
import type { Members } from '../../src/api/members-ports.ts';
import type { Actor, StaffActor, TenantActor } from '../../src/domain/actor.ts';
import { DELETION_WAITING_DAYS, type DeletionRequest, type LegalHold } from '../../src/domain/deletion.ts';
import type { DeletionCertificate } from '../../src/domain/deletion-certificate.ts';
import type { EmbedToken, NewEmbedToken } from '../../src/domain/embed.ts';
import type { Member, MemberChange, NewMember } from '../../src/domain/member.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

type Person = StaffActor | TenantActor;

/** Members without the rules that only the database can keep; member-store.test.ts has those. */
export class MemoryMembers implements Members {
  items: readonly Member[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list(_actor: Actor, tenantId: TenantId): Promise<readonly Member[]> {
    return this.items.filter((member) => member.tenantId === tenantId);
  }

  async find(_actor: Actor, tenantId: TenantId, memberId: string): Promise<Member | undefined> {
    const member = this.items.find((one) => one.tenantId === tenantId && one.memberId === memberId);
    return member?.state === 'removed' ? undefined : member;
  }

  async add(actor: Person, tenantId: TenantId, member: NewMember): Promise<Member> {
    const at = this.#now();
    const added = {
      ...{ ...member, memberId: randomUUID(), tenantId, addedBy: actor.subject, addedAt: at, changedAt: at },
      addedByOperator: actor.kind !== 'tenant',
      keptByDirectory: false,
    };
    this.items = [...this.items, added];
    return added;
  }

  async change(_actor: Person, tenantId: TenantId, memberId: string, change: MemberChange) {
    return this.#put(tenantId, memberId, change);
  }

  async remove(_actor: Person, tenantId: TenantId, memberId: string) {
    return this.#put(tenantId, memberId, { state: 'removed' });
  }

  #put(tenantId: TenantId, memberId: string, change: Partial<Member>): Member | undefined {
    const isIt = (member: Member) => member.tenantId === tenantId && member.memberId === memberId;
    this.items = this.items.map((member) => (isIt(member) ? { ...member, ...change } : member));
    return this.items.find(isIt);
  }
}

/** As many requests as anybody likes; deletion-store.test.ts has what the database refuses. */
export class MemoryDeletions implements Deletions {
  items: readonly DeletionRequest[] = [];
  held: readonly LegalHold[] = [];
  readonly terms = { waitingDays: DELETION_WAITING_DAYS, automatic: false };
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list(_actor: Actor, { tenantId, openOnly, limit }: Parameters<Deletions['list']>[1]) {
    return this.items
      .filter((item) => tenantId === undefined || item.tenantId === tenantId)
      .filter((item) => !openOnly || item.state !== 'cancelled')
      .slice(0, limit);
  }

  async request(
    actor: Person,
    tenantId: TenantId,
    wish: Parameters<Deletions['request']>[2],
  ): Promise<DeletionRequest> {
    const { reason, legalBasis, waitingMs } = wish;
    const requestedAt = this.#now();
    const made: DeletionRequest = {
      ...{ requestId: randomUUID(), tenantId, state: 'requested', reason, requestedBy: actor.subject, requestedAt },
      ...{ requestedByOperator: actor.kind !== 'tenant', notBefore: requestedAt + waitingMs },
      ...{ endedAt: null, endedBy: null, endedByOperator: null, legalHold: false, legalBasis },
      ...{ startedAt: null, startedBy: null, step: null, progress: {}, waitsFor: null, failure: null },
    };
    this.items = [made, ...this.items];
    return made;
  }

  async cancel(actor: Person, tenantId: TenantId, requestId: string): Promise<DeletionRequest | undefined> {
    const found = this.items.find((item) => item.tenantId === tenantId && item.requestId === requestId);
    if (found?.state !== 'requested') return undefined;
    const ended = { endedAt: this.#now(), endedBy: actor.subject, endedByOperator: actor.kind !== 'tenant' };
    const cancelled: DeletionRequest = { ...found, state: 'cancelled', ...ended };
    this.items = this.items.map((item) => (item === found ? cancelled : item));
    return cancelled;
  }

  async start(actor: StaffActor, tenantId: TenantId, requestId: string): Promise<DeletionRequest | undefined> {
    const found = this.items.find((item) => item.tenantId === tenantId && item.requestId === requestId);
    if (found === undefined) return undefined;
    const startedBy = actor.subject;
    const started: DeletionRequest = { ...found, state: 'running', step: 'close', startedAt: this.#now(), startedBy };
    this.items = this.items.map((item) => (item === found ? started : item));
    return started;
  }

  async holds(): Promise<readonly LegalHold[]> {
    return this.held;
  }

  async hold(actor: StaffActor, tenantId: TenantId, reason: string): Promise<LegalHold> {
    const hold = { tenantId, reason, setBy: actor.subject, setAt: this.#now() };
    this.held = [...this.held, hold];
    return hold;
  }

  async release(_actor: StaffActor, tenantId: TenantId): Promise<boolean> {
    const before = this.held.length;
    this.held = this.held.filter((hold) => hold.tenantId !== tenantId);
    return this.held.length < before;
  }
}

export class MemoryCertificates implements DeletionCertificates {
  items: readonly DeletionCertificate[] = [];

  async list(_actor: StaffActor, limit: number): Promise<readonly DeletionCertificate[]> {
    return this.items.slice(0, limit);
  }

  async find(_actor: StaffActor, certificateId: string): Promise<DeletionCertificate | undefined> {
    return this.items.find(({ body }) => body.certificate_id === certificateId);
  }

  async verify(actor: StaffActor, certificateId: string, tenantId: TenantId | undefined) {
    const found = await this.find(actor, certificateId);
    if (found === undefined) return undefined;
    const checks = { signatureGood: true, chained: true, auditAsLeft: true, enteredAnew: false, holds: true };
    const files = tenantId === undefined ? null : [];
    return { certificateId, checkedAt: 0, ...checks, proofs: found.body.proofs, files };
  }
}

export class MemoryEmbeds implements EmbedLedger {
  items: readonly EmbedToken[] = [];
  /** Thrown by every look, as the store does when Postgres is down. */
  failure: Error | undefined;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async issue(actor: StaffActor, wanted: NewEmbedToken): Promise<EmbedToken> {
    const made = {
      ...wanted,
      tokenId: randomUUID(),
      createdBy: actor.subject,
      createdAt: this.#now(),
      revokedAt: null,
    };
    this.items = [made, ...this.items];
    return made;
  }

  async isGood(tenantId: TenantId, tokenId: string): Promise<boolean> {
    if (this.failure !== undefined) throw this.failure;
    const found = this.items.find((item) => item.tenantId === tenantId && item.tokenId === tokenId);
    return found?.revokedAt === null;
  }

  async list(_actor: StaffActor, { tenantId, limit }: Parameters<EmbedLedger['list']>[1]) {
    return this.items.filter((item) => tenantId === undefined || item.tenantId === tenantId).slice(0, limit);
  }

  async revoke(_actor: StaffActor, tokenId: string): Promise<boolean> {
    const found = this.items.find((item) => item.tokenId === tokenId && item.revokedAt === null);
    this.items = this.items.map((item) => (item === found ? { ...item, revokedAt: this.#now() } : item));
    return found !== undefined;
  }
}
