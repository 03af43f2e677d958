import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let staff: string;
let own: string;

beforeAll(async () => {
  api = await startApi();
  api.ports.usage.add('(unknown)', { requests: 999n }, { requestNs: 5_000n });
  api.ports.usage.add('initech', {
    response_bytes: 2n ** 53n,
    cache_hits: 3n,
    cache_misses: 1n,
    requests: 0n,
    errors: 0n,
  });
  api.ports.usage.services = [
    { service: 'shop', measures: ['requests'], computeBasis: 'request_time' },
    { service: 'hidden', measures: ['db_calls'], computeBasis: 'cpu_time' },
  ];
  staff = await api.issuer.issueToken('sales');
  own = await api.issuer.issueToken('viewer', OWN);
});
afterAll(() => api.close());

async function get(url: string, token = staff) {
  const answer = await api.app.inject({ url, headers: bearer(token) });
  return { status: answer.statusCode, body: answer.json() };
}

describe('usage', () => {
  test('is of every tenant, exact, and null where it was not measured', async () => {
    const { body } = await get('/v1/usage?metrics=requests,response_bytes,db_rows');
    expect(body.items.map((item: { tenant_id: string }) => item.tenant_id)).toEqual([
      OWN,
      OTHER,
      'initech',
      '(unknown)',
    ]);
    expect(body.items[0].values).toEqual({ requests: 100, response_bytes: null, db_rows: null });
    // 2^53 is the first whole number that a double shares with its neighbour.
    expect(body.items[2].values).toEqual({ requests: 0, response_bytes: '9007199254740992', db_rows: null });
    expect(body.units).toEqual({ requests: 'requests', response_bytes: 'bytes', db_rows: 'rows' });
    expect(body).toMatchObject({ total: 4, next_cursor: null, step: null });
  });

  test('has ratios only of what was counted', async () => {
    const { body } = await get('/v1/usage');
    expect(body.items[0].ratios).toMatchObject({ error_rate: 0.01, cache_hit_rate: null });
    expect(body.items[2].ratios).toMatchObject({ error_rate: null, cache_hit_rate: 0.75 });
  });

  test('shares compute among tenants alone, and says how each service was measured', async () => {
    const { body } = await get('/v1/usage');
    const shares = body.items.map(
      (item: { compute: { request_time_share: number | null } }) => item.compute.request_time_share,
    );
    expect(shares).toEqual([0.333333, 0.666666, null, null]);
    expect(body.items[0].compute).toMatchObject({ cpu_ns: null, request_ns: 1_000, cpu_share: null });
    expect(body.services).toEqual([
      { service: 'shop', measures: ['requests'], compute_basis: 'request_time' },
      { service: 'hidden', measures: ['db_calls'], compute_basis: 'cpu_time' },
    ]);
    expect((await get('/v1/usage?metrics=requests')).body.items[0].compute).toBeNull();
  });

  test('of one tenant says nothing about anybody else', async () => {
    const { body } = await get('/v1/usage', own);
    expect(body.items).toHaveLength(1);
    expect(body.items[0]).toMatchObject({
      tenant_id: OWN,
      compute: { request_ns: 1_000, request_time_share: null, cpu_share: null },
    });
    expect(body.services.map(({ service }: { service: string }) => service)).toEqual(['shop']);
    expect(body.total).toBe(1);
    for (const question of api.ports.usage.questions.slice(-1)) expect(question.tenants).toEqual([OWN]);
  });

  test('comes in pages of one window, sorted by what is asked for', async () => {
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 4; pages += 1) {
      const { status, body } = await get(`/v1/usage?metrics=requests&sort=requests&limit=1${cursor}`);
      expect(status).toBe(200);
      seen.push(...body.items.map((item: { tenant_id: string }) => item.tenant_id));
      cursor = `&cursor=${body.next_cursor}`;
      if (pages < 3) api.clock.now += 600_000;
      else expect(body.next_cursor).toBeNull();
      expect(body.to).toBe(new Date(START).toISOString());
    }
    api.clock.now = START;
    expect(seen).toEqual([OTHER, OWN, 'initech', '(unknown)']);
  });

  test('in steps has each step with its start', async () => {
    const { body } = await get(`/v1/usage?metrics=requests&step=day&tenant_id=${OWN}&from=2026-06-10T00:00:00Z`);
    expect(body.step).toBe('day');
    expect(body.items[0].series).toEqual([{ at: '2026-06-10T00:00:00.000Z', values: { requests: 100 } }]);
  });

  test.each([
    ['metrics=requests,nonsense', 'there is no metric "nonsense"'],
    ['metrics=meter:Bad', 'there is no metric "meter:Bad"'],
    ['metrics=requests&sort=errors', '"sort" is not one of the metrics'],
    ['step=minute&from=2026-06-10T00:00:00Z', 'points, at most'],
    ['from=2026-06-15T13:00:00Z&to=2026-06-15T12:00:00Z', 'must be before'],
    ['step=week', 'step'],
    ['cursor=abc', 'cursor'],
  ])('refuses %s', async (query, detail) => {
    const { status, body } = await get(`/v1/usage?${query}`);
    expect(status).toBe(400);
    expect(body.code).toBe('BAD_REQUEST');
    expect(JSON.stringify(body)).toContain(detail.replaceAll('"', '\\"'));
  });

  test.each([
    ['2026-06-14T10:30:30Z', '2026-06-14T10:30:00.000Z'],
    ['2026-05-14T10:30:30Z', '2026-05-14T10:00:00.000Z'],
    ['2026-02-14T10:30:30Z', '2026-02-14T00:00:00.000Z'],
  ])('from %s begins with what is kept of that time', async (from, begin) => {
    const { body } = await get(`/v1/usage?metrics=requests&from=${from}`);
    expect([body.from, body.to]).toEqual([begin, new Date(START).toISOString()]);
    expect(api.ports.usage.questions.at(-1)?.window.from).toBe(Date.parse(begin));
  });

  test.each(['minute', 'hour'])('refuses steps of a %s that are no longer kept', async (step) => {
    const { status, body } = await get(
      `/v1/usage?step=${step}&tenant_id=${OWN}&from=2026-02-14T00:00:00Z&to=2026-02-14T02:00:00Z`,
    );
    expect([status, body.hint]).toEqual([400, 'Use a larger step. Minutes are kept for 30 days, hours for 90.']);
  });

  test("a cursor of staff is no tenant's", async () => {
    const { body } = await get('/v1/usage?limit=1');
    expect((await get(`/v1/usage?limit=1&cursor=${body.next_cursor}`, own)).status).toBe(400);
  });
});

describe('queries', () => {
  test('of all tenants are for staff', async () => {
    const { body } = await get('/v1/queries?sort=p95_ms&limit=7&group_by=query');
    expect(body.items.map((item: { tenant_id: string }) => item.tenant_id)).toEqual([OWN, OTHER]);
    expect(body.items[0]).toMatchObject({
      mean_ms: 25,
      total_ms: 100,
      rows: null,
      query: 'SELECT * FROM orders WHERE id = ?',
    });
    expect(api.ports.queries.questions.at(-1)).toMatchObject({ sort: 'p95_ms', limit: 7, by: 'query' });
    expect((await get('/v1/queries', own)).status).toBe(403);
  });

  test('of a tenant are for it and for staff', async () => {
    for (const token of [own, staff]) {
      const { body } = await get(`/v1/tenants/${OWN}/queries`, token);
      expect(body.items.map((item: { tenant_id: string }) => item.tenant_id)).toEqual([OWN]);
    }
    expect((await get(`/v1/tenants/${OTHER}/queries`, own)).status).toBe(404);
    expect((await get('/v1/tenants/a%2Fb/queries')).status).toBe(404);
  });

  test('that were slow come with their trace, from the configured threshold on', async () => {
    const { body } = await get(`/v1/tenants/${OWN}/slow-queries`, own);
    expect(body.min_duration_ms).toBe(200);
    expect(body.items).toMatchObject([
      { tenant_id: OWN, trace_id: '0af7651916cd43dd8448eb211c80319c', duration_ms: 250 },
    ]);
    await get(`/v1/tenants/${OWN}/slow-queries?min_duration_ms=5`);
    expect(api.ports.queries.questions.at(-1)).toMatchObject({ minDurationNs: 5_000_000n, limit: 50 });
  });
});

describe('the audit of own databases', () => {
  test('is for staff, with the reason where a look failed', async () => {
    const statement = {
      ...{ user: 'app', query: 'select * from orders', calls: 3, totalMs: 4.5, rows: 9 },
      verdict: 'unfiltered' as const,
      tables: [{ table: 'public.orders', alias: 'orders', verdict: 'unfiltered' as const, reason: 'nothing holds it' }],
    };
    api.ports.queryAudits.items.push(
      { target: 'db:5432/shop', checkedAt: START, problem: 'It cannot be reached.', report: null },
      {
        target: 'db:5432/shop2',
        checkedAt: START,
        problem: null,
        report: {
          ...{ from: null, to: START, wasReset: true, forgotten: 1, hidden: 2 },
          tables: [{ table: 'public.orders', rowSecurity: 'off' }],
          summary: { filtered: 0, unfiltered: 1, row_security: 0, unknown: 0, none: 0 },
          findings: [statement],
          top: { time: [statement], calls: [], rows: [] },
        },
      },
    );
    const { body } = await get('/v1/query-audit');
    expect(body.items[0]).toMatchObject({ target: 'db:5432/shop', problem: 'It cannot be reached.', report: null });
    expect(body.items[1].report).toMatchObject({
      from: null,
      was_reset: true,
      hidden: 2,
      tables: [{ row_security: 'off' }],
    });
    expect(body.items[1].report.findings).toEqual(body.items[1].report.top_by_time);
    expect(body.items[1].report.findings[0]).toMatchObject({ total_ms: 4.5, verdict: 'unfiltered' });
    expect((await get('/v1/query-audit', own)).status).toBe(403);
  });
});
