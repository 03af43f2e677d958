import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Role } from '../../src/domain/roles.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let people: Record<'own' | 'other' | 'robot' | 'sales', Record<string, string>>;

beforeEach(async () => {
  api = await startApi();
  const session = async (role: Role, tenantId?: TenantId) => bearer(await api.issuer.issueToken(role, tenantId));
  api.ports.lifecycle.tellsPeopleFromMachines = true;
  people = {
    own: await session('tenant_admin', OWN),
    other: await session('tenant_admin', OTHER),
    robot: await session('automation'),
    sales: await session('sales'),
  };
});
afterEach(() => api.close());

const ADMIN = bearer(ADMIN_TOKEN);
const post = (action: string, payload: object, headers: Record<string, string> = ADMIN, tenant: string = OWN) =>
  api.app.inject({ method: 'POST', url: `/v1/tenants/${tenant}/${action}`, headers, payload });
const state = async (headers: Record<string, string>, tenant: string = OWN) =>
  api.app.inject({ url: `/v1/tenants/${tenant}/state`, headers });
const UNPAID = { reason_code: 'payment', reason: 'invoice 17 of ada is unpaid' };

describe('POST /v1/tenants/{id}/suspend, resume, close, reopen', () => {
  test('tell where the tenant stands; the same again changes nothing', async () => {
    const until = new Date(START + 60_000).toISOString();
    const first = await post('suspend', { ...UNPAID, effect: 'read_only', until });
    expect([first.statusCode, first.headers['etag']]).toEqual([200, '"1"']);
    expect(first.json()).toEqual({
      ...{ tenant_id: OWN, status: 'suspended', version: 1, effect: 'read_only', ...UNPAID, until },
      ...{ since: new Date(START).toISOString(), by: 'admin-token' },
    });
    expect((await post('suspend', { ...UNPAID, effect: 'read_only', until })).json().version).toBe(1);
    expect((await post('resume', { reason: 'paid' })).json()).toMatchObject({
      status: 'active',
      version: 2,
      until: null,
    });
    expect((await post('close', { reason: 'left' })).json()).toMatchObject({ status: 'closed', version: 3 });
    expect((await post('suspend', UNPAID)).json()).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect((await post('reopen', { reason: 'back' })).json()).toMatchObject({ status: 'active', version: 4 });
  });

  test('are decided on the version in If-Match or in the body, or refused', async () => {
    await post('suspend', UNPAID);
    const late = await post('resume', { reason: 'x' }, { ...ADMIN, 'if-match': '"0"' });
    expect([late.statusCode, late.json().code]).toEqual([409, 'CONFLICT']);
    expect((await post('resume', { reason: 'x', version: 7 })).statusCode).toBe(409);
    for (const header of ['1', 'W/"1"', '*', '"99999999999"']) {
      expect((await post('resume', { reason: 'x' }, { ...ADMIN, 'if-match': header })).statusCode).toBe(400);
    }
    expect((await post('resume', { reason: 'x', version: 0 }, { ...ADMIN, 'if-match': '"1"' })).statusCode).toBe(400);
    expect((await post('resume', { reason: 'x', version: 1 }, { ...ADMIN, 'if-match': '"1"' })).statusCode).toBe(200);
  });

  test('refuse what makes no sense, with the field that is at fault', async () => {
    for (const [payload, field] of [
      [{ ...UNPAID, reason_code: 'whim' }, 'reason_code'],
      [{ reason_code: 'payment' }, 'reason'],
      [{ ...UNPAID, until: 'tomorrow' }, 'until'],
      [{ ...UNPAID, until: new Date(START - 1).toISOString() }, 'until'],
      [{ ...UNPAID, effect: 'banish' }, 'effect'],
    ] as const) {
      const answer = await post('suspend', payload);
      expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining(field)]);
    }
    expect((await post('suspend', UNPAID, ADMIN, 'nobody')).statusCode).toBe(404);
  });

  test('are not for sales, and for automation within bounds', async () => {
    expect((await post('suspend', UNPAID, people.sales)).statusCode).toBe(403);
    expect((await post('suspend', UNPAID, people.robot)).json().detail).toContain('within 7 days');
    const soon = { ...UNPAID, until: new Date(START + 60_000).toISOString() };
    expect((await post('suspend', soon, people.robot)).statusCode).toBe(200);
    expect((await post('resume', { reason: 'x' }, people.robot)).statusCode).toBe(200);
    expect((await post('close', { reason: 'x' }, people.robot)).statusCode).toBe(403);
  });
});

describe('people of a suspended or closed tenant', () => {
  const addMember = (headers: Record<string, string>, tenantId: string) =>
    api.app.inject({
      ...{ method: 'POST', url: '/v1/members', headers },
      payload: { email: 'bo@example.com', role: 'viewer', tenant_id: tenantId },
    });

  test('read on, see why and not the words, and change nothing; nobody else is held', async () => {
    await post('suspend', UNPAID);
    const seen = await state(people.own);
    expect(seen.json()).toMatchObject({ status: 'suspended', reason_code: 'payment', reason: null, by: 'operator' });
    expect(seen.body).not.toContain('invoice');
    expect((await api.app.inject({ url: '/v1/usage', headers: people.own })).statusCode).toBe(200);
    const held = await addMember(people.own, OWN);
    expect([held.statusCode, held.json().code]).toEqual([403, 'TENANT_SUSPENDED']);
    expect((await addMember(people.other, OTHER)).statusCode).toBe(201);
    expect((await addMember(ADMIN, OWN)).statusCode).toBe(201);
    expect((await state(people.other)).statusCode).toBe(404);
    await post('resume', { reason: 'paid' });
    api.ports.members.items = [];
    expect((await addMember(people.own, OWN)).statusCode).toBe(201);
  });

  test('may leave, and ask for their data to be deleted', async () => {
    await post('close', { reason: 'left us' });
    expect((await addMember(people.own, OWN)).json().code).toBe('TENANT_CLOSED');
    const wish = {
      method: 'POST',
      url: '/v1/deletion-requests',
      headers: people.own,
      payload: { reason: 'bye' },
    } as const;
    expect((await api.app.inject(wish)).statusCode).toBe(201);
    const end = { method: 'POST', url: '/v1/session/end', headers: people.own } as const;
    expect((await api.app.inject(end)).statusCode).toBe(204);
  });

  test('and its keys: telemetry of a suspended one is taken, of a closed one not, and flags are read all the same', async () => {
    const key = api.ports.keys.issue(['ingest', 'flags'], OWN);
    const headers = bearer(key);
    const event = () =>
      api.app.inject({
        ...{ method: 'POST', url: '/v1/events', headers },
        payload: { specversion: '1.0', id: 'e', source: 'app', type: 'request', subject: OWN },
      });
    await post('suspend', UNPAID);
    expect((await event()).statusCode).toBe(204);
    await post('close', { reason: 'left' });
    expect((await event()).json().code).toBe('TENANT_CLOSED');
    const flags = await api.app.inject({ url: '/v1/flags', headers });
    expect(flags.json().flags).toContainEqual(expect.objectContaining({ kind: 'suspend', status: 'closed' }));
    const ack = { instance_id: 'i', service: 's', revision: 1 };
    expect((await api.app.inject({ method: 'POST', url: '/v1/flags/acks', headers, payload: ack })).statusCode).toBe(
      204,
    );
  });
});

test('what a call signs up with is known again in another order and spelling', async () => {
  const sign = (payload: object, key?: string) =>
    api.app.inject({
      ...{ method: 'POST', url: '/v1/tenants', payload },
      headers: { ...people.sales, ...(key === undefined ? {} : { 'idempotency-key': key }) },
    });
  const body = {
    ...{ tenant_id: 'fresh', display_name: 'Fresh Inc.', plan: 'growth', tags: ['b', 'a'], ingest_key: {} },
    members: [
      { email: 'Zoe@fresh.example', role: 'viewer' },
      { email: 'ada@fresh.example', role: 'tenant_admin' },
    ],
    trial: { ends_at: '2026-07-01T00:00:00+02:00', then_plan: null },
  };
  const first = await sign(body, 'k');
  expect(first.statusCode).toBe(201);
  expect(first.json()).toMatchObject({ created: true, replayed: false, ingest_key: { key: 'tk_secret' } });
  expect(api.ports.lifecycle.onboarding.wanted[0]).toMatchObject({
    ...{ tenantId: 'fresh', plan: 'growth', profile: { displayName: 'Fresh Inc.', tags: ['a', 'b'] } },
    trial: { endsAt: Date.parse('2026-06-30T22:00:00Z'), thenPlan: null },
    members: [{ email: 'zoe@fresh.example', role: 'viewer', state: 'invited' }, {}],
  });
  const [zoe, ada] = body.members;
  const again = await sign({
    ...{ ...body, tags: ['a', 'b', 'a'], members: [ada, { ...zoe, email: 'ZOE@fresh.example', state: 'invited' }] },
    trial: { ends_at: '2026-06-30T22:00:00Z', then_plan: null },
  });
  expect([again.statusCode, again.json()]).toEqual([
    200,
    { ...first.json(), replayed: true, ingest_key: { id: 'k-1', key: null } },
  ]);
  const other = await sign({ ...body, plan: 'starter' });
  expect([other.statusCode, other.json()]).toMatchObject([409, { code: 'CONFLICT', pointer: '/plan' }]);
  for (const [wrong, pointer] of [
    [{ tenant_id: '../x' }, '/tenant_id'],
    [{ billing_day: 32 }, '/billing_day'],
    [{ members: [zoe, { ...zoe }] }, '/members'],
    [{ members: [{ email: 'no', role: 'viewer' }] }, '/members/0/email'],
    [{ retention: { hours_days: 3 } }, '/retention/hours_days'],
    [{ color: 'red' }, '/color'],
  ] as const) {
    const answer = await sign({ ...body, ...wrong });
    expect([answer.statusCode, answer.json().pointer ?? '']).toEqual([400, pointer]);
  }
  expect((await sign({ ...body, tenant_id: 'other' }, 'with space')).statusCode).toBe(400);
});
