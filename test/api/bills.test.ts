import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BillRefused } from '../../src/domain/bill-refused.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.bills.uploads.splice(0);
});

const admin = bearer(ADMIN_TOKEN);
const send = (query: string, type: string, payload: string | Buffer) =>
  api.app.inject({ method: 'POST', url: `/v1/bills${query}`, headers: { ...admin, 'content-type': type }, payload });

describe('POST /v1/bills', () => {
  it('hands the file on as it came, with what is said about it', async () => {
    const bytes = Buffer.from([0, 1, 2, 255, 254, 10]);
    const answer = await send(
      '?file_name=nov.parquet&rates=EUR=1.0832,GBP=1.27&split=true&dry_run=true&invoice=i1',
      'application/vnd.apache.parquet',
      bytes,
    );
    expect([answer.statusCode, answer.json().dry_run]).toEqual([200, true]);
    expect(api.ports.bills.uploads).toMatchObject([
      {
        bytes,
        upload: {
          ...{ fileName: 'nov.parquet', rates: { EUR: '1.0832', GBP: '1.27' }, into: 'USD', split: true, dryRun: true },
          ...{
            replace: false,
            allowIdentical: false,
            measure: 'billed',
            defaults: { issuer: '', account: '', invoice: 'i1' },
          },
        },
      },
    ]);
    expect((await send('', 'text/csv', 'a,b\n')).statusCode).toBe(201);
  });

  it('tells every line of a bill that is refused', async () => {
    api.ports.bills.failure = new BillRefused(
      [
        { line: 3, problem: 'there is no amount' },
        { line: 9, problem: 'it is line 2 again' },
      ],
      2,
    );
    const answer = await send('', 'text/csv', 'a,b\n');
    expect(answer.statusCode).toBe(422);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({
      ...{
        code: 'BILL_REFUSED',
        total: 2,
        detail: '2 lines cannot be used. line 3: there is no amount; line 9: it is line 2 again.',
      },
      lines: [
        { line: 3, problem: 'there is no amount' },
        { line: 9, problem: 'it is line 2 again' },
      ],
    });
  });

  it.each([
    ['a rate that is none', '?rates=EUR=abc'],
    ['a rate of an unknown currency', '?rates=XXQ=1'],
    ['a rate of 0', '?rates=EUR=0'],
    ['an unknown option', '?overwrite=true'],
    ['a switch that is neither', '?split=yes'],
  ])('refuses %s before it reads a byte', async (_what, query) => {
    expect((await send(query, 'text/csv', 'a')).statusCode).toBe(400);
    expect(api.ports.bills.uploads).toEqual([]);
  });

  it('takes files only: no form, no text of another site, no JSON', async () => {
    for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded']) {
      expect([type, (await send('', type, 'a')).statusCode]).toEqual([type, 415]);
    }
    expect((await send('', 'application/json', '{}')).statusCode).toBe(400);
  });
});

describe('PUT /v1/allocation-rules', () => {
  const put = (rules: unknown) =>
    api.app.inject({
      method: 'PUT',
      url: '/v1/allocation-rules',
      headers: admin,
      payload: { based_on: versions(), rules } as object,
    });
  const versions = () => api.ports.bills.versions.at(-1)?.version ?? 0;
  const rule = (method: unknown, match: unknown = {}) => ({ id: 'r', part: null, match, method });

  it('gives every kind of rule back as it was sent', async () => {
    const idle = { key: 'cpu_ns', capacity: { per_hour: '3600000000000' }, treatment: 'own_line' };
    const rules = [
      { kind: 'direct', from: { tag: 'tenant' }, tenants: { 'Acme Inc': 'acme' } },
      { kind: 'direct', from: 'sub_account', tenants: {} },
      { kind: 'proportional', key: 'meter:builds', without_tenant: 'spread', idle: null },
      {
        kind: 'weighted',
        keys: [
          { key: 'cpu_ns', weight: 3 },
          { key: 'ai_cost:openai', weight: 1 },
        ],
        without_tenant: 'unallocated',
        idle,
      },
      { kind: 'even', plans: ['gold'] },
      {
        kind: 'fixed',
        shares: [
          { tenant_id: 'acme', percent: 33.3333 },
          { tenant_id: 'beta', percent: 0.0001 },
        ],
        rest: 'shared',
      },
      { kind: 'fixed', shares: [{ tenant_id: 'acme', amount_micro: 1 }], rest: 'unallocated' },
      { kind: 'shared' },
      { kind: 'follow', scope: 'service' },
    ].map((method, index) => ({ ...rule(method, { sub_account: ['a*'], tags: { env: ['prod'] } }), id: `r-${index}` }));
    expect((await put(rules)).statusCode).toBe(200);
    const answer = await api.app.inject({ url: '/v1/allocation-rules', headers: admin });
    expect(answer.json().rules).toEqual(rules);
  });

  it.each<[string, unknown]>([
    ['two rules of one name', [rule({ kind: 'shared' }), rule({ kind: 'shared' })]],
    [
      'a key that nothing is measured by',
      [rule({ kind: 'proportional', key: 'love', without_tenant: 'spread', idle: null })],
    ],
    [
      'a key twice',
      [
        rule({
          kind: 'weighted',
          keys: [
            { key: 'cpu_ns', weight: 1 },
            { key: 'cpu_ns', weight: 1 },
          ],
          without_tenant: 'spread',
          idle: null,
        }),
      ],
    ],
    [
      'more than everything',
      [
        rule({
          kind: 'fixed',
          shares: [
            { tenant_id: 'a', percent: 60 },
            { tenant_id: 'b', percent: 60 },
          ],
          rest: 'shared',
        }),
      ],
    ],
    [
      'amounts among percentages',
      [
        rule({
          kind: 'fixed',
          shares: [
            { tenant_id: 'a', percent: 6 },
            { tenant_id: 'b', amount_micro: 6 },
          ],
          rest: 'shared',
        }),
      ],
    ],
    [
      'a weight of 0',
      [rule({ kind: 'weighted', keys: [{ key: 'cpu_ns', weight: 0 }], without_tenant: 'spread', idle: null })],
    ],
    ['an unknown field to match', [rule({ kind: 'shared' }, { colour: ['red'] })]],
    ['a tenant that is none', [rule({ kind: 'direct', from: 'resource', tenants: { x: '../etc' } })]],
  ])('refuses %s', async (_what, rules) => {
    const before = versions();
    expect((await put(rules)).json()).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    expect(versions()).toBe(before);
  });
});

describe('GET /v1/costs', () => {
  it('answers in the agreed shape, the dearest first, and says what is cut off', async () => {
    const parts = new Map([
      ['compute', 2_000_000n],
      ['ai', 500_000n],
    ]);
    const item = { costMicro: 2_500_000n, parts, estimatedMicro: 500_000n, unpricedCalls: 1 };
    api.ports.costs.answer = {
      ...{
        currency: 'USD',
        billMicro: 9_000_000n,
        sharedMicro: 1_000_000n,
        idleMicro: 2_000_000n,
        unallocatedMicro: 500_000n,
      },
      ...{ estimatedMicro: 500_000n, residualMicro: 0n, otherCurrencies: ['EUR'] },
      items: [
        { ...item, tenantId: OWN, costMicro: 2_500_000n },
        { ...item, tenantId: 'zeta' as TenantId, costMicro: 3_500_000n, parts: new Map([['compute', 3_500_000n]]) },
      ],
    };
    const answer = (
      await api.app.inject({
        url: '/v1/costs?from=2026-06-01T00:00:00Z&to=2026-06-10T10:00:00Z&limit=1',
        headers: admin,
      })
    ).json();
    expect(answer).toMatchObject({
      ...{ currency: 'USD', from: '2026-06-01T00:00:00.000Z', to: '2026-06-11T00:00:00.000Z', group_by: 'tenant' },
      items: [{ tenant_id: 'zeta', cost_micro: 3_500_000, estimated_micro: 500_000, parts: { compute: 3_500_000 } }],
      ...{ bill_micro: 9_000_000, shared_micro: 1_000_000, idle_micro: 2_000_000, unallocated_micro: 500_000 },
      ...{
        residual_micro: 0,
        estimated_micro: 500_000,
        more_tenants: 1,
        more_micro: 2_500_000,
        other_currencies: ['EUR'],
      },
    });
    expect(answer.notes.join(' ')).toMatch(/EUR.*price book.*no known price/);
    const byPart = (await api.app.inject({ url: '/v1/costs?group_by=part', headers: admin })).json();
    expect([byPart.items, byPart.groups]).toMatchObject([[], [{ name: 'compute', bill_micro: 3, shared_micro: 1 }]]);
    // Without a window: this month so far.
    expect(byPart.from).toBe('2026-06-01T00:00:00.000Z');
  });

  it('pages through what a tenant’s costs are made of', async () => {
    const one = {
      ...{ billId: 'b', currency: 'USD', rulesVersion: 1, rule: 'r', part: 'compute', provider: 'p', service: 's' },
      ...{
        chargeCategory: 'Usage',
        from: 0,
        to: 1,
        booked: 0,
        groupMicro: 2n,
        idleMicro: 0n,
        formula: 'f',
        lineCount: 1,
      },
      ...{ bases: [{ key: 'cpu_ns', weight: 1, usage: 2n ** 70n, total: 2n ** 71n }], lines: [] },
    };
    api.ports.costs.explained = [1n, 2n, 3n].map((shareMicro) => ({ ...one, shareMicro }));
    const url = `/v1/costs/${OWN}/explain?limit=2`;
    const first = (await api.app.inject({ url, headers: admin })).json();
    expect(first.items).toMatchObject([
      { cost_micro: 1, usage: [{ tenant: '1180591620717411303424' }] },
      { cost_micro: 2 },
    ]);
    const second = (await api.app.inject({ url: `${url}&cursor=${first.next_cursor}`, headers: admin })).json();
    expect([second.items.map((item: { cost_micro: number }) => item.cost_micro), second.next_cursor]).toEqual([
      [3],
      null,
    ]);
    const moved = await api.app.inject({
      url: `/v1/costs/other/explain?limit=2&cursor=${first.next_cursor}`,
      headers: admin,
    });
    expect(moved.statusCode).toBe(400);
  });

  it('gives FOCUS as a file', async () => {
    const answer = await api.app.inject({ url: '/v1/export/focus?focus_version=1.4', headers: admin });
    expect(answer.headers).toMatchObject({
      'content-disposition': 'attachment; filename="tenantry-focus-2026-06-01.csv"',
    });
    expect(answer.body).toBe('BilledCost,x_Version\n1.000000,1.4\n');
  });
});
