import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RoleRulesBody } from '../../src/api/scim-contract.ts';
import { ADMIN_TOKEN, bearer } from '../support/api-harness.ts';
import { type ScimTenant, type ScimWorld, startScimWorld } from '../support/scim-world.ts';

const RULES: RoleRulesBody['rules'] = [
  { match: 'display_name', value: 'Tenantry Admins', role: 'tenant_admin' },
  { match: 'external_id', value: 'group-7', role: 'member' },
  { match: 'display_name', value: 'Readers', role: 'viewer' },
];

let world: ScimWorld;
let own: ScimTenant;
beforeAll(async () => {
  world = await startScimWorld();
}, 60_000);
afterAll(() => world.stop());
beforeEach(async () => {
  own = await world.tenant();
});

const asAdmin = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) =>
  world.api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), ...(payload === undefined ? {} : { payload }) });
const join = (group: string, ...users: string[]) =>
  own.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: users.map((value) => ({ value })) });
const part = (group: string, user: string) =>
  own.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${user}"]` });

describe('groups become roles', () => {
  test('the highest of a person’s groups counts, a group without a rule gives nothing', async () => {
    await own.map(RULES);
    const [ada, bob, eve] = [
      await own.user('ada@a.example'),
      await own.user('bob@a.example'),
      await own.user('eve@a.example'),
    ];
    await own.group('Everybody', [ada, bob, eve]);
    expect(await own.members()).toEqual({});
    const readers = await own.group('READERS', [ada, bob]);
    expect(await own.members()).toEqual({ 'ada@a.example': 'viewer', 'bob@a.example': 'viewer' });
    const admins = await own.group('Tenantry Admins', [ada]);
    expect(await own.members()).toEqual({ 'ada@a.example': 'tenant_admin', 'bob@a.example': 'viewer' });
    await own.ask('PUT', `/Groups/${readers}`, {
      displayName: 'Members',
      externalId: 'group-7',
      members: [{ value: bob }, { value: ada }],
    });
    expect(await own.members()).toEqual({ 'ada@a.example': 'tenant_admin', 'bob@a.example': 'member' });
    await own.ask('DELETE', `/Groups/${readers}`);
    await join(admins, bob);
    expect(await own.members()).toEqual({ 'ada@a.example': 'tenant_admin', 'bob@a.example': 'tenant_admin' });
  });

  test('other rules are other roles, for everybody at once', async () => {
    const [ada, bob] = [await own.user('ada@a.example'), await own.user('bob@a.example')];
    await own.group('Tenantry Admins', [ada]);
    await own.group('Readers', [bob]);
    const first = await own.map(RULES);
    expect(first).toMatchObject({
      revision: 1,
      users: 2,
      users_with_role: 2,
      groups: [{ role: 'viewer' }, { role: 'tenant_admin' }],
    });
    await own.map([{ match: 'display_name', value: 'readers', role: 'tenant_admin' }], true);
    expect(await own.members()).toEqual({ 'bob@a.example': 'tenant_admin' });
    const stale = await asAdmin('PUT', `/v1/scim/role-rules?tenant_id=${own.id}`, {
      rules: [],
      authoritative: false,
      revision: 1,
    });
    expect(stale.statusCode).toBe(409);
  });

  test('a member who was added by hand becomes the directory’s, and people cannot change them any more', async () => {
    const made = await asAdmin('POST', '/v1/members', { email: 'Ada@a.example', role: 'member', tenant_id: own.id });
    const url = `/v1/members/${made.json().id}?tenant_id=${own.id}`;
    await own.map(RULES);
    const ada = await own.user('ada@a.example');
    expect(await own.members()).toEqual({ 'ada@a.example': 'member' });
    const group = await own.group('Readers', [ada]);
    expect(await own.members()).toEqual({ 'ada@a.example': 'viewer' });
    const listed = (await asAdmin('GET', `/v1/members?tenant_id=${own.id}`)).json().items;
    expect(listed).toMatchObject([{ id: made.json().id, kept_by_directory: true, state: 'active' }]);
    expect((await asAdmin('PUT', url, { role: 'tenant_admin' })).statusCode).toBe(409);
    expect((await asAdmin('DELETE', url)).statusCode).toBe(409);

    expect((await asAdmin('DELETE', `/v1/scim?tenant_id=${own.id}`)).statusCode).toBe(204);
    expect((await own.ask('GET', `/Groups/${group}`)).status).toBe(404);
    expect((await asAdmin('PUT', url, { role: 'tenant_admin' })).json()).toMatchObject({
      kept_by_directory: false,
      role: 'tenant_admin',
    });
  });

  test('an address that changes is the same member, one that is another’s is refused', async () => {
    await own.map(RULES);
    const [ada, bob] = [await own.user('ada@a.example'), await own.user('bob@a.example')];
    await own.group('Readers', [ada, bob]);
    await own.patch(`/Users/${ada}`, { op: 'replace', path: 'userName', value: 'countess@a.example' });
    expect(await own.members()).toEqual({ 'countess@a.example': 'viewer', 'bob@a.example': 'viewer' });
    const clash = await own.patch(`/Users/${ada}`, {
      op: 'add',
      path: 'emails',
      value: [{ value: 'BOB@a.example', primary: true }],
    });
    expect([clash.status, clash.json.scimType]).toEqual([409, 'uniqueness']);
    expect((await own.ask('GET', `/Users/${ada}`)).json).not.toHaveProperty('emails');
  });
});

test('an admin cannot set rules by which they would be none', async () => {
  const token = await world.api.issuer.issueToken('tenant_admin', own.id, undefined, 'ada@a.example');
  const set = async (authoritative: boolean, rules: RoleRulesBody['rules'] = RULES) => {
    const headers = bearer(token);
    const { revision } = (await world.api.app.inject({ url: '/v1/scim', headers })).json();
    const payload = { rules, authoritative, revision };
    return (await world.api.app.inject({ method: 'PUT', url: '/v1/scim/role-rules', headers, payload })).statusCode;
  };
  expect([await set(true), await set(false)]).toEqual([409, 200]);
  const ada = await own.user('ada@a.example');
  const admins = await own.group('Tenantry Admins');
  expect(await set(true)).toBe(409);
  await join(admins, ada);
  expect([await set(true), await set(true, RULES.slice(1))]).toEqual([200, 409]);
  expect(await own.signIn('ada@a.example')).toEqual([200, 'tenant_admin']);
});

describe('the last admin', () => {
  test('stays, unless the directory alone decides', async () => {
    await own.map(RULES);
    const [ada, bob] = [await own.user('ada@a.example'), await own.user('bob@a.example')];
    const admins = await own.group('Tenantry Admins', [ada]);
    expect((await part(admins, ada)).status).toBe(200);
    expect(await own.members()).toEqual({ 'ada@a.example': 'tenant_admin' });
    expect(await own.signIn('ada@a.example')).toEqual([200, 'tenant_admin']);
    await join(admins, bob);
    expect(await own.members()).toEqual({ 'bob@a.example': 'tenant_admin' });
    await own.map(RULES, true);
    await part(admins, bob);
    expect(await own.members()).toEqual({});
  });

  test('may be followed by another within one change', async () => {
    await own.map(RULES);
    const [ada, bob] = [await own.user('ada@a.example'), await own.user('bob@a.example')];
    const admins = await own.group('Tenantry Admins', [ada]);
    await own.patch(`/Groups/${admins}`, { op: 'replace', path: 'members', value: [{ value: bob }] });
    expect(await own.members()).toEqual({ 'bob@a.example': 'tenant_admin' });
  });

  test('has no access once the directory ends it, and is kept on the list', async () => {
    await own.map(RULES);
    const ada = await own.user('ada@a.example');
    await own.group('Tenantry Admins', [ada]);
    await own.patch(`/Users/${ada}`, { op: 'replace', path: 'active', value: false });
    expect(await own.members()).toEqual({ 'ada@a.example': 'tenant_admin' });
    expect(await own.signIn('ada@a.example')).toEqual([401, undefined]);
  });
});

describe('a token that is still good', () => {
  test('opens nothing once the directory has ended the access, by whatever name it knows the person', async () => {
    const ada = await own.user('ada@a.example', { externalId: '00u-Ada', emails: [{ value: 'ada.l@a.example' }] });
    const names = ['ADA@a.example', '00u-Ada', 'ada.l@a.example'];
    const statuses = () => Promise.all(names.map(async (name) => (await own.signIn(name))[0]));
    expect(await statuses()).toEqual([200, 200, 200]);
    await own.patch(`/Users/${ada}`, { op: 'replace', value: { active: false } });
    expect(await statuses()).toEqual([401, 401, 401]);
    await own.patch(`/Users/${ada}`, { op: 'replace', value: { active: true } });
    expect(await statuses()).toEqual([200, 200, 200]);
    await own.ask('DELETE', `/Users/${ada}`);
    expect(await statuses()).toEqual([401, 401, 401]);
    await own.user('ada@a.example', { externalId: '00u-Ada', emails: [{ value: 'ada.l@a.example' }] });
    expect(await statuses()).toEqual([200, 200, 200]);
  });

  test('goes on meaning the person by other addresses and by names that they had before', async () => {
    await own.map(RULES);
    const ada = await own.user('ada@a.example', {
      externalId: 'ada-1',
      emails: [{ value: 'ada@a.example', primary: true }, { value: 'Ada@home.example' }],
    });
    await own.group('Readers', [ada]);
    const names = ['ada@a.example', 'ada-1', 'ada@home.example', 'countess@a.example', 'ada-2'];
    const seen = () => Promise.all(names.map(async (name) => (await own.signIn(name))[1]));
    const stranger = 'tenant_admin';
    expect(await seen()).toEqual(['viewer', 'viewer', 'viewer', stranger, stranger]);
    await own.ask('PUT', `/Users/${ada}`, { userName: 'countess@a.example', externalId: 'ada-2' });
    expect(await seen()).toEqual(Array(5).fill('viewer'));
    await own.patch(`/Users/${ada}`, { op: 'replace', path: 'active', value: false });
    expect(await seen()).toEqual(Array(5).fill(undefined));
    // Somebody else who gets a name that is free has it; who has no access takes none away.
    const bob = await own.user('bob@a.example', {
      emails: [{ value: 'bob@a.example' }, { value: 'ada@home.example' }],
    });
    await own.patch(`/Users/${ada}`, {
      op: 'add',
      path: 'emails',
      value: [{ value: 'countess@a.example', primary: true }, { value: 'ada@home.example' }],
    });
    expect(await own.signIn('ada@home.example')).toEqual([200, 'tenant_admin']);
    await own.ask('DELETE', `/Users/${bob}`);
    await own.ask('DELETE', `/Users/${ada}`);
    expect(await seen()).toEqual(Array(5).fill(undefined));
  });

  test('with a name that was given up longer ago than tokens live is a stranger’s', async () => {
    await own.ask('DELETE', `/Users/${await own.user('ada@a.example')}`);
    expect((await own.signIn('ada@a.example'))[0]).toBe(401);
    await world.db.postgres.inStaffTransaction({ kind: 'system', subject: 'test' }, async (transaction) => {
      const older = "update tenantry.scim_names set left_at = now() - interval '31 days' where tenant_id = $1";
      await transaction.query(older, [own.id]);
      await transaction.audit({ action: 'test', resource: 'test', tenantId: own.id });
    });
    expect((await own.signIn('ada@a.example'))[0]).toBe(200);
  });

  test('a session of the page ends too, and so does a link that was made before', async () => {
    await own.map(RULES);
    const ada = await own.user('ada@a.example');
    await own.group('Readers', [ada]);
    const { items } = (await asAdmin('GET', `/v1/members?tenant_id=${own.id}`)).json();
    const { link } = (await asAdmin('POST', `/v1/members/${items[0].id}/sign-in-link?tenant_id=${own.id}`)).json();
    const signedIn = await world.api.app.inject({ url: String(link).replace('http://127.0.0.1:7070', '') });
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? '';
    const who = () => world.api.app.inject({ url: '/v1/whoami', headers: { cookie } });
    expect((await who()).json()).toMatchObject({ subject: 'ada@a.example', role: 'viewer' });
    await own.patch(`/Users/${ada}`, { op: 'Replace', path: 'active', value: 'False' });
    const refused = await who();
    expect([refused.statusCode, refused.json().detail]).toEqual([401, expect.stringContaining('directory')]);
  });

  test('gives no more than the rules say', async () => {
    await own.map(RULES);
    const ada = await own.user('ada@a.example');
    await own.user('bob@a.example');
    await own.group('Readers', [ada]);
    expect(await own.signIn('ada@a.example', 'tenant_admin')).toEqual([200, 'viewer']);
    expect(await own.signIn('bob@a.example', 'member')).toEqual([200, 'member']);
    expect(await own.signIn('stranger@a.example', 'member')).toEqual([200, 'member']);
    await own.map(RULES, true);
    expect(await own.signIn('bob@a.example', 'member')).toEqual([401, undefined]);
    expect(await own.signIn('stranger@a.example', 'member')).toEqual([401, undefined]);
    await own.map([], true);
    expect(await own.signIn('stranger@a.example', 'member')).toEqual([200, 'member']);
  });

  test('is never raised by the rules', async () => {
    await own.map(RULES);
    await own.group('Tenantry Admins', [await own.user('ada@a.example')]);
    expect(await own.signIn('ada@a.example', 'viewer')).toEqual([200, 'viewer']);
  });

  test('of another tenant is not touched', async () => {
    const other = await world.tenant();
    const ada = await own.user('ada@a.example');
    await own.patch(`/Users/${ada}`, { op: 'replace', value: { active: false } });
    expect(await other.signIn('ada@a.example')).toEqual([200, 'tenant_admin']);
  });
});

test('who the operator’s people are that set the rules, a tenant does not learn', async () => {
  const set = await asAdmin('PUT', `/v1/scim/role-rules?tenant_id=${own.id}`, {
    rules: RULES,
    authoritative: false,
    revision: 0,
  });
  expect(set.json()).toMatchObject({ set_by: 'admin-token', base_path: '/scim/v2' });
  const token = await world.api.issuer.issueToken('tenant_admin', own.id);
  const seen = await world.api.app.inject({ url: '/v1/scim', headers: bearer(token) });
  expect(seen.json()).toMatchObject({ set_by: 'operator', rules: RULES, authoritative: false });
  const other = await world.tenant();
  const foreign = bearer(await world.api.issuer.issueToken('tenant_admin', other.id));
  const attempts = [
    await world.api.app.inject({ url: `/v1/scim?tenant_id=${own.id}`, headers: foreign }),
    await world.api.app.inject({ method: 'DELETE', url: `/v1/scim?tenant_id=${own.id}`, headers: foreign }),
  ];
  expect(attempts.map(({ statusCode }) => statusCode)).toEqual([404, 404]);
  const unset = await world.api.app.inject({ url: '/v1/scim', headers: foreign });
  expect(unset.json()).toMatchObject({ tenant_id: other.id, rules: [], revision: 0 });
});
