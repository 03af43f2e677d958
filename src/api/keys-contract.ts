/** Wire types of keys and of links to sign in with. */

/** What may be shown of a key: never the key itself. */
export interface KeyItem {
  id: string;
  name: string;
  scopes: ('ingest' | 'flags' | 'scim')[];
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
  rotated_at: string | null;
  /** Until when the secret before the last rotation works beside the new one; null: it does not. */
  previous_expires_at: string | null;
  /** When that secret was last used after the rotation; about once a minute. */
  previous_last_used_at: string | null;
}

export interface KeyList {
  items: KeyItem[];
}

export interface NewKey {
  name: string;
  scopes: ('ingest' | 'flags' | 'scim')[];
  tenant_id?: string;
  service?: string;
  expires_in_seconds?: number;
}

export interface KeyRotation {
  /** How long the old secret works beside the new one; 0: it ends at once. Absent: a day. */
  grace_seconds?: number;
  /** When the key with its new secret ends; absent: when it would have ended. */
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
