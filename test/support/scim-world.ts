import type { MemberItem } from '../../src/api/members-contract.ts';
import type { DirectoryItem, RoleRulesBody } from '../../src/api/scim-contract.ts';
import { startDirectories } from '../../src/app/scim.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { ChangeListener } from '../../src/store/postgres/change-listener.ts';
import { KeyStore } from '../../src/store/postgres/key-store.ts';
import { MemberStore } from '../../src/store/postgres/member-store.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, startApi } from './api-harness.ts';
import { createMemoryPorts } from './api-ports.ts';
import { silentLog, startTestPostgres, type TestPostgres } from './postgres.ts';

export const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const SCIM_JSON = 'application/scim+json; charset=utf-8';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface ScimAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The body, as loosely typed as tests read it. */
  // biome-ignore lint/suspicious/noExplicitAny: SCIM bodies of every kind are looked into
  readonly json: any;
}

/** A tenant with a directory that is connected by a key of its own, on the real store. */
export interface ScimTenant {
  readonly id: TenantId;
  readonly keyId: string;
  readonly key: string;
  ask(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<ScimAnswer>;
  /** Makes a user of which only the name matters. */
  user(userName: string, more?: object): Promise<string>;
  group(displayName: string, members?: readonly string[]): Promise<string>;
  patch(path: string, ...operations: object[]): Promise<ScimAnswer>;
  map(rules: RoleRulesBody['rules'], authoritative?: boolean): Promise<DirectoryItem>;
  /** Address and role of those who are members. */
  members(): Promise<Record<string, string>>;
  /** Status and role of a token whose subject this is. */
  signIn(subject: string, role?: 'tenant_admin' | 'member' | 'viewer'): Promise<[number, string | undefined]>;
}

export interface ScimWorld {
  readonly db: TestPostgres;
  readonly api: ApiUnderTest;
  readonly audit: AuditLog;
  readonly members: MemberStore;
  tenant(): Promise<ScimTenant>;
  stop(): Promise<void>;
}

/** The API over a real PostgreSQL, as far as directories, members and keys go. */
export async function startScimWorld(): Promise<ScimWorld> {
  const db = await startTestPostgres();
  const directory = new TenantDirectory(db.postgres);
  // Not started: one server sees its own changes of keys at once.
  const changes = new ChangeListener({ url: db.appUrl, log: silentLog, pollMs: 600_000 });
  const keys = new KeyStore({ postgres: db.postgres, changes, bootstrapKeys: [], log: silentLog });
  await keys.refresh();
  const members = new MemberStore(db.postgres, directory);
  const parts = startDirectories({ postgres: db.postgres, directory });
  const api = await startApi({ ports: { ...createMemoryPorts(Date.now), keys, keyAdmin: keys, members, ...parts } });
  let count = 0;
  return {
    ...{ db, api, members, audit: new AuditLog(db.postgres) },
    tenant: async () => {
      count += 1;
      return connect(api, `tenant-${count}` as TenantId);
    },
    stop: async () => {
      await api.close();
      await db.stop();
    },
  };
}

async function connect(api: ApiUnderTest, id: TenantId): Promise<ScimTenant> {
  const inject = async (method: Method, url: string, headers: Record<string, string>, body?: unknown) => {
    const payload = body === undefined ? {} : { payload: JSON.stringify(body) };
    const answer = await api.app.inject({ method, url, headers, ...payload });
    const { statusCode: status, body: text } = answer;
    return { status, headers: answer.headers, text, json: text === '' ? undefined : JSON.parse(text) };
  };
  const admin = await api.issuer.issueToken('tenant_admin', id);
  const asPerson = (method: Method, url: string, body?: unknown) =>
    inject(method, url, { ...bearer(admin), 'content-type': 'application/json' }, body);
  const made = await asPerson('POST', '/v1/keys', { name: 'Directory', scopes: ['scim'] });
  if (made.status !== 201) throw new Error(`no key was made: ${made.text}`);
  const { id: keyId, key } = made.json;

  const ask: ScimTenant['ask'] = (method, path, body, headers = {}) =>
    inject(method, `/scim/v2${path}`, { ...bearer(key), 'content-type': SCIM_JSON, ...headers }, body);
  const idOf = async (answer: Promise<ScimAnswer>): Promise<string> => {
    const { status, text, json } = await answer;
    if (status !== 201) throw new Error(`not made: ${text}`);
    return json.id;
  };
  return {
    ...{ id, keyId, key, ask },
    user: (userName, more = {}) => idOf(ask('POST', '/Users', { userName, ...more })),
    group: (displayName, members = []) =>
      idOf(ask('POST', '/Groups', { displayName, members: members.map((value) => ({ value })) })),
    patch: (path, ...Operations) => ask('PATCH', path, { schemas: [PATCH_OP], Operations }),
    map: async (rules, authoritative = false) => {
      // By the operator: the tenant's own admin is no user of the directory, which may alone decide who is one.
      const staff = { ...bearer(ADMIN_TOKEN), 'content-type': 'application/json' };
      const { revision } = (await inject('GET', `/v1/scim?tenant_id=${id}`, staff)).json;
      const body = { rules, authoritative, revision };
      const answer = await inject('PUT', `/v1/scim/role-rules?tenant_id=${id}`, staff, body);
      if (answer.status !== 200) throw new Error(`rules not set: ${answer.text}`);
      return answer.json;
    },
    members: async () => {
      const staff = bearer(ADMIN_TOKEN);
      const { json } = await inject('GET', `/v1/members?tenant_id=${id}`, staff);
      const there = (json.items as MemberItem[]).filter(({ state }) => state !== 'removed');
      return Object.fromEntries(there.map(({ email, role }) => [email, role]));
    },
    signIn: async (subject, role = 'tenant_admin') => {
      const token = await api.issuer.issueToken(role, id, undefined, subject);
      const { status, json } = await inject('GET', '/v1/whoami', bearer(token));
      return [status, json.role];
    },
  };
}
