// From member to admin, and from one's own tenant to another: the ways that need no forged token.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CreatedKey } from '../../src/api/contract.ts';
import { createDevIssuer } from '../../src/api/issuer.ts';
import type { MemberItem } from '../../src/api/members-contract.ts';
import { TENANT_ROLES, type TenantRole } from '../../src/domain/roles.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Headers = Readonly<Record<string, string>>;

function ask(method: Method, url: string, headers: Headers, payload?: object) {
  return api.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
}

async function tokenOf(role: TenantRole, tenant = OWN): Promise<Headers> {
  return bearer(await api.issuer.issueToken(role, tenant));
}

async function addMember(headers: Headers, email: string, role: TenantRole): Promise<MemberItem> {
  return (await ask('POST', '/v1/members', headers, { email, role })).json<MemberItem>();
}

/** Signs a member in by a link, and gives the session's headers. */
async function signIn(headers: Headers, { id }: MemberItem): Promise<Headers> {
  const { link } = (await ask('POST', `/v1/members/${id}/sign-in-link`, headers)).json<{ link: string }>();
  return redeem(link);
}

async function redeem(link: string): Promise<Headers> {
  const { pathname, search } = new URL(link);
  const answer = await api.app.inject(`${pathname}${search}`);
  return { cookie: String(answer.headers['set-cookie']).split(';')[0] ?? '', 'x-tenantry-csrf': '1' };
}

const whoAmI = async (headers: Headers) => {
  const answer = await ask('GET', '/v1/whoami', headers);
  return answer.statusCode === 200 ? answer.json<{ role: string }>().role : answer.statusCode;
};

describe('a member who would be admin', () => {
  test.each(['member', 'viewer'] as const)(
    'does not become one as %s by any route that changes people, keys or sessions',
    async (role) => {
      const admin = await tokenOf('tenant_admin');
      const me = await addMember(admin, 'me@example.com', role);
      const mine = await signIn(admin, me);
      const attempts: [Method, string, object?][] = [
        ['PUT', `/v1/members/${me.id}`, { role: 'tenant_admin' }],
        ['POST', '/v1/members', { email: 'second@example.com', role: 'tenant_admin' }],
        ['POST', `/v1/members/${me.id}/sign-in-link`],
        ['POST', '/v1/sign-in-links', { role: 'tenant_admin', tenant_id: OWN }],
        ['POST', '/v1/keys', { name: 'mine', scopes: ['ingest'] }],
        ['GET', '/v1/keys'],
        ['POST', '/v1/deletion-requests', { reason: 'x' }],
      ];
      for (const [method, url, payload] of attempts) {
        const answer = await ask(method, url, mine, payload);
        expect([method, url, answer.statusCode, answer.json().code]).toEqual([method, url, 403, 'FORBIDDEN']);
      }
      expect(api.ports.members.items).toMatchObject([{ email: 'me@example.com', role }]);
      expect(await whoAmI(mine)).toBe(role);
    },
  );

  test('is not taken for one because a header, a query or a body says so', async () => {
    const mine = await tokenOf('viewer');
    for (const headers of [
      { 'x-role': 'admin' },
      { 'x-tenantry-role': 'admin' },
      { 'x-tenant-id': OTHER },
      { 'x-user': 'root' },
    ]) {
      const answer = await ask('GET', '/v1/whoami', { ...mine, ...headers });
      expect(answer.json()).toMatchObject({ role: 'viewer', tenant_id: OWN });
    }
    expect((await ask('GET', '/v1/whoami?role=admin', mine)).statusCode).toBe(400);
    const admin = await tokenOf('tenant_admin');
    for (const more of [
      { role: 'admin' },
      { role: 'sre' },
      { role: ['tenant_admin'] },
      { is_admin: true },
      { kind: 'staff' },
    ]) {
      const added = await ask('POST', '/v1/members', admin, { email: 'a@example.com', role: 'viewer', ...more });
      expect([more, added.statusCode]).toEqual([more, 400]);
    }
    expect(api.ports.members.items).toEqual([]);
  });
});

describe("an admin of a tenant who would be the operator's", () => {
  test('gets no sign-in link for staff, and none of another tenant', async () => {
    const admin = await tokenOf('tenant_admin');
    for (const wanted of [{ role: 'admin' }, { role: 'sre' }, { role: 'tenant_admin', tenant_id: OTHER }]) {
      expect((await ask('POST', '/v1/sign-in-links', admin, wanted)).statusCode).toBe(403);
    }
    const theirs = await addMember(await tokenOf('tenant_admin', OTHER), 'b@example.com', 'viewer');
    for (const url of [
      `/v1/members/${theirs.id}/sign-in-link`,
      `/v1/members/${theirs.id}/sign-in-link?tenant_id=${OTHER}`,
    ]) {
      expect((await ask('POST', url, admin)).statusCode).toBe(404);
    }
  });

  test('makes no key that may do more than ingest, for no other tenant, and none that counts as the operator’s', async () => {
    const admin = await tokenOf('tenant_admin');
    const key = { name: 'mine', scopes: ['ingest'] };
    const attempts: [object, number][] = [
      [{ ...key, scopes: ['flags'] }, 403],
      [{ ...key, scopes: ['ingest', 'flags'] }, 403],
      [{ ...key, scopes: ['admin'] }, 400],
      [{ ...key, tenant_id: OTHER }, 404],
      [{ ...key, made_by_tenant: false }, 400],
      [{ ...key, created_by: 'root' }, 400],
    ];
    for (const [payload, status] of attempts) {
      expect([payload, (await ask('POST', '/v1/keys', admin, payload)).statusCode]).toEqual([payload, status]);
    }
    expect(api.ports.keyAdmin.wanted).toEqual([]);
  });

  test('has in a key nobody who could do what its maker can', async () => {
    const { key } = (
      await ask('POST', '/v1/keys', await tokenOf('tenant_admin'), { name: 'k', scopes: ['ingest'] })
    ).json<CreatedKey>();
    for (const [method, url] of [
      ['GET', '/v1/keys'],
      ['GET', '/v1/members'],
      ['GET', '/v1/tenants'],
      ['GET', '/v1/audit'],
    ] as const) {
      expect([url, (await ask(method, url, bearer(key))).statusCode]).toEqual([url, 403]);
    }
  });
});

describe('somebody whose role is taken back while signed in', () => {
  test.each(['changed', 'removed'] as const)(
    'is out at once when %s, by every session and link, and nobody else is',
    async (how) => {
      const admin = await tokenOf('tenant_admin');
      const me = await addMember(admin, 'me@example.com', 'tenant_admin');
      await addMember(admin, 'you@example.com', 'tenant_admin');
      const you = api.ports.members.items.find(({ email }) => email === 'you@example.com');
      const elsewhere = await addMember(await tokenOf('tenant_admin', OTHER), 'me@example.com', 'tenant_admin');
      const sessions = [await signIn(admin, me), await signIn(admin, me)];
      const unused = (await ask('POST', `/v1/members/${me.id}/sign-in-link`, admin)).json<{ link: string }>().link;
      const others = [
        await signIn(admin, { ...me, id: you?.memberId ?? '' }),
        await signIn(await tokenOf('tenant_admin', OTHER), elsewhere),
        await tokenOf('tenant_admin'),
      ];
      for (const session of [...sessions, ...others]) expect(await whoAmI(session)).toBe('tenant_admin');

      api.clock.now += 1;
      const change = how === 'changed' ? { role: 'viewer' } : undefined;
      const done = await ask(how === 'changed' ? 'PUT' : 'DELETE', `/v1/members/${me.id}`, admin, change);
      expect(done.statusCode).toBe(200);
      for (const session of [...sessions, await redeem(unused)]) expect(await whoAmI(session)).toBe(401);
      for (const session of others) expect(await whoAmI(session)).toBe('tenant_admin');

      api.clock.now += 1;
      if (how === 'changed') expect(await whoAmI(await signIn(admin, me))).toBe('viewer');
      else expect((await ask('POST', `/v1/members/${me.id}/sign-in-link`, admin)).statusCode).toBe(404);
    },
  );

  test('does not come back with a restart of the issuer, nor in another tenant under the same name', async () => {
    const token = await api.issuer.issueToken('tenant_admin', OWN, undefined, 'me@example.com');
    const other = await api.issuer.issueToken('tenant_admin', OTHER, undefined, 'me@example.com');
    await api.issuer.endSessionsOf(OWN, 'me@example.com');
    const again = await createDevIssuer({
      ...{ folder: api.issuerFolder, production: false, baseUrl: () => 'http://localhost', now: () => api.clock.now },
    });
    expect(await again.verify(token)).toBeUndefined();
    expect((await again.verify(other))?.actor).toMatchObject({ tenantId: OTHER });
    api.clock.now += 1;
    const fresh = await again.issueToken('viewer', OWN, undefined, 'me@example.com');
    expect((await again.verify(fresh))?.actor).toMatchObject({ role: 'viewer' });
  });
});

describe('ids of keys', () => {
  test('answer byte for byte alike, headers and all, whether unknown, somebody else’s, ended, or no id', async () => {
    const mine = await tokenOf('tenant_admin');
    const make = async (headers: Headers, more: object = {}) =>
      (await ask('POST', '/v1/keys', headers, { name: 'k', scopes: ['ingest'], ...more })).json<CreatedKey>().id;
    const ended = await make(mine);
    await ask('DELETE', `/v1/keys/${ended}`, mine);
    const ids = {
      unknown: '00000000-0000-4000-8000-000000000001',
      'no id': 'x',
      'no id for a store': "'%20or%20true--",
      endless: 'a'.repeat(200),
      "another tenant's": await make(await tokenOf('tenant_admin', OTHER)),
      "the operator's, of the own tenant": await make(bearer(ADMIN_TOKEN), { tenant_id: OWN }),
      "the operator's, of every tenant": await make(bearer(ADMIN_TOKEN)),
      ended,
      'from the configuration': 'bootstrap',
    };
    for (const [method, action, payload] of [
      ['DELETE', ''],
      ['POST', '/rotate', {}],
      ['DELETE', '/previous'],
    ] as const) {
      const answers = [];
      for (const [what, id] of Object.entries(ids)) {
        const headers = { ...mine, 'x-request-id': 'fixed' };
        const answer = await ask(method, `/v1/keys/${id}${action}`, headers, payload);
        const { date: _date, ...fixed } = answer.headers;
        answers.push({ what, bytes: JSON.stringify([answer.statusCode, fixed, answer.body]) });
      }
      const [first] = answers;
      expect(first?.bytes).toContain('404');
      expect(answers.filter(({ bytes }) => bytes !== first?.bytes)).toEqual([]);
    }
  });
});

test('the roles of a tenant are in the order in which they may be given', () => {
  expect(TENANT_ROLES).toEqual(['tenant_admin', 'member', 'viewer']);
});
