import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ABSENT, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';
import { TRACE_ID } from '../support/api-memory-traces.ts';
import { figuresOf } from '../support/api-ports.ts';

let api: ApiUnderTest;
let tokens: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  tokens = {
    tenant_admin: await api.issuer.issueToken('tenant_admin', OWN),
    member: await api.issuer.issueToken('member', OWN),
    viewer: await api.issuer.issueToken('viewer', OWN),
  };
});
afterAll(() => api.close());

/** Everywhere that a caller can name a tenant. */
const PLACES: Record<string, (tenant: string) => string> = {
  'metrics path': (tenant) => `/v1/tenants/${tenant}/metrics?metric=requests`,
  'metrics path, percent-encoded': (tenant) =>
    `/v1/tenants/${[...tenant].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('')}/metrics?metric=requests`,
  'metrics path, wrong group': (tenant) => `/v1/tenants/${tenant}/metrics?metric=requests&group_by=model`,
  'throttles filter': (tenant) => `/v1/throttles?tenant_id=${tenant}`,
  'anomalies filter': (tenant) => `/v1/anomalies?tenant_id=${tenant}`,
  'caps filter': (tenant) => `/v1/caps?tenant_id=${tenant}`,
  'storage filter': (tenant) => `/v1/storage?tenant_id=${tenant}`,
  'usage filter': (tenant) => `/v1/usage?tenant_id=${tenant}`,
  'queries path': (tenant) => `/v1/tenants/${tenant}/queries`,
  'slow queries path': (tenant) => `/v1/tenants/${tenant}/slow-queries`,
  'traces path': (tenant) => `/v1/tenants/${tenant}/traces`,
  'trace path': (tenant) => `/v1/tenants/${tenant}/traces/${TRACE_ID}`,
  'latency heat path': (tenant) => `/v1/tenants/${tenant}/latency-heat`,
  'quotas filter': (tenant) => `/v1/quotas?tenant_id=${tenant}`,
  'burst credits filter': (tenant) => `/v1/burst-credits?tenant_id=${tenant}`,
  'burst entries filter': (tenant) => `/v1/burst-credits/entries?tenant_id=${tenant}`,
  'search text': (tenant) => `/v1/tenants?q=${tenant}`,
};

async function wholeAnswer(url: string, token: string): Promise<{ status: number; bytes: string }> {
  const answer = await api.app.inject({ url, headers: { ...bearer(token), 'x-request-id': 'fixed' } });
  const { date: _date, ...headers } = answer.headers;
  return { status: answer.statusCode, bytes: JSON.stringify([answer.statusCode, headers, answer.body]) };
}

describe.each(Object.keys(PLACES))('by %s', (place) => {
  const urlFor = PLACES[place] ?? (() => '');

  test("another tenant's id answers byte for byte like an absent one", async () => {
    for (const token of Object.values(tokens)) {
      const other = await wholeAnswer(urlFor(OTHER), token);
      const absent = await wholeAnswer(urlFor(ABSENT), token);
      expect(other).toEqual(absent);
      if (place !== 'search text' && place !== 'metrics path, wrong group') expect(other.status).toBe(404);
      expect(other.bytes).not.toContain(OTHER);
    }
  });

  test('no store is asked about the other tenant', async () => {
    const asked = () =>
      JSON.stringify([
        api.ports.figures.metricQuestions,
        api.ports.figures.listQuestions,
        api.ports.usage.questions,
        api.ports.storage.questions,
        api.ports.traces.questions,
        api.ports.queries.questions.map(({ window: _, ...question }) => Object.values(question).map(String)),
      ]);
    const before = asked();
    await wholeAnswer(urlFor(OTHER), tokens['viewer'] ?? '');
    const news = asked().slice(before.length);
    expect(news.replace(`"search":"${OTHER}"`, '')).not.toContain(OTHER);
  });
});

test('a tenant sees its own figures, throttles and anomalies, and nobody else', async () => {
  for (const token of Object.values(tokens)) {
    const { items, total } = (await api.app.inject({ url: '/v1/tenants', headers: bearer(token) })).json();
    expect(items.map((item: { tenant_id: string }) => item.tenant_id)).toEqual([OWN]);
    expect(total).toBe(1);
    for (const url of ['/v1/throttles', '/v1/anomalies', `/v1/throttles?tenant_id=${OWN}`]) {
      const list = (await api.app.inject({ url, headers: bearer(token) })).json().items;
      expect(list.map((item: { tenant_id: string }) => item.tenant_id)).toEqual([OWN]);
    }
  }
});

test('a tenant learns that it is throttled, not by whom, nor by which instances, nor in whose words', async () => {
  const read = async (token: string) => {
    const url = `/v1/throttles?tenant_id=${OWN}`;
    return (await api.app.inject({ url, headers: bearer(token) })).json().items[0];
  };
  const forStaff = await read(await api.issuer.issueToken('sre'));
  const forTenant = await read(tokens['tenant_admin'] ?? '');
  expect(forStaff).toMatchObject({ created_by: 'detector', acks: [{ service: 'checkout' }] });
  expect(forTenant).toEqual({ ...forStaff, created_by: 'operator', acks: [], reason: forTenant.reason });
  expect(forTenant.reason).toMatch(/^The operator has limited your requests for a while/);
});

test('the share of attributed spans, a figure over all tenants, is for staff', async () => {
  const share = async (token: string) =>
    (await api.app.inject({ url: '/v1/tenants', headers: bearer(token) })).json().attributed_share;
  expect(await share(await api.issuer.issueToken('sales'))).toBe(0.97);
  expect(await share(tokens['viewer'] ?? '')).toBeNull();
});

describe('when a port answers with rows of another tenant', () => {
  test.each([
    [
      '/v1/tenants',
      (leaky: ApiUnderTest) => {
        leaky.ports.figures.tenants = async () => ({
          items: [figuresOf(OTHER)],
          total: 1,
          sparkStepSeconds: 60,
          attributedShare: null,
          dataUntil: null,
        });
      },
    ],
    [
      '/v1/throttles',
      (leaky: ApiUnderTest) => {
        leaky.ports.throttles.list = async () => leaky.ports.throttles.records;
      },
    ],
    [
      '/v1/anomalies',
      (leaky: ApiUnderTest) => {
        leaky.ports.anomalies.list = async () => leaky.ports.anomalies.items;
      },
    ],
  ])('%s is refused and says nothing of it', async (url, makeLeaky) => {
    const leaky = await startApi();
    try {
      makeLeaky(leaky);
      const token = await leaky.issuer.issueToken('member', OWN);
      const answer = await leaky.app.inject({ url, headers: bearer(token) });
      expect([answer.statusCode, answer.json().code]).toEqual([500, 'TENANT_MIXUP']);
      expect(answer.body).not.toContain(OTHER);
    } finally {
      await leaky.close();
    }
  });
});

test('a key that is bound to a tenant reads flags of that tenant only', async () => {
  const read = async (tenant?: typeof OWN) => {
    const headers = bearer(api.ports.keys.issue(['flags'], tenant));
    const { flags } = (await api.app.inject({ url: '/v1/flags', headers })).json();
    return flags.map((flag: { tenant_id: string }) => flag.tenant_id);
  };
  expect(await read(OTHER)).toEqual([OTHER]);
  expect(await read()).toEqual([OWN, OTHER]);
});
