/** Words of frames: a tenant's usage inside the operator's own product. */
import type { TenantId } from './tenant-id.ts';

/** Parts of the usage page that a token can open. */
export const EMBED_VIEWS = ['usage', 'quotas', 'spend', 'limits', 'performance'] as const;
export type EmbedView = (typeof EMBED_VIEWS)[number];

export function isEmbedView(text: unknown): text is EmbedView {
  return EMBED_VIEWS.some((view) => view === text);
}

/** A token that was given out. Times are Unix ms. */
export interface EmbedToken {
  readonly tokenId: string;
  readonly tenantId: TenantId;
  /** The operator's name for whoever looks; null: nobody in particular. */
  readonly user: string | null;
  readonly views: readonly EmbedView[];
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

export interface NewEmbedToken {
  readonly tenantId: TenantId;
  readonly user: string | null;
  readonly views: readonly EmbedView[];
  /** Unix ms. */
  readonly expiresAt: number;
}
