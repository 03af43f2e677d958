/** `tenantry demo` as users start it, but small. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TenantList } from '../../src/api/contract.ts';
import { makeTenants } from '../../src/demo/tenants.ts';
import { descendants, stillRunning } from '../support/flow-processes.ts';
import { type CommandRun, endEverything, flowFolder, runCommand } from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';

const ADMIN_TOKEN = 'admin-token-of-the-demo-test';
const TENANTS = 6;
/** The one that the demo takes when it is told none. */
const SEED = 1;

let demo: CommandRun;
let url = '';

beforeAll(async () => {
  demo = runCommand(['demo', '--tenants', String(TENANTS), '--rate', '30'], {
    TENANTRY_DATA_DIR: flowFolder(),
    TENANTRY_ADMIN_TOKEN: ADMIN_TOKEN,
    TENANTRY_API_PORT: '0',
    TENANTRY_OTLP_HTTP_PORT: '0',
    TENANTRY_OTLP_GRPC_PORT: '0',
  });
  const announced = until('the announcement', () =>
    /simulated tenants/.test(demo.out()) ? /Dashboards\s+(http\S+)/.exec(demo.out())?.[1] : undefined,
  );
  const failed = demo.exited.then(() => Promise.reject(new Error(demo.log())));
  // It ends after the last test as well, and then nobody listens.
  failed.catch(() => undefined);
  url = await Promise.race([announced, failed]);
});
afterAll(endEverything);

it('shows every tenant on its plan', async () => {
  const { items } = await until('every tenant to have sent something', async () => {
    const answer = await fetch(`${url}/v1/tenants`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const list = (await answer.json()) as TenantList;
    return list.total === TENANTS && list;
  });
  const plans = items.map(({ tenant_id, plan }) => [tenant_id, plan]).toSorted();
  expect(plans).toEqual(
    makeTenants(TENANTS, SEED)
      .map(({ id, plan }) => [id, plan])
      .toSorted(),
  );
});

it('says where another sign-in link comes from, with the data directory that the demo has for itself', () => {
  expect(demo.out()).toMatch(/`TENANTRY_DATA_DIR=\S+\/demo npx tenantry key sign-in --role sre` makes another/);
});

it('ends as one: nothing that it started stays behind', async () => {
  const started = descendants(demo.pid).map(({ pid }) => pid);
  expect(started.length).toBeGreaterThanOrEqual(4);
  demo.child.kill('SIGTERM');
  expect(await demo.exited).toBe(0);
  expect(stillRunning(started)).toEqual([]);
});
