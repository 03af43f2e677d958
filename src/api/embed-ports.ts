import type { StaffActor } from '../domain/actor.ts';
import type { EmbedToken, NewEmbedToken } from '../domain/embed.ts';
import type { TenantId } from '../domain/tenant-id.ts';

/** Which tokens of frames were given out, and which of them were taken back. */
export interface EmbedLedger {
  /** Enters the tenant if it is new. */
  issue(actor: StaffActor, wanted: NewEmbedToken): Promise<EmbedToken>;
  /** Whether the token was given out and not taken back. */
  isGood(tenantId: TenantId, tokenId: string): Promise<boolean>;
  /** Those that have not expired, newest first. */
  list(
    actor: StaffActor,
    filter: { readonly tenantId: TenantId | undefined; readonly limit: number },
  ): Promise<readonly EmbedToken[]>;
  /** False if there is none that was not taken back before. */
  revoke(actor: StaffActor, tokenId: string): Promise<boolean>;
}

/** What tokens of frames are signed with; of their own, so that nothing else that is signed here opens a frame. */
export interface EmbedKeys {
  readonly current: { readonly id: string; readonly secret: Uint8Array };
  /** Undefined for a key that is not here any more. */
  find(id: string): Uint8Array | undefined;
}
