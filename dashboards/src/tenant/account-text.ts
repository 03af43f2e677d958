import type { MemberItem } from '../../../src/api/members-contract.ts';
import { isTenantRole, type TenantRole } from '../../../src/domain/roles.ts';

export const ROLE_WORDS: Readonly<Record<TenantRole, string>> = {
  tenant_admin: 'Admin: sees usage, keeps members and keys',
  member: 'Member: sees usage',
  viewer: 'Viewer: sees usage',
};

export const ROLE_NAMES: Readonly<Record<TenantRole, string>> = {
  tenant_admin: 'Admin',
  member: 'Member',
  viewer: 'Viewer',
};

export const STATE_WORDS: Readonly<Record<MemberItem['state'], string>> = {
  invited: 'Invited',
  active: 'Active',
  removed: 'Removed',
};

export function isMemberRole(text: string): text is TenantRole {
  return isTenantRole(text);
}

/** Lives that keys are offered with, in seconds; empty: until it is revoked. */
export const KEY_LIVES: readonly (readonly [string, string])[] = [
  ['2592000', '30 days'],
  ['7776000', '90 days'],
  ['31536000', 'A year'],
  ['', 'Until it is revoked'],
];
