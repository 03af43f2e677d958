import type { Actor, StaffActor, TenantActor } from '../domain/actor.ts';
import type { DeletionRequest, LegalHold } from '../domain/deletion.ts';
import type { CertificateCheck, DeletionCertificate } from '../domain/deletion-certificate.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface DeletionTerms {
  readonly waitingDays: number;
  /** Requests are carried out when they are due; false: when an admin starts them. */
  readonly automatic: boolean;
}

export interface Deletions {
  readonly terms: DeletionTerms;
  /** Newest first. Tenant actors get their own only, whatever they ask for. */
  list(
    actor: Actor,
    filter: { readonly tenantId: TenantId | undefined; readonly openOnly: boolean; readonly limit: number },
  ): Promise<readonly DeletionRequest[]>;
  /** Closes the tenant, deletes nothing. @throws TenantryError CONFLICT under a legal hold, and when one stands already */
  request(
    actor: StaffActor | TenantActor,
    tenantId: TenantId,
    wish: { readonly reason: string; readonly legalBasis: string; readonly waitingMs: number },
  ): Promise<DeletionRequest>;
  /**
   * Undefined if there is none that stands.
   * @throws TenantryError CONFLICT when a tenant's person comes too late, or when it has begun
   */
  cancel(actor: StaffActor | TenantActor, tenantId: TenantId, requestId: string): Promise<DeletionRequest | undefined>;
  /**
   * Begins a request that is due, or goes on with one that failed. Undefined if the tenant has none with this id.
   * @throws TenantryError CONFLICT too early, under a legal hold, or in another state
   */
  start(actor: StaffActor, tenantId: TenantId, requestId: string): Promise<DeletionRequest | undefined>;
  holds(actor: StaffActor): Promise<readonly LegalHold[]>;
  /** Enters the tenant if it is new; takes the place of a hold that is there. */
  hold(actor: StaffActor, tenantId: TenantId, reason: string): Promise<LegalHold>;
  /** False if there was none. */
  release(actor: StaffActor, tenantId: TenantId): Promise<boolean>;
}

export interface DeletionCertificates {
  /** Newest first. */
  list(actor: StaffActor, limit: number): Promise<readonly DeletionCertificate[]>;
  find(actor: StaffActor, certificateId: string): Promise<DeletionCertificate | undefined>;
  /**
   * Asks every proof again, now. Undefined if there is no such certificate.
   * @param tenantId to search files, too
   * @throws TenantryError BAD_REQUEST when the certificate is not that tenant's, CONFLICT when another key made it
   */
  verify(
    actor: StaffActor,
    certificateId: string,
    tenantId: TenantId | undefined,
  ): Promise<CertificateCheck | undefined>;
}
