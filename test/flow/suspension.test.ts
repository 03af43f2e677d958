/** From a person's word to the app's answer: real Postgres, feed, API over HTTP and middleware; only telemetry is left out. */
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApi } from '../../src/api/server.ts';
import { stateDesk } from '../../src/app/lifecycle.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import { createTenantry, fromHeader, type Tenantry } from '../../src/middleware/index.ts';
import { ChangeListener } from '../../src/store/postgres/change-listener.ts';
import { FlagFeed } from '../../src/store/postgres/flag-feed.ts';
import { TenantStateStore } from '../../src/store/postgres/lifecycle-state.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { ADMIN_TOKEN, bearer } from '../support/api-harness.ts';
import { createMemoryPorts } from '../support/api-ports.ts';
import { until } from '../support/flow-waiting.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const ACME = 'acme' as TenantId;

let db: TestPostgres;
let changes: ChangeListener;
let api: FastifyInstance;
let app: FastifyInstance;
let tenantry: Tenantry;

beforeAll(async () => {
  db = await startTestPostgres();
  await new TenantDirectory(db.postgres).remember([ACME, 'globex' as TenantId]);
  changes = new ChangeListener({ url: db.appUrl, log: silentLog, pollMs: 600_000 });
  const flags = new FlagFeed({ postgres: db.postgres, changes, log: silentLog });
  await flags.refresh();
  changes.start();
  await until('notifications to be heard', () => changes.listening);
  const memory = createMemoryPorts(Date.now);
  const { plans, onboarding, retention } = memory.lifecycle;
  const lifecycle = { plans, onboarding, retention, states: stateDesk(new TenantStateStore(db.postgres)) };
  api = createApi({
    ports: { ...memory, flags, lifecycle },
    ...{ auth: { adminToken: ADMIN_TOKEN }, log: silentLog, version: '1.2.3' },
  });
  await api.listen({ host: '127.0.0.1', port: 0 });
  const apiUrl = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
  tenantry = createTenantry({ serviceName: 'shop', apiUrl, key: memory.keys.issue(['flags']) });
  app = fastify();
  await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
  app.all('/orders', async () => 'done');
  await until('the first flags', () => tenantry.flags.isReady);
}, 60_000);
afterAll(async () => {
  await tenantry.shutdown();
  await app.close();
  await api.close();
  await changes.stop();
  await db.stop();
});

const status = async (method: 'GET' | 'POST' = 'POST', tenant: string = ACME) =>
  (await app.inject({ method, url: '/orders', headers: { 'x-tenant': tenant } })).statusCode;
const command = async (action: string, payload: object) => {
  const url = `/v1/tenants/${ACME}/${action}`;
  const answer = await api.inject({ method: 'POST', url, headers: bearer(ADMIN_TOKEN), payload });
  expect(answer.statusCode, answer.body).toBe(200);
};
const UNPAID = { reason_code: 'payment', reason: 'invoice 17 is unpaid' };

it('an app refuses a suspended tenant and lets it go, by word and by time, also when nothing more is heard', async () => {
  expect(await status()).toBe(200);
  await command('suspend', UNPAID);
  await expect.poll(() => status(), { interval: 10 }).toBe(403);
  expect([await status('GET'), await status('POST', 'globex')]).toEqual([403, 200]);

  await command('suspend', { ...UNPAID, effect: 'read_only' });
  await expect.poll(() => status('GET'), { interval: 10 }).toBe(200);
  expect(await status('POST')).toBe(403);

  await command('resume', { reason: 'paid' });
  await expect.poll(() => status('POST'), { interval: 10 }).toBe(200);

  await command('close', { reason: 'left' });
  await expect.poll(() => status('GET'), { interval: 10 }).toBe(403);
  await command('reopen', { reason: 'back' });
  await expect.poll(() => status('GET'), { interval: 10 }).toBe(200);

  await command('suspend', { ...UNPAID, until: new Date(Date.now() + 1_500).toISOString() });
  await expect.poll(() => status(), { interval: 10 }).toBe(403);
  // From here on nobody tells the app anything: it must find the end by itself.
  await api.close();
  await expect.poll(() => status(), { interval: 20 }).toBe(200);
  expect(tenantry.stats()).toMatchObject({ suspension_failed: 0, flag_malformed: 0, hook_failed: 0 });
});
