import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const broken = async () => [
  { name: 'clickhouse', ok: true, detail: 'embedded engine' },
  { name: 'postgres', ok: false, detail: 'db-7.internal refuses connections; start it' },
];

describe('GET /readyz', () => {
  test('is ready when every part is', async () => {
    const answer = await api.app.inject('/readyz');
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      {
        status: 'ready',
        parts: [
          { name: 'clickhouse', ok: true },
          { name: 'postgres', ok: true },
        ],
      },
    ]);
  });

  test('names the part that is not, and tells staff alone what it says', async () => {
    api.ports.health.answer = broken;
    const [probe, tenant, staff] = await Promise.all(
      [{}, bearer(await api.issuer.issueToken('viewer', OWN)), bearer(ADMIN_TOKEN)].map((headers) =>
        api.app.inject({ url: '/readyz', headers }),
      ),
    );
    for (const answer of [probe, tenant]) {
      expect(answer?.statusCode).toBe(503);
      expect(answer?.json()).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        detail: 'Not ready: postgres.',
        parts: [
          { name: 'clickhouse', ok: true },
          { name: 'postgres', ok: false },
        ],
      });
      expect(answer?.body).not.toContain('internal');
    }
    expect(staff?.json().parts[1].detail).toBe('db-7.internal refuses connections; start it');
  });

  test('is not ready when the check itself fails or hangs', async () => {
    api.ports.health.answer = async () => {
      throw new Error('SELECT 1');
    };
    const failed = await api.app.inject({ url: '/readyz', headers: bearer(ADMIN_TOKEN) });
    expect([failed.statusCode, failed.json().detail]).toEqual([503, 'Not ready: health.']);
    expect(failed.body).not.toContain('SELECT');
    api.ports.health.answer = () => new Promise(() => undefined);
    const hung = await api.app.inject({ url: '/readyz', headers: bearer(ADMIN_TOKEN) });
    expect([hung.statusCode, hung.json().parts]).toEqual([
      503,
      [{ name: 'health', ok: false, detail: 'No answer within 3000 ms.' }],
    ]);
  });

  test('answers also while credentials cannot be checked', async () => {
    api.ports.keys.failure = new Error('Postgres is down');
    expect((await api.app.inject({ url: '/readyz', headers: bearer('tk_x') })).statusCode).toBe(200);
  });
});

test('GET /healthz says that the process lives, whatever the stores do', async () => {
  api.ports.health.answer = broken;
  const answer = await api.app.inject('/healthz');
  expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'alive' }]);
});

test('GET /metrics is the registry, requests counted by route and never by tenant', async () => {
  await api.app.inject({ url: `/v1/tenants/${OWN}/metrics?metric=requests`, headers: bearer(ADMIN_TOKEN) });
  await api.app.inject({ url: '/no/such/path', headers: bearer(ADMIN_TOKEN) });
  const answer = await api.app.inject({ url: '/metrics', headers: bearer(ADMIN_TOKEN) });
  expect(answer.headers['content-type']).toMatch(/^text\/plain/);
  expect(answer.body).toContain(
    'tenantry_api_request_seconds_count{method="GET",route="/v1/tenants/:id/metrics",status="200"} 1',
  );
  expect(answer.body).toContain('route="(none)",status="404"} 1');
  expect(answer.body).not.toContain(OWN);
  expect(answer.body).not.toContain('such/path');
});
