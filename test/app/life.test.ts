/** `tenantry serve` from the first start to the next one, as its user sees it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlertRouteItem, TenantList, ThrottleList } from '../../src/api/contract.ts';
import { postSpans, serverSpan, spansBody } from '../support/flow-otlp.ts';
import { descendants, stillRunning } from '../support/flow-processes.ts';
import { endEverything, type FlowTenantry, flowFolder, runCommand, startTenantry } from '../support/flow-tenantry.ts';

/** Unset, so that Tenantry makes its own. */
const NO_SECRETS = { TENANTRY_ADMIN_TOKEN: '', TENANTRY_INGEST_KEY: '', TENANTRY_LOG_LEVEL: 'debug' };

let dataDir: string;
let tenantry: FlowTenantry;
let adminToken: string;
let ingestKey: string;

const askAsAdmin = <Body>(path: string, options: { method?: string; body?: unknown } = {}) =>
  tenantry.ask<Body>(path, { ...options, token: adminToken });
const post = () =>
  postSpans(tenantry.otlpUrl, spansBody([serverSpan('acme', 'one')]), { authorization: `Bearer ${ingestKey}` });
/** Another command on the same folder and, where it asks the server, the same port. */
const beside = (...args: string[]) =>
  runCommand(args, {
    TENANTRY_DATA_DIR: dataDir,
    TENANTRY_API_PORT: new URL(tenantry.url).port,
    TENANTRY_OTLP_HTTP_PORT: new URL(tenantry.otlpUrl).port,
    TENANTRY_LATE_TENANT_SECONDS: '0',
  });

beforeAll(async () => {
  dataDir = flowFolder();
  tenantry = await startTenantry(NO_SECRETS, dataDir);
  adminToken = /Admin token\s+(\S+)/.exec(tenantry.out())?.[1] ?? '';
  ingestKey = /Ingest key\s+(\S+)/.exec(tenantry.out())?.[1] ?? '';
});
afterAll(endEverything);

describe('the first start', () => {
  it('makes both secrets, prints them, and keeps them where only its user can read them', () => {
    expect(adminToken).toMatch(/^ta_[\w-]{43}$/);
    expect(ingestKey).toMatch(/^tk_[\w-]{43}$/);
    const file = join(dataDir, 'secrets.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ adminToken, ingestKey });
  });

  it('opens with them, and with nothing else', async () => {
    expect((await post()).status).toBe(200);
    expect((await askAsAdmin('/v1/tenants')).status).toBe(200);
    expect((await tenantry.ask('/v1/tenants', { token: '' })).status).toBe(401);
    expect((await tenantry.ask('/v1/tenants', { token: ingestKey })).status).toBe(403);
    expect((await tenantry.ask('/v1/tenants', { token: `${adminToken.slice(0, -1)}x` })).status).toBe(401);
  });

  it('prints a sign-in link for each role; it works in a browser, once', async () => {
    const link = /Sign in\s+sre\s+(http\S+)/.exec(tenantry.out())?.[1] ?? '';
    const signIn = await fetch(link, { redirect: 'manual' });
    expect(signIn.status).toBeGreaterThanOrEqual(300);
    expect(signIn.status).toBeLessThan(400);
    const cookie = signIn.headers.getSetCookie().map((text) => text.split(';')[0]);
    expect(cookie.length).toBeGreaterThan(0);
    const who = await fetch(`${tenantry.url}/v1/whoami`, { headers: { cookie: cookie.join('; ') } });
    expect(await who.json()).toMatchObject({ role: 'sre', tenant_id: null });
    const again = await fetch(link, { redirect: 'manual' });
    expect(again.headers.getSetCookie()).toEqual([]);
  });
});

describe('beside a running one', () => {
  it.each(['serve', 'migrate', 'ingest'])('%s on the same folder says who has it, and ends', async (command) => {
    const settings = {
      TENANTRY_DATA_DIR: dataDir,
      TENANTRY_API_PORT: '0',
      TENANTRY_OTLP_HTTP_PORT: '0',
      TENANTRY_OTLP_GRPC_PORT: '0',
      TENANTRY_LOG_LEVEL: 'silent',
    };
    const second = runCommand([command], settings);
    expect(await second.exited).toBe(1);
    expect(second.log()).toMatch(/error: Another process uses this data directory\n {2}.+\n {2}.*TENANTRY_DATA_DIR/);
    expect(second.log()).not.toContain('at ');
    expect((await post()).status).toBe(200);
    expect((await askAsAdmin('/readyz')).status).toBe(200);
  });

  it('serve on a taken port says which setting to change', async () => {
    const settings = {
      TENANTRY_DATA_DIR: flowFolder(),
      TENANTRY_LOG_LEVEL: 'silent',
      TENANTRY_API_PORT: '0',
      TENANTRY_OTLP_GRPC_PORT: '0',
    };
    const second = runCommand(['serve'], { ...settings, TENANTRY_OTLP_HTTP_PORT: new URL(tenantry.otlpUrl).port });
    expect(await second.exited).toBe(1);
    expect(second.log()).toMatch(/^error: .+\n.+\n?.*TENANTRY_OTLP_HTTP_PORT/);
  });

  it('doctor finds everything well', async () => {
    const doctor = beside('doctor');
    expect(await doctor.exited, doctor.out() + doctor.log()).toBe(0);
    for (const part of ['ingest', 'clickhouse', 'postgres', 'loader', 'detector', 'alerts']) {
      expect(doctor.out()).toMatch(new RegExp(`^ok +${part} `, 'm'));
    }
  });

  it('doctor says which alerts reach nobody, and why', async () => {
    const route = { name: 'ops by mail', target: { channel: 'email', to: ['ops@example.com'] } };
    const { body } = await askAsAdmin<AlertRouteItem>('/v1/alert-routes', { method: 'POST', body: route });
    const doctor = beside('doctor');
    expect(await doctor.exited).toBe(1);
    expect(doctor.out()).toMatch(/^FAIL +alerts +ops by mail: no mail server is set; set TENANTRY_SMTP_URL/m);
    await askAsAdmin(`/v1/alert-routes/${body.id}`, { method: 'DELETE' });
    const again = beside('doctor');
    expect(await again.exited, again.out()).toBe(0);
  });

  it('throttle sets, lists and lifts', async () => {
    const set = beside('throttle', 'set', 'acme', '--rate', '2', '--reason', 'from the command line');
    expect(await set.exited, set.log()).toBe(0);
    const { body } = await askAsAdmin<ThrottleList>('/v1/throttles?active=true');
    expect(body.items).toMatchObject([
      { tenant_id: 'acme', reason: 'from the command line', created_by: 'admin-token' },
    ]);
    const id = body.items[0]?.id ?? '';
    const list = beside('throttle', 'list');
    expect(await list.exited).toBe(0);
    expect(list.out()).toContain(id);
    const lift = beside('throttle', 'lift', id);
    expect(await lift.exited, lift.log()).toBe(0);
    expect((await askAsAdmin<ThrottleList>('/v1/throttles?active=true')).body.items).toEqual([]);
    const again = beside('throttle', 'lift', id);
    expect(await again.exited).toBe(1);
    expect(again.log()).toContain('error: Not found');
  });
});

describe('the end', () => {
  it('comes within 20 s of SIGTERM, with status 0, all processes gone, also while apps listen for flags', async () => {
    const stream = await fetch(`${tenantry.url}/v1/flags/stream`, {
      headers: { authorization: `Bearer ${ingestKey}` },
    });
    expect(stream.status).toBe(200);
    expect((await post()).status).toBe(200);
    const pids = descendants(tenantry.pid).map(({ pid }) => pid);
    const startedAt = performance.now();
    expect(await tenantry.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(stillRunning(pids)).toEqual([]);
    await stream.text().catch(() => 'cut');
  });

  it('leaves no secret in any log', () => {
    expect(tenantry.log()).toContain('server ready');
    const { log } = tenantry;
    expect(log()).not.toContain(adminToken);
    expect(log()).not.toContain(ingestKey);
    for (const [, code = ''] of tenantry.out().matchAll(/signin\?code=(\S+)/g)) expect(log()).not.toContain(code);
    expect(log()).not.toMatch(/postgres:\/\/[^:]+:[^@]+@/);
    expect(log(), 'nothing went wrong').not.toMatch(/"level":[456]0/);
  });
});

describe('the next start', () => {
  it('finds both databases up to date', async () => {
    const migrate = beside('migrate');
    expect(await migrate.exited, migrate.log()).toBe(0);
    expect(migrate.out()).toBe('ClickHouse: up to date\nPostgreSQL: up to date\n');
  });

  it('prints no secret again, takes those of the first, and still has the data', async () => {
    tenantry = await startTenantry(NO_SECRETS, dataDir);
    expect(tenantry.out()).not.toContain(adminToken);
    expect(tenantry.out()).not.toContain(ingestKey);
    await tenantry.loaded();
    const before = (await askAsAdmin<TenantList>('/v1/tenants')).body.items[0]?.requests ?? 0;
    expect(before).toBeGreaterThanOrEqual(4);
    expect((await post()).status).toBe(200);
    await tenantry.loaded();
    expect((await askAsAdmin<TenantList>('/v1/tenants')).body.items).toMatchObject([
      { tenant_id: 'acme', requests: before + 1 },
    ]);
  });

  it('ends on Ctrl-C as well, which reaches the children at the same time', async () => {
    const below = descendants(tenantry.pid);
    for (const { pid } of below.filter(({ command }) => command.includes('dist/'))) process.kill(pid, 'SIGINT');
    tenantry.child.kill('SIGINT');
    expect(await tenantry.exited).toBe(0);
    expect(stillRunning(below.map(({ pid }) => pid))).toEqual([]);
    expect(tenantry.log()).not.toContain('starting it again');
  });
});
