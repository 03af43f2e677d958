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
  demo = runCommand(['demo', '--tenants', String(TENANTS), '--rate', '40'], {
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

async function tenantList(): Promise<TenantList> {
  const answer = await fetch(`${url}/v1/tenants`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  return (await answer.json()) as TenantList;
}

async function figures() {
  const { items } = await tenantList();
  const sum = (field: 'requests' | 'errors') => items.reduce((total, item) => total + item[field], 0);
  return { requests: sum('requests'), errors: sum('errors') };
}

it('shows every tenant on its plan', async () => {
  const { items } = await until('every tenant to have sent something', async () => {
    const list = await tenantList();
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

// The simulated SaaS has its database in the server's PostgreSQL.
it('goes on when the server is killed: soon the app serves its tenants again', async () => {
  await until('the first figures', async () => (await figures()).requests > 50);
  const server = descendants(demo.pid).find(({ command }) => command.includes('server-process.js'));
  process.kill(server?.pid ?? 0, 'SIGKILL');
  let before = await until('the API to be back', figures);
  // Some requests fail on purpose, never a tenth of them; while the database is away nearly all do.
  await until('a stretch of requests that are served', async () => {
    const now = await figures();
    const requests = now.requests - before.requests;
    if (requests < 100) return false;
    const failed = (now.errors - before.errors) / requests;
    before = now;
    return failed < 0.1;
  });
});

it('ends as one: nothing that it started stays behind', async () => {
  const started = descendants(demo.pid).map(({ pid }) => pid);
  expect(started.length).toBeGreaterThanOrEqual(4);
  demo.child.kill('SIGTERM');
  expect(await demo.exited).toBe(0);
  expect(stillRunning(started)).toEqual([]);
});
