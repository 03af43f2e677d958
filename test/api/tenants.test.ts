import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TenantFigures, TenantList } from '../../src/api/contract.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { RESERVED_TENANTS } from '../../src/domain/tenant-id.ts';
import { HOUR_MS } from '../../src/domain/window.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';
import { figuresOf } from '../support/api-ports.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

async function get(url: string, token = ADMIN_TOKEN) {
  return api.app.inject({ url, headers: bearer(token) });
}

async function list(query = ''): Promise<TenantList> {
  const answer = await get(`/v1/tenants${query}`);
  expect(answer.statusCode).toBe(200);
  return answer.json();
}

describe('GET /v1/tenants', () => {
  test('passes measured numbers through and adds plan and throttles in force', async () => {
    const measured = figuresOf('initech', {
      p50_ms: null,
      p95_ms: null,
      p99_ms: null,
      ai_cost_micro: null,
      db_ms: 0.1 + 0.2,
    });
    api.ports.figures.rows.push(measured);
    const { items } = await list();
    const byId = new Map(items.map((item) => [item.tenant_id, item]));
    // An unknown price and a missing percentile stay null: 0 would be a claim.
    expect(byId.get('initech')).toEqual({ ...measured, plan: null, throttles: [] });
    const [throttle] = (await get(`/v1/throttles?tenant_id=${OWN}&active=true`)).json().items;
    expect(byId.get(OWN)).toMatchObject({
      plan: 'growth',
      throttles: [{ id: throttle.id, mode: 'enforce', expires_at: '2026-06-15T12:05:00.000Z' }],
    } satisfies Partial<TenantFigures>);
  });

  test('shows a throttle until it runs out', async () => {
    api.clock.now += 300_000;
    expect((await list()).items.flatMap((item) => item.throttles)).toEqual([]);
  });

  test('asks for the last hour by default and says so', async () => {
    const answer = await list();
    expect(answer).toMatchObject({ from: '2026-06-15T11:00:00.000Z', to: '2026-06-15T12:00:00.000Z', total: 2 });
    expect(api.ports.figures.listQuestions).toEqual([
      {
        window: { from: START - HOUR_MS, to: START },
        sort: 'requests',
        order: 'desc',
        search: undefined,
        limit: 100,
        offset: 0,
        onlyTenant: undefined,
      },
    ]);
  });

  test('hands every parameter to the reader', async () => {
    await list('?from=2026-06-01T00:00:00%2B02:00&to=2026-06-02T00:00:00Z&sort=p95_ms&order=asc&q=Acm&limit=7');
    expect(api.ports.figures.listQuestions).toEqual([
      {
        window: { from: Date.UTC(2026, 4, 31, 22), to: Date.UTC(2026, 5, 2) },
        sort: 'p95_ms',
        order: 'asc',
        search: 'Acm',
        limit: 7,
        offset: 0,
        onlyTenant: undefined,
      },
    ]);
  });

  test('orders names from A, figures from the largest', async () => {
    expect((await list('?sort=tenant_id')).items.map((item) => item.tenant_id)).toEqual([OWN, OTHER]);
    expect((await list('?sort=requests')).items.map((item) => item.tenant_id)).toEqual([OTHER, OWN]);
  });
});

describe('paging', () => {
  const ids = Array.from({ length: 25 }, (_, index) => `tenant-${String(index).padStart(2, '0')}`);

  beforeEach(() => {
    api.ports.figures.rows = ids.map((id) => figuresOf(id));
  });

  test('walks every tenant once, over one and the same window', async () => {
    const seen: string[] = [];
    let page = await list('?sort=tenant_id&limit=10');
    const windows = new Set<string>();
    for (;;) {
      seen.push(...page.items.map((item) => item.tenant_id));
      windows.add(`${page.from}/${page.to}`);
      expect(page.total).toBe(25);
      if (page.next_cursor === null) break;
      // The clock goes on between two pages; "the last hour" of the first page must not slide.
      api.clock.now += 60_000;
      page = await list(`?sort=tenant_id&limit=10&cursor=${page.next_cursor}`);
    }
    expect(seen).toEqual(ids);
    expect(windows.size).toBe(1);
  });

  test('has no further page when the last one is exactly full', async () => {
    const first = await list('?sort=tenant_id&limit=25');
    expect(first.next_cursor).toBeNull();
  });

  test('refuses a cursor that was changed in any place', async () => {
    const { next_cursor: cursor } = await list('?limit=10');
    const text = cursor ?? '';
    for (let index = 0; index < text.length; index += 1) {
      const changed = text.slice(0, index) + (text[index] === 'A' ? 'B' : 'A') + text.slice(index + 1);
      const answer = await get(`/v1/tenants?limit=10&cursor=${changed}`);
      expect([index, answer.statusCode, answer.json().code]).toEqual([index, 400, 'BAD_REQUEST']);
    }
    for (const other of [`${text}.`, `${text}A`, `.${text}`, text.slice(0, -1), '.', 'x', text.replace('.', '%2e.')]) {
      expect([other, (await get(`/v1/tenants?limit=10&cursor=${other}`)).statusCode]).toEqual([other, 400]);
    }
    expect((await get(`/v1/tenants?limit=10&cursor=${text}`)).statusCode).toBe(200);
  });

  test('refuses a cursor of another query, caller or server', async () => {
    const { next_cursor: cursor } = await list('?limit=10');
    const queries = [
      'limit=11',
      'limit=10&sort=errors',
      'limit=10&order=asc',
      'limit=10&q=tenant',
      'limit=10&to=2026-06-15T12:00:00Z',
    ];
    for (const query of queries) {
      expect([query, (await get(`/v1/tenants?${query}&cursor=${cursor}`)).statusCode]).toEqual([query, 400]);
    }
    const tenantToken = await api.issuer.issueToken('viewer', OWN);
    expect((await get(`/v1/tenants?limit=10&cursor=${cursor}`, tenantToken)).statusCode).toBe(400);
    const otherServer = await startApi();
    const answer = await otherServer.app.inject({
      url: `/v1/tenants?limit=10&cursor=${cursor}`,
      headers: bearer(ADMIN_TOKEN),
    });
    await otherServer.close();
    expect(answer.statusCode).toBe(400);
  });

  test("servers with the same cursor secret take each other's cursors", async () => {
    const cursorSecret = new Uint8Array(32).fill(7);
    const auth = { adminToken: ADMIN_TOKEN, cursorSecret };
    const [one, two] = [await startApi({ auth }), await startApi({ auth })];
    for (const server of [one, two]) server.ports.figures.rows = ids.map((id) => figuresOf(id));
    const headers = bearer(ADMIN_TOKEN);
    const { next_cursor: cursor } = (await one.app.inject({ url: '/v1/tenants?limit=10', headers })).json();
    const answer = await two.app.inject({ url: `/v1/tenants?limit=10&cursor=${cursor}`, headers });
    await Promise.all([one.close(), two.close()]);
    expect([answer.statusCode, answer.json().items.length]).toEqual([200, 10]);
  });
});

describe('GET /v1/tenants/:id/metrics', () => {
  test('passes the series through unchanged', async () => {
    api.ports.figures.series = [
      {
        group: { route: '/orders/:id' },
        points: [
          [START, 0.1 + 0.2],
          [START + 60_000, null],
        ],
      },
    ];
    const answer = await get(`/v1/tenants/${OWN}/metrics?metric=p95_ms&group_by=route`);
    expect(answer.json().series).toEqual(api.ports.figures.series);
    expect(api.ports.figures.metricQuestions).toEqual([
      {
        tenantId: OWN,
        metric: 'p95_ms',
        window: { from: START - HOUR_MS, to: START },
        stepSeconds: 60,
        groupBy: 'route',
      },
    ]);
  });

  test.each([
    ['an hour', '2026-06-15T11:00:00Z', 60],
    ['500 minutes', '2026-06-15T03:40:00Z', 60],
    ['501 minutes', '2026-06-15T03:39:00Z', 3_600],
    ['20 days', '2026-05-26T12:00:00Z', 3_600],
    ['21 days', '2026-05-25T12:00:00Z', 86_400],
    ['400 days', '2025-05-11T12:00:00Z', 86_400],
  ])('chooses the smallest step that gives at most 500 points for %s', async (_name, from, step) => {
    const answer = await get(`/v1/tenants/${OWN}/metrics?metric=requests&from=${from}`);
    expect([answer.statusCode, answer.json().step_seconds]).toEqual([200, step]);
  });

  test.each([
    ['step=59', /"step": must be a whole number from 60 to 86400/],
    ['step=90', /"step": must be a multiple of 60/],
    ['step=60&from=2026-05-15T12:00:00Z', /"step": 44640 points, at most 1500/],
    ['from=2025-05-11T11:59:59Z', /more than 400 days/],
    ['from=2026-06-15T12:00:00Z', /"from" must be before "to"/],
    ['from=2026-06-15', /"from": must be an RFC 3339 time/],
    ['from=1969-12-31T23:59:59Z', /the years 2000 to 2099/],
    ['to=2262-04-12T00:00:00Z', /the years 2000 to 2099/],
    ['group_by=model', /requests cannot be grouped by model/],
    ['group_by=password', /"group_by"/],
    ['metric=errors', /"metric"/],
    ['tenant_id=acme', /unknown query parameter "tenant_id"/],
  ])('refuses %s and says what is allowed', async (query, detail) => {
    const answer = await get(`/v1/tenants/${OWN}/metrics?metric=requests&${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().detail).toMatch(detail);
  });

  test('staff get 404 for tenants that neither the control plane nor telemetry knows, and for what is no id', async () => {
    const bodies = [];
    for (const id of ['nobody', '..', '.', '%2e%2e', '%252e%252e', 'a%2fb', 'a%00b', '%20', `${'x'.repeat(129)}`]) {
      const answer = await api.app.inject({
        url: `/v1/tenants/${id}/metrics?metric=requests`,
        headers: { ...bearer(ADMIN_TOKEN), 'x-request-id': 'fixed' },
      });
      expect([id, answer.statusCode]).toEqual([id, 404]);
      bodies.push(answer.json().code);
    }
    expect(new Set(bodies)).toEqual(new Set(['NOT_FOUND']));
    expect(api.ports.figures.metricQuestions).toEqual([]);
  });

  test('a tenant that only telemetry knows can be read, and so can spans without a tenant', async () => {
    api.ports.figures.rows.push(figuresOf('newcomer'), ...RESERVED_TENANTS.map((name) => figuresOf(name)));
    for (const id of ['newcomer', ...RESERVED_TENANTS.map(encodeURIComponent)]) {
      expect((await get(`/v1/tenants/${id}/metrics?metric=requests`)).statusCode).toBe(200);
    }
  });

  test('figures stay readable while the control plane is down', async () => {
    api.ports.plans.failure = new TenantryError('STORE_UNAVAILABLE', 'Postgres does not answer.');
    expect((await get(`/v1/tenants/${OWN}/metrics?metric=requests`)).statusCode).toBe(200);
    const token = await api.issuer.issueToken('viewer', OWN);
    expect((await get(`/v1/tenants/${OWN}/metrics?metric=requests`, token)).statusCode).toBe(200);
    const answer = await get('/v1/tenants');
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2']);
  });
});
