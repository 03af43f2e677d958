/** The demo while its server dies: the simulated SaaS has its database in the server's PostgreSQL. */
import { afterAll, expect, it } from 'vitest';
import type { TenantList } from '../../src/api/contract.ts';
import { descendants } from '../support/flow-processes.ts';
import { ADMIN_TOKEN, endEverything, flowFolder, runCommand } from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';

afterAll(endEverything);

it('goes on when the server is killed: soon the app serves its tenants again', async () => {
  const demo = runCommand(['demo', '--tenants', '6', '--rate', '40'], {
    TENANTRY_DATA_DIR: flowFolder(),
    TENANTRY_ADMIN_TOKEN: ADMIN_TOKEN,
    TENANTRY_API_PORT: '0',
    TENANTRY_OTLP_HTTP_PORT: '0',
    TENANTRY_OTLP_GRPC_PORT: '0',
  });
  const url = await until('the announcement', () =>
    /simulated tenants/.test(demo.out()) ? /Dashboards\s+(http\S+)/.exec(demo.out())?.[1] : undefined,
  );
  const figures = async () => {
    const answer = await fetch(`${url}/v1/tenants`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const { items } = (await answer.json()) as TenantList;
    const sum = (field: 'requests' | 'errors') => items.reduce((total, item) => total + item[field], 0);
    return { requests: sum('requests'), errors: sum('errors') };
  };
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
  demo.child.kill('SIGTERM');
  expect(await demo.exited).toBe(0);
});
