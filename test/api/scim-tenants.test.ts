import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ScimGroupContent } from '../../src/domain/scim.ts';
import { ScimGroupStore } from '../../src/store/postgres/scim-group-store.ts';
import { ADMIN_TOKEN, bearer } from '../support/api-harness.ts';
import { PATCH_OP, SCIM_JSON, type ScimTenant, type ScimWorld, startScimWorld } from '../support/scim-world.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ABSENT = '00000000-0000-4000-8000-000000000001';

let world: ScimWorld;
let own: ScimTenant;
beforeAll(async () => {
  world = await startScimWorld();
}, 60_000);
afterAll(() => world.stop());
beforeEach(async () => {
  own = await world.tenant();
});

describe('versions', () => {
  test('who has seen another one changes nothing', async () => {
    const id = await own.user('ada@a.example');
    const body = { userName: 'ada@a.example', displayName: 'Ada' };
    const stale = { 'if-match': 'W/"7"' };
    const attempts = [
      await own.ask('PUT', `/Users/${id}`, body, stale),
      await own.ask(
        'PATCH',
        `/Users/${id}`,
        { schemas: [PATCH_OP], Operations: [{ op: 'remove', path: 'name' }] },
        stale,
      ),
      await own.ask('DELETE', `/Users/${id}`, undefined, stale),
    ];
    expect(attempts.map(({ status, json }) => [status, json.status])).toEqual(Array(3).fill([412, '412']));
    const seen = await own.ask('PUT', `/Users/${id}`, body, { 'if-match': 'W/"1"' });
    expect([seen.status, seen.headers['etag']]).toEqual([200, 'W/"2"']);
    const unchanged = await own.ask('GET', `/Users/${id}`, undefined, { 'if-none-match': 'W/"2"' });
    expect([unchanged.status, unchanged.text]).toEqual([304, '']);
  });

  test('what changes nothing is no version and no record', async () => {
    const id = await own.user('ada@a.example', { active: true });
    const records = async () =>
      (await world.audit.list({ kind: 'system', subject: 't' }, { tenantId: own.id, limit: 100 })).length;
    const before = await records();
    const again = await own.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: 'true' });
    expect([again.status, again.json.meta.version, await records()]).toEqual([200, 'W/"1"', before]);
  });

  test('members added at the same moment are all there', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, (_, index) => own.user(`u${index}@a.example`)));
    const id = await own.group('Crowd');
    const answers = await Promise.all(
      users.map((value) => own.patch(`/Groups/${id}`, { op: 'add', path: 'members', value: [{ value }] })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    const { members, meta } = (await own.ask('GET', `/Groups/${id}`)).json;
    expect([members.map((member: { value: string }) => member.value).sort(), meta.version]).toEqual([
      users.sort(),
      'W/"9"',
    ]);
  });
});

describe('lists', () => {
  test('are paged, counted, sorted and shown as asked', async () => {
    for (const name of ['carol', 'ada', 'bob'])
      await own.user(`${name}@a.example`, { displayName: name.toUpperCase() });
    const names = async (query: string) => {
      const { json } = await own.ask('GET', `/Users?${query}`);
      return [json.totalResults, json.Resources.map((user: { userName: string }) => user.userName.split('@')[0])];
    };
    expect(await names('')).toEqual([3, ['ada', 'bob', 'carol']]);
    expect(await names('startIndex=2&count=1')).toEqual([3, ['bob']]);
    expect(await names('count=0')).toEqual([3, []]);
    expect(await names('startIndex=-3&count=-1')).toEqual([3, []]);
    expect(await names('sortBy=userName&sortOrder=descending')).toEqual([3, ['carol', 'bob', 'ada']]);
    expect(await names('filter=displayName%20sw%20%22b%22%20or%20userName%20co%20%22carol%22')).toEqual([
      2,
      ['bob', 'carol'],
    ]);
    const shown = (await own.ask('GET', '/Users?attributes=userName,name.givenName&count=1')).json.Resources;
    expect(shown).toEqual([{ schemas: [USER], id: expect.any(String), userName: 'ada@a.example' }]);
    expect((await own.ask('GET', '/Users?attributes=userName&excludedAttributes=name')).status).toBe(400);
    expect((await own.ask('GET', '/Users?filter=shoeSize%20eq%2042')).json.scimType).toBe('invalidFilter');
    expect((await own.ask('GET', '/Users?count=many')).status).toBe(400);
  });
});

describe('what PostgreSQL sees otherwise than we do is refused or not found, never a fault', () => {
  test('letters of other alphabets', async () => {
    await own.user('é@a.example');
    const other = await own.ask('POST', '/Users', { userName: 'É@a.example' });
    expect([201, 409]).toContain(other.status);
    const found = await own.ask('GET', `/Users?filter=${encodeURIComponent('userName eq "É@A.example"')}`);
    expect([found.status, found.json.totalResults > 0]).toEqual([200, true]);
    const id = other.json.id ?? (await own.user('z@a.example'));
    const renamed = await own.patch(`/Users/${id}`, { op: 'replace', path: 'userName', value: 'é@a.example' });
    expect([renamed.status, renamed.json.scimType]).toEqual([409, 'uniqueness']);
  });

  test('characters that it cannot keep', async () => {
    for (const filter of ['externalId eq "\\u0000"', 'userName eq "\\ud800"', 'displayName eq "\\u0000"']) {
      const answer = await own.ask('GET', `/Users?filter=${encodeURIComponent(filter)}`);
      expect([filter, answer.status, answer.json.totalResults]).toEqual([filter, 200, 0]);
    }
  });

  test('ids that no index holds', async () => {
    const wide = Array.from({ length: 1_024 }, (_, index) => String.fromCodePoint(0x4e00 + ((index * 7_919) % 20_000)));
    const made = (externalId: string) => own.ask('POST', '/Users', { userName: 'ada@a.example', externalId });
    expect((await made(wide.join(''))).status).toBe(400);
    expect((await made(wide.slice(0, 255).join(''))).status).toBe(201);
  });
});

test('all groups together have a most', async () => {
  const users = [await own.user('a@a.example'), await own.user('b@a.example')];
  const actor = { kind: 'key', subject: own.keyId, scopes: ['scim'], tenantId: own.id } as const;
  const groups = new ScimGroupStore(world.db.postgres, 3);
  const tooMany = { code: 'CONFLICT', message: expect.stringContaining('3 members') };
  await groups.create(actor, { displayName: 'First', members: users });
  await expect(groups.create(actor, { displayName: 'Second', members: users })).rejects.toMatchObject(tooMany);
  const { id } = await groups.create(actor, { displayName: 'Second', members: users.slice(1) });
  const all = (group: ScimGroupContent) => ({ ...group, members: users });
  await expect(groups.change(actor, id, all)).rejects.toMatchObject(tooMany);
  expect((await own.ask('GET', `/Groups/${id}`)).json.members).toHaveLength(1);
});

describe('of two tenants', () => {
  test('neither sees, changes, counts or clashes with what is the other’s', async () => {
    const other = await world.tenant();
    const ada = await other.user('ada@a.example');
    const group = await other.group('Admins', [ada]);
    for (const [foreign, absent] of [
      [`/Users/${ada}`, `/Users/${ABSENT}`],
      [`/Groups/${group}`, `/Groups/${ABSENT}`],
    ] as const) {
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'] as const) {
        const body =
          method === 'GET' || method === 'DELETE' ? undefined : { userName: 'x@y.example', displayName: 'x' };
        const patch = { schemas: [PATCH_OP], Operations: [{ op: 'replace', value: { displayName: 'x' } }] };
        const send = (path: string) =>
          own.ask(method, path, method === 'PATCH' ? patch : body, { 'x-request-id': 'same' });
        const [theirs, nobodys] = [await send(foreign), await send(absent)];
        expect([method, theirs.status, theirs.text]).toEqual([method, 404, nobodys.text]);
      }
    }
    expect((await own.ask('GET', '/Users')).json.totalResults).toBe(0);
    expect((await own.ask('GET', `/Users?filter=id%20eq%20%22${ada}%22`)).json.totalResults).toBe(0);
    expect((await own.ask('POST', '/Users', { userName: 'ada@a.example' })).status).toBe(201);
    expect((await own.ask('POST', '/Groups', { displayName: 'Admins' })).status).toBe(201);
    const stolen = await own.ask('POST', '/Groups', { displayName: 'Theirs', members: [{ value: ada }] });
    const absent = await own.ask('POST', '/Groups', { displayName: 'Theirs', members: [{ value: ABSENT }] });
    expect([stolen.status, stolen.text]).toEqual([400, absent.text]);
    expect((await other.ask('GET', `/Groups/${group}`)).json).toMatchObject({ displayName: 'Admins' });
  });
});

describe('the key of a directory', () => {
  test('opens nothing but the directory', async () => {
    const routes = [
      'GET /v1/whoami',
      'GET /v1/members',
      'GET /v1/tenants',
      'GET /v1/flags',
      'GET /v1/scim',
      'POST /v1/events',
    ];
    for (const route of routes) {
      const [method, url] = route.split(' ') as ['GET', string];
      const answer = await world.api.app.inject({ method, url, headers: bearer(own.key) });
      expect([route, answer.statusCode]).toEqual([route, 403]);
    }
  });

  test('is refused in words of SCIM when it is revoked, or somebody else’s', async () => {
    const revoked = await world.api.app.inject({
      method: 'DELETE',
      url: `/v1/keys/${own.keyId}`,
      headers: bearer(ADMIN_TOKEN),
    });
    expect(revoked.statusCode).toBe(204);
    const answer = await own.ask('GET', '/Users');
    expect([answer.status, answer.headers['content-type'], answer.json.status]).toEqual([401, SCIM_JSON, '401']);
    const staff = await world.api.app.inject({ url: '/scim/v2/Users', headers: bearer(ADMIN_TOKEN) });
    expect([staff.statusCode, staff.headers['content-type']]).toEqual([403, SCIM_JSON]);
    const nowhere = await own.ask('GET', '/Bulk');
    expect([nowhere.status, nowhere.json.schemas]).toEqual([404, [expect.stringContaining('Error')]]);
  });

  test('is of one tenant and has no other scope', async () => {
    const make = (payload: object) =>
      world.api.app.inject({ method: 'POST', url: '/v1/keys', headers: bearer(ADMIN_TOKEN), payload });
    expect((await make({ name: 'x', scopes: ['scim'] })).statusCode).toBe(400);
    expect((await make({ name: 'x', scopes: ['scim', 'ingest'], tenant_id: own.id })).statusCode).toBe(400);
    expect((await make({ name: 'x', scopes: ['scim'], tenant_id: own.id })).statusCode).toBe(201);
  });

  test('stands in the audit log for what it did', async () => {
    const id = await own.user('ada@a.example');
    const records = await world.audit.find(
      { kind: 'tenant', subject: 'x', role: 'tenant_admin', tenantId: own.id },
      { window: { from: 0, to: Date.UTC(2100, 0) }, limit: 10, action: 'scim_user' },
    );
    expect(records).toMatchObject([
      { action: 'scim_user.create', resource: `scim_user/${id}`, subject: own.keyId, role: 'key' },
    ]);
    expect(JSON.stringify(records)).not.toContain('ada@');
  });
});
