import type { Actor, StaffActor, TenantActor } from '../domain/actor.ts';
import type { ExportQuestion, RestoreQuestion, TenantExport, TenantRestore } from '../domain/tenant-archive.ts';
import type { TenantId } from '../domain/tenant-id.ts';

/** A finished export as one file. */
interface ExportFile {
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface TenantArchives {
  /** @throws TenantryError NOT_FOUND for a tenant that nobody has entered, CONFLICT while one is under way */
  askExport(actor: StaffActor | TenantActor, question: ExportQuestion): Promise<TenantExport>;
  /** Newest first. Tenant actors get their own only, whatever they ask for. */
  exports(
    actor: Actor,
    filter: { readonly tenantId: TenantId | undefined; readonly limit: number },
  ): Promise<readonly TenantExport[]>;
  /** Undefined also for one of a tenant that the actor may not see. */
  findExport(actor: Actor, id: string): Promise<TenantExport | undefined>;
  /** Undefined if it is over and its files are gone. */
  cancelExport(actor: StaffActor | TenantActor, id: string): Promise<TenantExport | undefined>;
  /** Undefined if there is no such export, or none that is done. @throws TenantryError CONFLICT on another server */
  download(actor: StaffActor | TenantActor, id: string): Promise<ExportFile | undefined>;
  /** @throws TenantryError BAD_REQUEST for what is no archive, NOT_FOUND without one, CONFLICT while one is under way */
  askRestore(actor: StaffActor, question: RestoreQuestion): Promise<TenantRestore>;
  /** Newest first. */
  restores(actor: StaffActor, limit: number): Promise<readonly TenantRestore[]>;
  findRestore(actor: StaffActor, id: string): Promise<TenantRestore | undefined>;
}
