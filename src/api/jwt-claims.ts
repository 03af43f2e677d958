/** Where tokens of the usual identity providers say who somebody is, and what of it is believed. */
import type { JWTPayload } from 'jose';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import {
  isStaffRole,
  isTenantRole,
  type Role,
  type StaffRole,
  TENANT_ROLES,
  type TenantRole,
} from '../domain/roles.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';

type JwtShape = 'plain' | 'clerk' | 'auth0' | 'keycloak';

/** Member names from the outermost to the innermost. */
type ClaimPath = readonly string[];

/** What a verified token says. */
export interface Grant {
  readonly actor: Extract<Actor, { kind: 'staff' | 'tenant' }>;
  /** Every tenant that the token lists for this person; the actor's is the active one of them. */
  readonly tenants?: readonly TenantId[];
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/** For each question the claims that may answer it; the first that is there does. */
export interface ClaimRules {
  readonly user: readonly ClaimPath[];
  readonly tenant: readonly ClaimPath[];
  readonly tenants: readonly ClaimPath[];
  readonly role: readonly ClaimPath[];
  readonly staffRole: readonly ClaimPath[];
  /** The provider's names of tenant roles beside our own. */
  readonly tenantRoles: ReadonlyMap<string, TenantRole>;
  /** The operator's own translation, which goes before every other. */
  readonly roleMap: ReadonlyMap<string, Role>;
}

export interface ClaimSettings {
  readonly shape: JwtShape;
  /** Of Auth0's custom claims, which must have one. */
  readonly namespace: string;
  /** Of the client, whose roles Keycloak keeps under its name. */
  readonly audience: string;
  /** Names of claims, or paths to them with dots; empty: those of the shape. */
  readonly user: readonly string[];
  readonly tenant: readonly string[];
  readonly tenants: readonly string[];
  readonly role: readonly string[];
  readonly staffRole: readonly string[];
  readonly roleMap: ReadonlyMap<string, Role>;
}

type Shape = Omit<ClaimRules, 'roleMap' | 'user'>;

const OUR_NAMES = new Map<string, TenantRole>(TENANT_ROLES.map((role) => [role, role]));
/** Where "admin" can only mean that of one customer: the claim exists for members of an organisation alone. */
const ADMINS_TOO = new Map<string, TenantRole>([...OUR_NAMES, ['admin', 'tenant_admin']]);

/**
 * Except in the plain shape, staff roles have a claim of their own: a customer names the roles of its own organisation,
 * and one named "admin" or "sre" must not open everything.
 */
function shapeOf({ shape, namespace, audience }: Pick<ClaimSettings, 'shape' | 'namespace' | 'audience'>): Shape {
  switch (shape) {
    case 'plain':
      return {
        tenant: [['tenant_id']],
        tenants: [['tenants']],
        role: [['role']],
        staffRole: [['role']],
        tenantRoles: OUR_NAMES,
      };
    case 'clerk': {
      // Version 1 of the session token has `org_…`, version 2 one object `o`, and roles without the prefix.
      const prefixed = [...ADMINS_TOO].map(([name, role]): [string, TenantRole] => [`org:${name}`, role]);
      return {
        tenant: [['org_id'], ['o', 'id']],
        tenants: [['organizations']],
        role: [['org_role'], ['o', 'rol']],
        staffRole: [['tenantry_role'], ['metadata', 'tenantry_role']],
        tenantRoles: new Map([...ADMINS_TOO, ...prefixed]),
      };
    }
    case 'auth0':
      return {
        tenant: [[`${namespace}tenant_id`], ['org_id']],
        tenants: [[`${namespace}tenants`]],
        role: [[`${namespace}role`], [`${namespace}roles`]],
        staffRole: [[`${namespace}staff_role`]],
        tenantRoles: ADMINS_TOO,
      };
    case 'keycloak':
      return {
        tenant: [['tenant_id'], ['active_organization']],
        tenants: [['organization']],
        role: [
          ['resource_access', audience, 'roles'],
          ['realm_access', 'roles'],
        ],
        // Roles of the realm are shared with the operator's own apps, in which "admin" is somebody else.
        staffRole: [['resource_access', audience, 'roles']],
        tenantRoles: OUR_NAMES,
      };
  }
}

/** A claim of exactly this name goes before a path: names of claims may hold dots, as those that are addresses do. */
function toPaths(names: readonly string[]): ClaimPath[] {
  return names.flatMap((name) => (name.includes('.') ? [[name], name.split('.')] : [[name]]));
}

/** @throws nothing: what a setting may be is checked where settings are read */
export function claimRules(settings: ClaimSettings): ClaimRules {
  const shape = shapeOf(settings);
  const chosen = (names: readonly string[], usual: readonly ClaimPath[]) => (names.length > 0 ? toPaths(names) : usual);
  return {
    user: chosen(settings.user, [['sub']]),
    tenant: chosen(settings.tenant, shape.tenant),
    tenants: chosen(settings.tenants, shape.tenants),
    role: chosen(settings.role, shape.role),
    staffRole: chosen(settings.staffRole, shape.staffRole),
    tenantRoles: shape.tenantRoles,
    roleMap: settings.roleMap,
  };
}

export const PLAIN_CLAIMS: ClaimRules = { user: [['sub']], roleMap: new Map(), ...shapeOf(plainSettings()) };

function plainSettings() {
  return { shape: 'plain', namespace: '', audience: '' } as const;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(claims: unknown, path: ClaimPath): unknown {
  return path.reduce<unknown>(
    (value, name) => (isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    claims,
  );
}

function firstOf(claims: JWTPayload, paths: readonly ClaimPath[]): unknown {
  for (const path of paths) {
    const value = at(claims, path);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** Roles from several claims add up, as a person's roles in a realm and in one of its clients do. */
function namesAt(claims: JWTPayload, paths: readonly ClaimPath[]): string[] {
  return paths
    .flatMap((path) => {
      const value = at(claims, path);
      return Array.isArray(value) ? (value as unknown[]) : [value];
    })
    .filter((name) => typeof name === 'string');
}

/** What is wrong with a token whose signature is good: its holder may know, in our words and with nothing of the token. */
function unreadable(detail: string, setting: string, paths: readonly ClaimPath[]): TenantryError {
  const places = paths.map((path) => path.join('.')).join(', ');
  return new TenantryError('UNAUTHENTICATED', `The token is genuine, but ${detail}.`, {
    hint: `Looked for in ${places} (${setting}).`,
  });
}

function subjectOf(claims: JWTPayload, { user }: ClaimRules): string {
  const subject = firstOf(claims, user);
  // OpenID Connect bounds `sub` at 255; it becomes part of log lines and of the audit log.
  if (typeof subject === 'string' && /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(subject)) return subject;
  throw unreadable('it does not say whose it is', 'TENANTRY_JWT_USER_CLAIM', user);
}

function staffRoleOf(claims: JWTPayload, { staffRole: paths, roleMap }: ClaimRules): StaffRole | undefined {
  const named = namesAt(claims, paths).map((name) => roleMap.get(name) ?? name);
  const roles = [...new Set(named.filter(isStaffRole))];
  // They are no ladder: each but admin may do what the others may not.
  if (roles.length > 1 && !roles.includes('admin')) {
    throw unreadable('it names several staff roles', 'TENANTRY_JWT_STAFF_CLAIM', paths);
  }
  return roles.includes('admin') ? 'admin' : roles[0];
}

function tenantRoleOf(claims: JWTPayload, { role: paths, roleMap, tenantRoles }: ClaimRules): TenantRole {
  const named = namesAt(claims, paths).map((name) => roleMap.get(name) ?? tenantRoles.get(name) ?? '');
  const roles = named.filter(isTenantRole);
  const strongest = TENANT_ROLES.find((role) => roles.includes(role));
  if (strongest !== undefined) return strongest;
  throw unreadable('it names no role that is known here', 'TENANTRY_JWT_ROLE_CLAIM, TENANTRY_JWT_ROLE_MAP', paths);
}

/** A list of ids, or an object with ids as its names, which is how Keycloak lists organisations; undefined: none. */
function tenantsOf(claims: JWTPayload, { tenants: paths }: ClaimRules): TenantId[] | undefined {
  const value = firstOf(claims, paths);
  if (value === undefined) return undefined;
  const listed = isRecord(value) ? Object.keys(value) : [value].flat();
  const tenants = listed.map(parseTenantId).filter((id) => id !== undefined);
  if (tenants.length === listed.length) return tenants;
  throw unreadable('its list of tenants holds something that is no tenant id', 'TENANTRY_JWT_TENANTS_CLAIM', paths);
}

/** The active tenant: the one that the token says is, or the only one that it lists. */
function tenantOf(claims: JWTPayload, rules: ClaimRules, listed: readonly TenantId[]): TenantId | undefined {
  const named = firstOf(claims, rules.tenant);
  const wrong = (detail: string) => unreadable(detail, 'TENANTRY_JWT_TENANT_CLAIM', rules.tenant);
  if (named === undefined) {
    if (listed.length > 1) throw wrong('it lists several tenants and does not say which is the active one');
    return listed[0];
  }
  const tenantId = parseTenantId(named);
  if (tenantId === undefined) throw wrong('what it names as its tenant is no tenant id');
  if (listed.length > 0 && !listed.includes(tenantId)) throw wrong('its active tenant is none of those that it lists');
  return tenantId;
}

/**
 * The caller that verified claims describe: user and role, and for tenant roles the one tenant. A staff role beside a
 * tenant is refused: such a token comes from an issuer that means "admin of this tenant", not "our staff".
 * @throws TenantryError UNAUTHENTICATED saying what is missing, without anything of the token
 */
export function grantOf(claims: JWTPayload, rules: ClaimRules): Grant {
  const subject = subjectOf(claims, rules);
  const expiresAt = (claims.exp ?? 0) * SECOND_MS;
  const staffRole = staffRoleOf(claims, rules);
  const listed = tenantsOf(claims, rules);
  const tenantId = tenantOf(claims, rules, listed ?? []);
  const tenants = listed === undefined ? {} : { tenants: listed };
  if (staffRole !== undefined) {
    if (tenantId === undefined) return { actor: { kind: 'staff', subject, role: staffRole }, ...tenants, expiresAt };
    throw unreadable('it names a staff role and a tenant', 'TENANTRY_JWT_STAFF_CLAIM', rules.staffRole);
  }
  const role = tenantRoleOf(claims, rules);
  if (tenantId === undefined) throw unreadable('it names no tenant', 'TENANTRY_JWT_TENANT_CLAIM', rules.tenant);
  return { actor: { kind: 'tenant', subject, role, tenantId }, ...tenants, expiresAt };
}
