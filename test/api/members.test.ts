import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeletionRequestItem } from '../../src/api/deletions-contract.ts';
import { memberToWire } from '../../src/api/members.ts';
import type { MemberItem } from '../../src/api/members-contract.ts';
import { type Member, mayGrant } from '../../src/domain/member.ts';
import { TENANT_ROLES } from '../../src/domain/roles.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let tokens: { own: string; other: string; admin: string };
beforeEach(async () => {
  api = await startApi();
  tokens = {
    own: await api.issuer.issueToken('tenant_admin', OWN),
    other: await api.issuer.issueToken('tenant_admin', OTHER),
    admin: ADMIN_TOKEN,
  };
});
afterEach(() => api.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const ask = (method: Method, url: string, token: string, payload?: object) =>
  api.app.inject({ method, url, headers: bearer(token), ...(payload === undefined ? {} : { payload }) });
const ADA = { email: 'Ada@Example.com', role: 'member' as const };

async function added(payload: object = ADA, token = tokens.own): Promise<MemberItem> {
  const answer = await ask('POST', '/v1/members', token, payload);
  expect(answer.statusCode).toBe(201);
  return answer.json<MemberItem>();
}

describe('members', () => {
  test('a tenant admin adds one to the own tenant, in small letters', async () => {
    const member = await added();
    expect(member).toMatchObject({
      ...{
        tenant_id: OWN,
        email: 'ada@example.com',
        role: 'member',
        state: 'invited',
        added_by: `dev:tenant_admin@${OWN}`,
      },
    });
    const list = await ask('GET', '/v1/members', tokens.own);
    expect(list.json()).toEqual({ items: [member], sign_in_links: true });
    expect((await ask('GET', '/v1/members', tokens.other)).json().items).toEqual([]);
  });

  test('what staff added, tenants see without a name', async () => {
    await added({ ...ADA, tenant_id: OWN }, tokens.admin);
    expect((await ask('GET', '/v1/members', tokens.own)).json().items[0].added_by).toBe('operator');
    const forStaff = await ask('GET', `/v1/members?tenant_id=${OWN}`, tokens.admin);
    expect(forStaff.json().items[0].added_by).toBe('admin-token');
  });

  test('a change and a removal say what is so afterwards', async () => {
    const { id } = await added();
    const url = `/v1/members/${id}`;
    expect((await ask('PUT', url, tokens.own, { role: 'viewer', state: 'active' })).json()).toMatchObject({
      ...{ id, role: 'viewer', state: 'active' },
    });
    expect((await ask('DELETE', url, tokens.own)).json()).toMatchObject({ id, state: 'removed' });
  });

  test("nobody reaches another tenant's members, by body, query or id", async () => {
    const { id } = await added();
    const attempts = [
      await ask('POST', '/v1/members', tokens.other, { ...ADA, tenant_id: OWN }),
      await ask('GET', `/v1/members?tenant_id=${OWN}`, tokens.other),
      await ask('PUT', `/v1/members/${id}`, tokens.other, { role: 'viewer' }),
      await ask('PUT', `/v1/members/${id}?tenant_id=${OWN}`, tokens.other, { role: 'viewer' }),
      await ask('DELETE', `/v1/members/${id}`, tokens.other),
      await ask('POST', `/v1/members/${id}/sign-in-link`, tokens.other),
    ];
    expect(attempts.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 404, 404, 404]);
    expect(api.ports.members.items).toMatchObject([{ role: 'member', state: 'invited' }]);
  });

  test('staff say which tenant they mean', async () => {
    const answer = await ask('GET', '/v1/members', tokens.admin);
    expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining('"tenant_id" is missing')]);
    expect((await ask('POST', '/v1/members', tokens.admin, ADA)).statusCode).toBe(400);
  });

  test.each<[string, object]>([
    ['a role of staff', { ...ADA, role: 'admin' }],
    ['no role', { email: 'ada@example.com' }],
    ['no address', { email: 'ada', role: 'member' }],
    ['two addresses', { email: 'a@b.example, c@d.example', role: 'member' }],
    ['a line break', { email: 'a@b.example\nx', role: 'member' }],
    ['removed from the start', { ...ADA, state: 'removed' }],
    ['an unknown field', { ...ADA, admin: true }],
  ])('%s is refused', async (_name, payload) => {
    expect((await ask('POST', '/v1/members', tokens.own, payload)).statusCode).toBe(400);
    expect(api.ports.members.items).toEqual([]);
  });

  test('an id that is none is not asked for', async () => {
    for (const id of ['x', "'%20or%201=1", 'a%00']) {
      expect((await ask('DELETE', `/v1/members/${id}`, tokens.own)).statusCode).toBe(404);
    }
  });

  test('a sign-in link signs in as the member, in their role, and no higher', async () => {
    const { id } = await added({ ...ADA, role: 'viewer' });
    const { link } = (await ask('POST', `/v1/members/${id}/sign-in-link`, tokens.own)).json();
    const signedIn = await api.app.inject({ url: link.replace('http://127.0.0.1:7070', '') });
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? '';
    const who = await api.app.inject({ url: '/v1/whoami', headers: { cookie } });
    expect(who.json()).toMatchObject({ subject: 'ada@example.com', role: 'viewer', tenant_id: OWN });
  });

  test('nobody of a tenant gives a role above their own', () => {
    const by = (role: (typeof TENANT_ROLES)[number]) =>
      TENANT_ROLES.filter((wanted) => mayGrant({ kind: 'tenant', subject: 'x', role, tenantId: OWN }, wanted));
    expect(TENANT_ROLES.map(by)).toEqual([[...TENANT_ROLES], ['member', 'viewer'], ['viewer']]);
    expect(TENANT_ROLES.every((role) => mayGrant({ kind: 'staff', subject: 'x', role: 'admin' }, role))).toBe(true);
  });

  test('names of the operator’s people are kept from tenants only', () => {
    const member: Member = {
      ...{ memberId: 'm', tenantId: OWN, email: 'a@b.c', role: 'viewer', state: 'active', addedBy: 'bob' },
      ...{ addedByOperator: false, addedAt: 0, changedAt: 0, keptByDirectory: false },
    };
    const reader = { kind: 'tenant', subject: 'x', role: 'tenant_admin', tenantId: OWN } as const;
    expect(memberToWire(member, reader).added_by).toBe('bob');
    expect(memberToWire({ ...member, addedByOperator: true }, reader).added_by).toBe('operator');
  });
});

describe('keys of a tenant', () => {
  const KEY = { name: 'Nightly import', scopes: ['ingest'] };

  test('its admin makes one that speaks for the tenant alone, and ends it', async () => {
    const made = await ask('POST', '/v1/keys', tokens.own, KEY);
    expect(made.json()).toMatchObject({ tenant_id: OWN, scopes: ['ingest'], created_by: `dev:tenant_admin@${OWN}` });
    const { id, key } = made.json();
    expect((await api.app.inject({ url: '/v1/whoami', headers: bearer(key) })).json()).toMatchObject({
      tenant_id: OWN,
    });
    expect((await ask('DELETE', `/v1/keys/${id}`, tokens.other)).statusCode).toBe(404);
    expect((await ask('DELETE', `/v1/keys/${id}`, tokens.own)).statusCode).toBe(204);
    expect((await api.app.inject({ url: '/v1/whoami', headers: bearer(key) })).statusCode).toBe(401);
  });

  test.each<[string, object, number]>([
    ['flags', { ...KEY, scopes: ['flags'] }, 403],
    ['flags beside ingest', { ...KEY, scopes: ['ingest', 'flags'] }, 403],
    ['of another tenant', { ...KEY, tenant_id: OTHER }, 404],
  ])('%s is refused, and nothing is made', async (_name, payload, status) => {
    expect((await ask('POST', '/v1/keys', tokens.own, payload)).statusCode).toBe(status);
    expect(api.ports.keyAdmin.wanted).toEqual([]);
  });

  test('it sees keys that speak for it, without who of the operator made them, and cannot end those', async () => {
    const { id } = (await ask('POST', '/v1/keys', tokens.admin, { ...KEY, tenant_id: OWN })).json();
    await ask('POST', '/v1/keys', tokens.admin, { ...KEY, tenant_id: OTHER });
    await ask('POST', '/v1/keys', tokens.admin, KEY);
    const { items } = (await ask('GET', '/v1/keys', tokens.own)).json();
    expect(items).toMatchObject([{ id, created_by: 'operator', status: 'active' }]);
    expect((await ask('DELETE', `/v1/keys/${id}`, tokens.own)).statusCode).toBe(404);
    expect((await ask('GET', '/v1/keys', tokens.own)).json().items[0].status).toBe('active');
  });

  test('an answer with keys of another tenant is not sent', async () => {
    await ask('POST', '/v1/keys', tokens.admin, { ...KEY, tenant_id: OTHER });
    api.ports.keyAdmin.listOwn = async () => api.ports.keyAdmin.records;
    const answer = await ask('GET', '/v1/keys', tokens.own);
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'TENANT_MIXUP']);
  });
});

describe('requests to be deleted', () => {
  const requested = async (token = tokens.own, payload: object = { reason: 'We move on.' }) =>
    (await ask('POST', '/v1/deletion-requests', token, payload)).json<DeletionRequestItem>();

  test('one says honestly what happens now', async () => {
    expect(await requested()).toMatchObject({
      ...{ tenant_id: OWN, state: 'requested', reason: 'We move on.', requested_by: `dev:tenant_admin@${OWN}` },
      ...{ requested_at: '2026-06-15T12:00:00.000Z', not_before: '2026-06-29T12:00:00.000Z', legal_hold: false },
      next_step:
        'The tenant is closed, and the operator deletes it, not before 2026-06-29. Nothing is deleted by itself; until then this can be cancelled, which opens it again.',
    });
    expect((await ask('GET', '/v1/deletion-requests', tokens.own)).json()).toMatchObject({
      ...{ items: [{ state: 'requested' }], waiting_days: 14 },
    });
  });

  test('it can be taken back by its tenant, not by another', async () => {
    const { id } = await requested();
    expect((await ask('DELETE', `/v1/deletion-requests/${id}`, tokens.other)).statusCode).toBe(404);
    const cancelled = await ask('DELETE', `/v1/deletion-requests/${id}?tenant_id=${OWN}`, tokens.admin);
    expect(cancelled.json()).toMatchObject({ state: 'cancelled', ended_by: 'admin-token' });
    const seen = (await ask('GET', '/v1/deletion-requests', tokens.own)).json().items[0];
    expect(seen).toMatchObject({ ended_by: 'operator', next_step: 'Cancelled: nothing was deleted.' });
    expect((await ask('DELETE', `/v1/deletion-requests/${id}`, tokens.own)).statusCode).toBe(404);
  });

  test('staff see those of every tenant, a tenant its own', async () => {
    await requested();
    await requested(tokens.other);
    const tenants = async (token: string) =>
      (await ask('GET', '/v1/deletion-requests?open=true', token))
        .json()
        .items.map((item: MemberItem) => item.tenant_id);
    expect(await tenants(tokens.admin)).toEqual([OTHER, OWN]);
    expect(await tenants(tokens.own)).toEqual([OWN]);
    expect((await ask('GET', `/v1/deletion-requests?tenant_id=${OTHER}`, tokens.own)).statusCode).toBe(404);
  });

  test('without a reason, or for another tenant, nothing is requested', async () => {
    const statuses = [
      (await ask('POST', '/v1/deletion-requests', tokens.own, {})).statusCode,
      (await ask('POST', '/v1/deletion-requests', tokens.own, { reason: '' })).statusCode,
      (await ask('POST', '/v1/deletion-requests', tokens.own, { reason: 'x', tenant_id: OTHER })).statusCode,
      (await ask('POST', '/v1/deletion-requests', tokens.admin, { reason: 'x' })).statusCode,
    ];
    expect(statuses).toEqual([400, 400, 404, 400]);
    expect(api.ports.deletions.items).toEqual([]);
  });

  test('a legal hold is set, listed and released by the operator’s admins', async () => {
    const hold = await ask('PUT', `/v1/legal-holds/${OWN}`, tokens.admin, { reason: 'Case 7' });
    expect(hold.json()).toMatchObject({ tenant_id: OWN, reason: 'Case 7', set_by: 'admin-token' });
    expect((await ask('GET', '/v1/legal-holds', tokens.admin)).json().items).toHaveLength(1);
    expect((await ask('DELETE', `/v1/legal-holds/${OWN}`, tokens.admin)).statusCode).toBe(204);
    expect((await ask('DELETE', `/v1/legal-holds/${OWN}`, tokens.admin)).statusCode).toBe(404);
    expect((await ask('PUT', '/v1/legal-holds/..x', tokens.admin, { reason: 'x' })).statusCode).toBe(404);
  });
});
