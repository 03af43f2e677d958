/** The self-check of a whole Tenantry: it finds nothing wrong, and nobody but who asks for it sees any of it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KeyList, TenantList } from '../../src/api/contract.ts';
import type { IngestHealthBody } from '../../src/api/ingest-health-contract.ts';
import { postSpans, serverSpan, spansBody } from '../support/flow-otlp.ts';
import { endEverything, type FlowTenantry, INGEST_KEY, runCommand, startTenantry } from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';

let tenantry: FlowTenantry;

beforeAll(async () => {
  tenantry = await startTenantry({ TENANTRY_SELF_CHECK_SECONDS: '1' });
});
afterAll(endEverything);

const health = async () => (await tenantry.ask<IngestHealthBody>('/v1/ingest')).body;

it('finds nothing wrong, run after run, with a key that nobody gave it', async () => {
  await until('three runs', async () => ((await health()).self_check?.runs ?? 0) >= 3);
  const { self_check: check, findings } = await health();
  expect(check).toMatchObject({ failures: [], failing_since: null, lag_ms: expect.any(Number) });
  expect(findings).toEqual([]);
  const { body: metrics } = await tenantry.ask<string>('/metrics');
  expect(Number(/^tenantry_self_check_runs_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(3);
  expect(metrics).toMatch(/^tenantry_self_check_failing 0$/m);
  expect(metrics).toMatch(/^tenantry_self_check_failures_total\{stage="day"\} 0$/m);
});

it('is in no list, no sum and no count', async () => {
  expect((await postSpans(tenantry.otlpUrl, spansBody([serverSpan('acme', 'one')]))).status).toBe(200);
  await until('the span of acme', async () => (await tenantry.tenants()).has('acme'));
  // The figures of ingest health are measured every few seconds, and not for each question.
  const { ingest, services, keys, verdict } = await until('ingest health to know of the service', async () => {
    const answer = await health();
    return answer.services.length > 0 ? answer : undefined;
  });
  expect(verdict.level).toBe('ok');
  expect(services.map(({ service }) => service)).toEqual(['shop']);
  expect(keys.map(({ id }) => id)).toEqual(['bootstrap']);
  expect(ingest).toMatchObject({ spans: 1 });
  const { body: list } = await tenantry.ask<TenantList>('/v1/tenants');
  expect(list.items.map(({ tenant_id: id }) => id)).toEqual(['acme']);
  expect((await tenantry.ask<KeyList>('/v1/keys')).body.items).toEqual([]);
  for (const path of ['/metrics/tenants', '/v1/usage', '/v1/costs', '/v1/attribution', '/v1/setup', '/openapi.json']) {
    const { body } = await tenantry.ask<unknown>(path);
    expect(JSON.stringify(body), path).not.toContain('(self-check');
    expect(JSON.stringify(body), path).not.toContain('tenantry-self-check');
  }
  const asked = await tenantry.ask('/v1/tenants/(self-check:00000000)/metrics?metric=requests');
  expect(asked.status).toBe(404);
});

it('is what doctor tells of, with one verdict first', async () => {
  const doctor = runCommand(['doctor'], {
    ...{ TENANTRY_DATA_DIR: tenantry.dataDir, TENANTRY_ADMIN_TOKEN: 'admin-token-of-the-flow-tests' },
    TENANTRY_API_PORT: new URL(tenantry.url).port,
    TENANTRY_OTLP_HTTP_PORT: new URL(tenantry.otlpUrl).port,
    TENANTRY_INGEST_KEY: INGEST_KEY,
  });
  expect(await doctor.exited, doctor.out() + doctor.log()).toBe(0);
  expect(doctor.out()).toMatch(/^All is well\.\n\nok {4}ingest/);
});
