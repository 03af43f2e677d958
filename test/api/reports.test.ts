import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const get = (url: string, headers = bearer(ADMIN_TOKEN)) => api.app.inject({ url, headers });
const asTenant = async (role: 'tenant_admin' | 'viewer' = 'viewer') => bearer(await api.issuer.issueToken(role, OWN));

describe('exports', () => {
  test.each([
    ['csv', 'text/csv; charset=utf-8', "tenant_id\r\n'=everybody\r\n"],
    ['json', 'application/json; charset=utf-8', '[{"tenant_id":"=everybody"}]\n'],
  ])('are files with a name, as %s', async (format, type, body) => {
    const answer = await get(`/v1/exports/costs?format=${format}&from=2026-06-01T00:00:00Z`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe(type);
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="tenantry-costs-2026-06-01.${format}"`);
    expect(answer.body).toBe(body);
  });

  test('are bytes and not text as Parquet', async () => {
    const { rawPayload, headers } = await get('/v1/exports/usage?format=parquet');
    expect(headers['content-type']).toBe('application/vnd.apache.parquet');
    expect(rawPayload.subarray(0, 4).toString()).toBe('PAR1');
    expect(rawPayload.subarray(-4).toString()).toBe('PAR1');
  });

  test('hold a tenant to its own rows', async () => {
    const headers = await asTenant();
    await get('/v1/exports/usage?step=day', headers);
    expect(api.ports.reports.questions.at(-1)).toMatchObject({ dataset: 'usage', step: 'day', tenantId: OWN });
    expect((await get(`/v1/exports/usage?tenant_id=${OTHER}`, headers)).statusCode).toBe(404);
  });

  test.each(['format=xlsx', 'step=week', 'from=yesterday', 'from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z', 'x=1'])(
    'refuse %s',
    async (query) => {
      const answer = await get(`/v1/exports/usage?${query}`);
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ code: 'BAD_REQUEST' });
    },
  );
});

describe('statements', () => {
  test("show a tenant's people their own, as a page under its own policy", async () => {
    const answer = await get(`/v1/statements/${OWN}?month=2026-05`, await asTenant());
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(answer.body).toBe('<p>customer</p>');
    expect(api.ports.reports.statements.at(-1)).toMatchObject({ tenantId: OWN, year: 2026, month: 5 });
  });

  test('with cost and margin are for admin and sales alone', async () => {
    const url = `/v1/statements/${OWN}?month=2026-05&audience=internal`;
    expect((await get(url)).body).toBe('<p>internal</p>');
    const sre = bearer(await api.issuer.issueToken('sre'));
    for (const headers of [sre, await asTenant('tenant_admin')]) {
      const answer = await get(url, headers);
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toMatchObject({ hint: 'Ask for audience=customer.' });
    }
  });

  test.each([`${OTHER}?month=2026-05`, '%20?month=2026-05'])('of others are not there: %s', async (path) => {
    expect((await get(`/v1/statements/${path}`, await asTenant())).statusCode).toBe(404);
  });

  test.each(['2026-13', '2026-1', '1999-01', ''])('refuse the month %j', async (month) => {
    expect((await get(`/v1/statements/${OWN}?month=${month}`)).statusCode).toBe(400);
  });
});

describe('report schedules', () => {
  const NEW = {
    ...{ name: 'to finance', dataset: 'margins', format: 'parquet', period: 'week', time_zone: 'Europe/Berlin' },
    ...{ url: 'https://finance.example/hooks/secret', signing_secret: `whsec_${'A'.repeat(32)}` },
  };
  const post = (changes: object = {}) =>
    api.app.inject({
      ...{ method: 'POST', url: '/v1/report-schedules', headers: bearer(ADMIN_TOKEN) },
      payload: { ...NEW, ...changes },
    });

  test('are made, listed without their secrets, and deleted', async () => {
    const made = await post();
    expect(made.statusCode).toBe(201);
    const item = made.json();
    expect(item).toMatchObject({ name: 'to finance', host: 'finance.example', step: 'total', tenant_id: null });
    const listed = await get('/v1/report-schedules');
    expect(listed.json().items).toEqual([item]);
    expect(`${made.body}${listed.body}`).not.toMatch(/secret|whsec_/);
    const remove = () =>
      api.app.inject({
        ...{ method: 'DELETE', url: `/v1/report-schedules/${item.id}`, headers: bearer(ADMIN_TOKEN) },
      });
    expect((await remove()).statusCode).toBe(204);
    expect((await remove()).statusCode).toBe(404);
  });

  test.each([
    { dataset: 'passwords' },
    { time_zone: 'Mars/Olympus' },
    { url: 'file:///etc/passwd' },
    { url: 'javascript:alert(1)' },
    { signing_secret: 'whsec_short' },
    { name: '' },
    { more: 1 },
  ])('refuse %j', async (changes) => {
    const answer = await post(changes);
    expect(answer.statusCode).toBe(400);
    expect(answer.body).not.toContain('whsec_A');
  });
});
