/** What the audit log holds, and what of it a tenant may read about itself. Pure. */
import { isStaffRole, isTenantRole } from './roles.ts';
import type { TenantId } from './tenant-id.ts';
import type { Window } from './window.ts';

export interface AuditRecord {
  /** Grows with time; gaps are rolled-back transactions. */
  readonly seq: number;
  /** Unix ms. */
  readonly at: number;
  readonly subject: string;
  /** A role of staff or of a tenant, or `system`. */
  readonly role: string;
  readonly tenantId: TenantId | null;
  /** `<noun>.<verb>`: `throttle.create`. */
  readonly action: string;
  readonly resource: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly requestId: string | null;
}

export interface AuditQuestion {
  readonly window: Window;
  readonly tenantId?: TenantId | undefined;
  /** The subject, whole. */
  readonly actor?: string | undefined;
  /** `throttle.create`, or `throttle` for all that is done to throttles. */
  readonly action?: string | undefined;
  /** Part of subject, action, resource, tenant, request id, or of what was before and after; case does not matter. */
  readonly search?: string | undefined;
  /** Only records older than this one; for paging. */
  readonly beforeSeq?: number | undefined;
  readonly limit: number;
}

/** A place in the chain of the log and the hash (hex) there. */
export interface AuditHead {
  readonly position: number;
  readonly hash: string;
}

/** Whether what a file holds is a head. */
export function isAuditHead(value: unknown): value is AuditHead {
  if (typeof value !== 'object' || value === null || !('position' in value) || !('hash' in value)) return false;
  return Number.isSafeInteger(value.position) && typeof value.hash === 'string' && /^[0-9a-f]{64}$/.test(value.hash);
}

/** What does not fit in the chain: where (null: nowhere in particular), which record, and in plain words what. */
export interface AuditChainProblem {
  readonly kind: 'edited' | 'missing' | 'unchained' | 'truncated' | 'rewritten';
  readonly position: number | null;
  readonly id: string | null;
  readonly detail: string;
}

/** What is known of the chain. */
export interface AuditChainState {
  /** `checking`: a check is under way, and all else is of the one before. */
  readonly state: 'intact' | 'broken' | 'checking' | 'unchecked';
  /** Unix ms; null: no check has ended since the server started. */
  readonly checkedAt: number | null;
  readonly entries: number;
  readonly progress: { readonly checked: number; readonly total: number } | null;
  /** The first hundred. */
  readonly problems: readonly AuditChainProblem[];
  readonly problemsTotal: number;
  readonly head: AuditHead | null;
}

/**
 * The nouns whose records a tenant's admin may read. All else that names a tenant is the operator's own business: prices,
 * contracts, margins, signals for sales, stages of the policy, who sees to the account.
 */
export const TENANT_AUDIT_NOUNS = [
  'throttle',
  'breaker',
  'degrade',
  'cap',
  'key',
  'member',
  'deletion',
  'export',
  'embed_token',
  'scim_user',
  'scim_group',
  'scim_mapping',
] as const;

/** Of what a key of the tenant's own did; its subject is the key's id. */
export const TENANT_KEY_ROLE = 'key';

/** Names of members that say who of the operator's people did something. */
const NAMES_PEOPLE = /(?:^|_)by$|By$|^(?:subject|owner|actor)$/;

function withoutPeople(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPeople);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !NAMES_PEOPLE.test(name));
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutPeople(inner)]));
}

/** A record as the tenant that it is about may read it: its own people by name, the operator's not. */
export function auditForTenant(record: AuditRecord): AuditRecord {
  if (isTenantRole(record.role) || record.role === TENANT_KEY_ROLE) return record;
  const role = isStaffRole(record.role) ? 'operator' : 'system';
  return {
    ...record,
    ...{ subject: role, role, before: withoutPeople(record.before), after: withoutPeople(record.after) },
  };
}
