/** Wire types of tokens for frames in the operator's product; times are RFC 3339. */
type EmbedViewName = 'usage' | 'quotas' | 'spend' | 'limits' | 'performance';

export interface NewEmbedTokenBody {
  tenant_id: string;
  user?: string;
  /** 60 to 3600; default 900. */
  expires_in_seconds?: number;
  /** Default all. */
  views?: EmbedViewName[];
}

export interface EmbedTokenItem {
  id: string;
  tenant_id: string;
  user: string | null;
  views: EmbedViewName[];
  created_by: string;
  created_at: string;
  expires_at: string;
  revoked_at: string | null;
}

export interface CreatedEmbedToken extends EmbedTokenItem {
  /** Shown this once. */
  token: string;
}

export interface EmbedTokenList {
  items: EmbedTokenItem[];
}
