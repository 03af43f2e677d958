/** Everybody who can ask: those who are somebody, and those who only say so. */

import { SESSION_COOKIE } from '../../src/api/authenticate.ts';
import { EMBED_ROUTES } from '../../src/api/embed-views.ts';
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { KEY_SCOPES, STAFF_ROLES, TENANT_ROLES } from '../../src/domain/roles.ts';
import { STAFF_WORD } from './access-seed.ts';
import type { AccessWorld } from './access-world.ts';
import type { Row } from './api-good-requests.ts';
import { ADMIN_TOKEN, bearer, OWN } from './api-harness.ts';

export type Credentials = Readonly<Record<string, string>>;

export interface AccessCaller {
  /** For people, and for the summary. */
  readonly name: string;
  readonly credentials: Credentials;
  /** Credentials that stand for the tenant OWN. */
  readonly isBound: boolean;
  /** Another way to be one of the others: asked about the own tenant only, as the way makes no other difference. */
  readonly isAlias?: true;
  /** What the permission table says. */
  may(row: Row): boolean;
}

function mayRole(role: string) {
  return (row: Row) => {
    const access = PERMISSIONS[row];
    return access === 'public' || access.roles.some((name) => name === role);
  };
}

function mayKey(scopes: readonly string[]) {
  return (row: Row) => {
    const access = PERMISSIONS[row];
    return access === 'public' || access.keyScopes.some((scope) => scopes.includes(scope));
  };
}

/** A token for a frame is a viewer who sees what its views show. */
function mayFrame(views: readonly (keyof typeof EMBED_ROUTES)[]) {
  const open: readonly string[] = ['GET /v1/whoami', ...views.flatMap((view) => EMBED_ROUTES[view])];
  return (row: Row) => PERMISSIONS[row] === 'public' || (mayRole('viewer')(row) && open.includes(row));
}

export function session(token: string): Credentials {
  return { cookie: `${SESSION_COOKIE}=${token}`, 'x-tenantry-csrf': '1' };
}

/** @throws Error where people sign in elsewhere */
export function issuerOf({ server }: AccessWorld) {
  if (server.issuer === undefined) throw new Error('the server has no issuer for sessions');
  return server.issuer;
}

async function frameToken(world: AccessWorld, views: readonly string[]): Promise<Credentials> {
  const { token } = await world.must<{ token: string }>('POST', '/v1/embed-tokens', { tenant_id: OWN, views });
  return bearer(token);
}

async function keyCaller(world: AccessWorld, scopes: readonly string[], tenant?: string): Promise<AccessCaller> {
  const isBound = tenant !== undefined;
  const wanted = { name: 'matrix', scopes, ...(isBound ? { tenant_id: tenant } : {}) };
  const { key } = await world.must<{ key: string }>('POST', '/v1/keys', wanted);
  const name = `key ${scopes.join('+')}${isBound ? ', bound' : ''}`;
  return { name, isBound, may: mayKey(scopes), credentials: { 'x-tenantry-key': key } };
}

/** Every role in each way that it can show itself, every kind of key, and frames. */
export async function accessCallers(world: AccessWorld): Promise<AccessCaller[]> {
  const issuer = issuerOf(world);
  const callers: AccessCaller[] = [
    { name: 'admin token', isBound: false, isAlias: true, may: mayRole('admin'), credentials: bearer(ADMIN_TOKEN) },
  ];
  for (const role of STAFF_ROLES) {
    const who = { isBound: false, may: mayRole(role) };
    const token = await world.token({ role, sub: `ann.${STAFF_WORD}.${role}` });
    callers.push({ ...who, name: role, credentials: bearer(token) });
    callers.push({
      ...who,
      name: `${role}, session`,
      isAlias: true,
      credentials: session(await issuer.issueToken(role)),
    });
  }
  for (const role of TENANT_ROLES) {
    const who = { isBound: true, may: mayRole(role) };
    const token = await world.token({ role, tenant_id: OWN });
    callers.push({ ...who, name: role, credentials: bearer(token) });
    callers.push({
      ...who,
      name: `${role}, session`,
      isAlias: true,
      credentials: session(await issuer.issueToken(role, OWN)),
    });
  }
  // A directory speaks for one tenant, so its keys are always bound.
  for (const scopes of [...KEY_SCOPES.map((scope) => [scope]), ['ingest', 'flags']]) {
    if (!scopes.includes('scim')) callers.push(await keyCaller(world, scopes));
    callers.push(await keyCaller(world, scopes, OWN));
  }
  for (const views of [['usage', 'quotas', 'spend', 'limits', 'performance'], ['quotas']] as const) {
    const name = views.length > 1 ? 'frame' : `frame, ${views.join('+')}`;
    callers.push({ name, isBound: true, may: mayFrame(views), credentials: await frameToken(world, views) });
  }
  return callers;
}
