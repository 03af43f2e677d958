/** Words of a customer's directory (Okta, Entra ID, …) that tells by SCIM 2.0 who its people are. RFC 7643, RFC 7644. */
import { TenantryError } from './errors.ts';
import { TENANT_ROLES, type TenantRole } from './roles.ts';
import type { TenantId } from './tenant-id.ts';

/** People that one directory may tell of; the filters of a list are worked out in memory. */
export const SCIM_USERS_MAX = 5_000;
export const SCIM_GROUPS_MAX = 1_000;
/** Of all groups together: a list of groups holds all of them in memory, some 100 bytes each. */
export const SCIM_MEMBERSHIPS_MAX = 50_000;
export const ROLE_RULES_MAX = 200;

interface ScimName {
  readonly formatted?: string;
  readonly familyName?: string;
  readonly givenName?: string;
  readonly middleName?: string;
  readonly honorificPrefix?: string;
  readonly honorificSuffix?: string;
}

export interface ScimEmail {
  readonly value: string;
  readonly type?: string;
  readonly display?: string;
  readonly primary?: boolean;
}

/** What is kept of what a directory says of a person; everything else that it sends is let go. */
export interface ScimUserContent {
  readonly userName: string;
  readonly externalId?: string;
  readonly displayName?: string;
  readonly name?: ScimName;
  readonly emails: readonly ScimEmail[];
  readonly active: boolean;
}

/** Times are Unix ms. */
export interface ScimUser extends ScimUserContent {
  readonly id: string;
  readonly tenantId: TenantId;
  /** Grows with every change. */
  readonly version: number;
  readonly createdAt: number;
  readonly changedAt: number;
  readonly groups: readonly { readonly id: string; readonly displayName: string }[];
}

export interface ScimGroupContent {
  readonly displayName: string;
  readonly externalId?: string;
  /** Ids of users, each once. */
  readonly members: readonly string[];
}

export interface ScimGroup extends ScimGroupContent {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly version: number;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** What narrows a list in the store before its filter is worked out; each alone can only leave out what cannot match. */
export interface ScimNarrowing {
  readonly id?: string;
  readonly externalId?: string;
  /** Compared without regard to case. */
  readonly userName?: string;
  readonly displayName?: string;
}

export const RULE_MATCHES = ['display_name', 'external_id'] as const;

/** Who is in the group that matches gets the role. */
export interface RoleRule {
  /** Names are compared without regard to case, ids as they are. */
  readonly match: (typeof RULE_MATCHES)[number];
  readonly value: string;
  readonly role: TenantRole;
}

export interface RoleMapping {
  /** Empty: the directory gives no roles, it only takes access away. */
  readonly rules: readonly RoleRule[];
  /**
   * The directory alone decides: who has no role by the rules has no access, and its last admin may go. Without it, roles
   * that people have from elsewhere count too, and the last admin of the tenant is kept: nobody in the directory need be
   * able to name another one.
   */
  readonly authoritative: boolean;
}

export const NO_MAPPING: RoleMapping = { rules: [], authoritative: false };

/** How a tenant's directory stands. Times are Unix ms. */
export interface ScimDirectory extends RoleMapping {
  readonly tenantId: TenantId;
  /** Compare-and-set; 0: nobody has set rules yet. */
  readonly revision: number;
  readonly setBy: string | null;
  readonly setByOperator: boolean;
  readonly setAt: number | null;
  readonly users: number;
  readonly activeUsers: number;
  readonly usersWithRole: number;
  readonly groups: readonly (Pick<ScimGroup, 'id' | 'displayName' | 'externalId'> & { readonly members: number })[];
  /** When the directory last called, as noted about once a minute; null: never, or with keys that are gone. */
  readonly lastContactAt: number | null;
  /** When it last changed somebody or something. */
  readonly lastChangeAt: number | null;
}

/** What the directory says of the person behind a token. */
export type ScimStanding =
  /** Nothing: not known to it, or the tenant has none; and it does not alone give roles. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ended' }
  /** Without a role, or not known at all, although the directory alone gives roles. */
  | { readonly kind: 'no_role' }
  /** Known; `most`: the highest role that the person may use, absent: the directory says nothing of roles. */
  | { readonly kind: 'active'; readonly most?: TenantRole };

function fits(group: Pick<ScimGroup, 'displayName' | 'externalId'>, { match, value }: RoleRule): boolean {
  return match === 'external_id' ? group.externalId === value : group.displayName.toLowerCase() === value.toLowerCase();
}

/** The highest role that any of the groups gives; undefined: none of them gives one. */
export function roleOf(
  groups: readonly Pick<ScimGroup, 'displayName' | 'externalId'>[],
  rules: readonly RoleRule[],
): TenantRole | undefined {
  const given = rules.filter((rule) => groups.some((group) => fits(group, rule))).map(({ role }) => role);
  return TENANT_ROLES.find((role) => given.includes(role));
}

/** The lower of two roles. */
export function lowerRole(one: TenantRole, other: TenantRole): TenantRole {
  return TENANT_ROLES.indexOf(one) >= TENANT_ROLES.indexOf(other) ? one : other;
}

/** Somebody or something else of the same directory has the name already. */
export class ScimClash extends TenantryError {
  constructor(detail: string) {
    super('CONFLICT', detail);
  }
}

/** What the store needs of a user to say which member stands for the person, and with which role. */
export interface MemberClaim {
  readonly userId: string;
  readonly email: string;
  /** undefined: no access, or none of the groups gives a role. */
  readonly role: TenantRole | undefined;
}

/** Those who gain come before those who lose, so that a last admin may go in the moment in which another one comes. */
export function gainsFirst<Claim extends Pick<MemberClaim, 'role'>>(claims: readonly Claim[]): readonly Claim[] {
  const rank = ({ role }: Claim) => (role === undefined ? TENANT_ROLES.length : TENANT_ROLES.indexOf(role));
  return claims.toSorted((one, other) => rank(one) - rank(other));
}

const ADDRESS = /^[^\s@]+@[^\s@]+$/;

/** Where a person is listed among members: the primary address, else the first, else the user name if it is one. */
export function addressOf({ emails, userName }: Pick<ScimUserContent, 'emails' | 'userName'>): string | undefined {
  const chosen = emails.find(({ primary }) => primary === true) ?? emails[0];
  const text = chosen?.value ?? userName;
  return ADDRESS.test(text) && text.length <= 254 ? text.toLowerCase() : undefined;
}
