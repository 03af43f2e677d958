/** Wire types of keys and of links to sign in with. */

/** What may be shown of a key: never the key itself. */
export interface KeyItem {
  id: string;
  name: string;
  scopes: ('ingest' | 'flags')[];
  /** The one tenant that the key may speak for; null: every tenant. */
  tenant_id: string | null;
  service: string | null;
  created_by: string;
  created_at: string;
  /** null: until it is revoked. */
  expires_at: string | null;
  revoked_at: string | null;
  /** Noted about once a minute. */
  last_used_at: string | null;
  status: 'active' | 'expired' | 'revoked';
}

export interface KeyList {
  items: KeyItem[];
}

export interface NewKey {
  name: string;
  scopes: ('ingest' | 'flags')[];
  tenant_id?: string;
  service?: string;
  expires_in_seconds?: number;
}

export interface CreatedKey extends KeyItem {
  /** The key itself, shown this once: only its hash is kept. */
  key: string;
}

export interface NewSignInLink {
  role: 'admin' | 'sre' | 'sales' | 'automation' | 'tenant_admin' | 'member' | 'viewer';
  /** Needed for the roles of a tenant, refused for staff. */
  tenant_id?: string;
}

export interface SignInLink {
  link: string;
  expires_at: string;
}
