import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bearer } from '../support/api-harness.ts';
import { SCIM_JSON, type ScimTenant, type ScimWorld, startScimWorld } from '../support/scim-world.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
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

describe('as Okta asks', () => {
  const ADA = {
    schemas: [USER],
    userName: 'ada@customer.example',
    name: { givenName: 'Ada', familyName: 'Lovelace' },
    emails: [{ primary: true, value: 'ada@customer.example', type: 'work' }],
    displayName: 'Ada Lovelace',
    locale: 'en-US',
    externalId: '00ujl29u0le5T6Aj10h7',
    groups: [],
    password: '1mz050nq',
    active: true,
  };

  test('it looks whether somebody is there, tells of them, replaces them and ends their access', async () => {
    const search = '/Users?filter=userName%20eq%20%22ada%40customer.example%22&startIndex=1&count=100';
    const nobody = await own.ask('GET', search);
    expect([nobody.status, nobody.headers['content-type']]).toEqual([200, SCIM_JSON]);
    expect(nobody.json).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      ...{ totalResults: 0, startIndex: 1, itemsPerPage: 0, Resources: [] },
    });

    const made = await own.ask('POST', '/Users', ADA);
    const { id, meta } = made.json;
    expect(made.status).toBe(201);
    const { locale: _locale, groups: _groups, password: _password, ...kept } = ADA;
    expect(made.json).toEqual({ ...kept, id, meta });
    expect(meta).toMatchObject({ resourceType: 'User', version: 'W/"1"', location: expect.stringContaining(id) });
    expect([made.headers['location'], made.headers['etag']]).toEqual([meta.location, 'W/"1"']);
    expect((await own.ask('GET', search)).json).toMatchObject({ totalResults: 1, Resources: [{ id }] });
    expect((await own.ask('GET', `/Users/${id}`)).json).toEqual(made.json);

    const replaced = await own.ask('PUT', `/Users/${id}`, {
      ...ADA,
      id,
      displayName: 'A. Lovelace',
      externalId: undefined,
    });
    expect(replaced.json).toMatchObject({ displayName: 'A. Lovelace', meta: { version: 'W/"2"' } });
    expect(replaced.json).not.toHaveProperty('externalId');

    const ended = await own.patch(`/Users/${id}`, { op: 'replace', value: { active: false } });
    expect([ended.status, ended.json.active]).toEqual([200, false]);
  });

  test('it pushes a group, renames it, and changes who is in it', async () => {
    const [ada, bob] = [await own.user('ada@a.example'), await own.user('bob@a.example')];
    const made = await own.ask('POST', '/Groups', { schemas: [GROUP], displayName: 'Admins', members: [] });
    const { id } = made.json;
    expect([made.status, made.json.members]).toEqual([201, []]);
    const path = `/Groups/${id}`;
    await own.patch(path, { op: 'add', path: 'members', value: [{ value: ada, display: 'ada' }, { value: bob }] });
    const renamed = await own.patch(path, { op: 'replace', value: { id, displayName: 'Owners' } });
    expect(renamed.json).toMatchObject({ id, displayName: 'Owners' });
    const left = await own.patch(path, { op: 'remove', path: `members[value eq "${ada}"]` });
    expect(left.json.members.map((member: { value: string }) => member.value)).toEqual([bob]);
    expect((await own.ask('GET', `/Users/${bob}`)).json.groups).toMatchObject([{ value: id, display: 'Owners' }]);
    const replaced = await own.patch(path, { op: 'replace', path: 'members', value: [{ value: ada }] });
    expect(replaced.json.members).toMatchObject([{ value: ada }]);
    expect((await own.ask('DELETE', path)).status).toBe(204);
    expect((await own.ask('GET', path)).status).toBe(404);
    expect((await own.ask('GET', `/Users/${ada}`)).json).not.toHaveProperty('groups');
  });
});

describe('as Entra ID asks', () => {
  test('it tells of somebody with what is not kept, and changes them operation by operation', async () => {
    const made = await own.ask('POST', '/Users', {
      schemas: [USER, ENTERPRISE],
      externalId: 'ada',
      userName: 'ada@customer.example',
      active: true,
      emails: [{ primary: true, type: 'work', value: 'ada@customer.example' }],
      meta: { resourceType: 'User' },
      name: { formatted: 'Ada Lovelace', familyName: 'Lovelace', givenName: 'Ada' },
      roles: [],
      [ENTERPRISE]: { department: 'Analysis', manager: { value: 'x' } },
    });
    expect(made.status).toBe(201);
    const path = `/Users/${made.json.id}`;
    const changed = await own.patch(
      path,
      { op: 'Replace', path: 'displayName', value: 'Ada L.' },
      { op: 'Add', path: 'name.familyName', value: 'King' },
      { op: 'Replace', path: 'emails[type eq "work"].value', value: 'ada.king@customer.example' },
      { op: 'Add', path: 'emails[type eq "other"].value', value: 'countess@customer.example' },
      { op: 'Add', path: `${ENTERPRISE}:department`, value: 'Engines' },
      { op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '+44' },
      { op: 'Replace', value: { 'name.givenName': 'Augusta', [`${ENTERPRISE}:manager`]: 'y' } },
      { op: 'Replace', path: `${USER}:externalId`, value: 'augusta' },
    );
    expect([changed.status, changed.json]).toEqual([
      200,
      expect.objectContaining({
        displayName: 'Ada L.',
        externalId: 'augusta',
        name: { formatted: 'Ada Lovelace', familyName: 'King', givenName: 'Augusta' },
        emails: [
          { primary: true, type: 'work', value: 'ada.king@customer.example' },
          { type: 'other', value: 'countess@customer.example' },
        ],
      }),
    ]);
    const ended = await own.patch(path, { op: 'Replace', path: 'active', value: 'False' });
    expect(ended.json.active).toBe(false);
    expect((await own.patch(path, { op: 'Add', path: 'active', value: 'True' })).json.active).toBe(true);
  });

  test('it changes groups with values beside the path, and lists them without their members', async () => {
    const [ada, bob] = [await own.user('ada@a.example'), await own.user('bob@a.example')];
    const id = await own.group('Group1');
    await own.patch(`/Groups/${id}`, {
      op: 'Add',
      path: 'members',
      value: [{ $ref: null, value: ada }, { value: bob }],
    });
    const removed = await own.patch(`/Groups/${id}`, {
      op: 'Remove',
      path: 'members',
      value: [{ $ref: null, value: ada }],
    });
    expect(removed.json.members).toMatchObject([{ value: bob }]);
    const found = await own.ask('GET', '/Groups?excludedAttributes=members&filter=displayName%20eq%20%22GROUP1%22');
    expect(found.json.Resources).toEqual([expect.objectContaining({ id, displayName: 'Group1' })]);
    expect(found.json.Resources[0]).not.toHaveProperty('members');
  });

  test('the connection test asks for somebody who is not there', async () => {
    const answer = await own.ask('GET', `/Users?filter=userName%20eq%20%22${ABSENT}%22`);
    expect([answer.status, answer.json.totalResults]).toEqual([200, 0]);
  });
});

describe('what is refused', () => {
  test.each<[string, object, string]>([
    ['no userName', { emails: [{ value: 'a@b.example' }] }, 'invalidValue'],
    ['no address', { userName: 'ada' }, 'invalidValue'],
    ['a userName that is no text', { userName: { $ne: '' } }, 'invalidValue'],
    ['a control character', { userName: 'a\u0000@b.example' }, 'invalidValue'],
    ['an active that is neither', { userName: 'a@b.example', active: 'maybe' }, 'invalidValue'],
    ['a prototype', JSON.parse('{"userName": "a@b.example", "__proto__": {"active": false}}'), 'invalidValue'],
  ])('a user with %s', async (_name, body, scimType) => {
    const answer = await own.ask('POST', '/Users', body);
    expect([answer.status, answer.json]).toEqual([
      400,
      { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '400', scimType, detail: expect.any(String) },
    ]);
    expect((await own.ask('GET', '/Users')).json.totalResults).toBe(0);
  });

  test('a body that is no JSON, or of another type', async () => {
    const headers = { ...bearer(own.key), 'content-type': SCIM_JSON };
    const broken = await world.api.app.inject({ method: 'POST', url: '/scim/v2/Users', headers, payload: '{' });
    expect([broken.statusCode, broken.json().schemas]).toEqual([400, [expect.stringContaining('Error')]]);
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    const posted = await world.api.app.inject({ method: 'POST', url: '/scim/v2/Users', headers: form, payload: 'a=b' });
    expect([posted.statusCode, posted.headers['content-type']]).toEqual([415, SCIM_JSON]);
  });

  test.each<[string, object, string]>([
    ['an unknown operation', { op: 'move', path: 'active' }, 'invalidSyntax'],
    ['an unknown path', { op: 'replace', path: 'shoeSize', value: 1 }, 'invalidPath'],
    ['a path that is none', { op: 'replace', path: 'emails[type eq', value: 1 }, 'invalidPath'],
    ['a filter that is none', { op: 'replace', path: 'emails[type is "x"].value', value: 1 }, 'invalidFilter'],
    ['an id', { op: 'replace', path: 'id', value: ABSENT }, 'mutability'],
    ['groups', { op: 'add', path: 'groups', value: [{ value: ABSENT }] }, 'mutability'],
    ['a removal of nothing in particular', { op: 'remove' }, 'noTarget'],
    ['a removal of the name', { op: 'remove', path: 'userName' }, 'invalidValue'],
    [
      'a value that cannot be matched',
      { op: 'replace', path: 'emails[type co "x"].value', value: 'a@b.c' },
      'noTarget',
    ],
    ['a prototype as path', { op: 'add', path: '__proto__', value: { active: false } }, 'invalidPath'],
    ['a constructor as path', { op: 'add', path: 'constructor.prototype', value: 1 }, 'invalidPath'],
  ])('a patch with %s', async (_name, operation, scimType) => {
    const id = await own.user('ada@a.example');
    const before = (await own.ask('GET', `/Users/${id}`)).json;
    const answer = await own.patch(
      `/Users/${id}`,
      { op: 'replace', path: 'displayName', value: 'Not kept' },
      operation,
    );
    expect([answer.status, answer.json.scimType]).toEqual([400, scimType]);
    expect((await own.ask('GET', `/Users/${id}`)).json).toEqual(before);
  });

  test('a name that is taken, whatever its case', async () => {
    await own.user('ada@a.example');
    const again = await own.ask('POST', '/Users', { userName: 'ADA@a.example' });
    expect([again.status, again.json.scimType]).toEqual([409, 'uniqueness']);
    await own.group('Admins');
    const group = await own.ask('POST', '/Groups', { displayName: 'admins' });
    expect([group.status, group.json.scimType]).toEqual([409, 'uniqueness']);
  });

  test('the same name at the same moment, for all but one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => own.ask('POST', '/Users', { userName: 'ada@a.example' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test('a group within a group, and a member that there is not', async () => {
    const id = await own.group('Inner');
    const nested = await own.ask('POST', '/Groups', { displayName: 'Outer', members: [{ value: id, type: 'Group' }] });
    expect([nested.status, nested.json.scimType]).toEqual([400, 'invalidValue']);
    for (const value of [ABSENT, 'x', id]) {
      const answer = await own.ask('POST', '/Groups', { displayName: 'Outer', members: [{ value }] });
      expect([value, answer.status, answer.json.scimType]).toEqual([value, 400, 'invalidValue']);
    }
    expect((await own.ask('GET', '/Groups')).json.totalResults).toBe(1);
  });
});

describe('discovery', () => {
  test('tells what there is, and that there is no bulk', async () => {
    const config = (await own.ask('GET', '/ServiceProviderConfig')).json;
    expect(config).toMatchObject({
      ...{
        patch: { supported: true },
        bulk: { supported: false },
        filter: { supported: true },
        etag: { supported: true },
      },
      ...{ sort: { supported: true }, changePassword: { supported: false } },
    });
    expect((await own.ask('GET', '/ResourceTypes')).json.Resources).toMatchObject([{ id: 'User' }, { id: 'Group' }]);
    expect((await own.ask('GET', `/Schemas/${USER}`)).json.attributes).toContainEqual(
      expect.objectContaining({ name: 'userName', uniqueness: 'server', required: true, caseExact: false }),
    );
    expect((await own.ask('GET', '/Schemas/urn:x')).status).toBe(404);
    expect((await own.ask('GET', '/Schemas?filter=id%20eq%20%22x%22')).status).toBe(403);
  });
});
