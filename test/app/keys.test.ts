/** Keys, sign-in links and plans from the command line, against a whole Tenantry: both processes, embedded stores. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditList } from '../../src/api/audit-contract.ts';
import type { CreatedKey, KeyItem, WhoAmI } from '../../src/api/contract.ts';
import {
  ADMIN_TOKEN,
  endEverything,
  type FlowTenantry,
  flowFolder,
  runCommand,
  startTenantry,
} from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { otlpRequest, otlpSpan } from '../support/spans.ts';

/** A change of keys reaches ingest through a watched file, at the latest when it is polled. */
const SECONDS = 10_000;

let tenantry: FlowTenantry;

beforeAll(async () => {
  tenantry = await startTenantry();
});
afterAll(endEverything);

/** `tenantry <args>` of somebody who works on the same machine. */
async function cli(...args: string[]) {
  const run = runCommand(args, {
    TENANTRY_DATA_DIR: tenantry.dataDir,
    TENANTRY_ADMIN_TOKEN: ADMIN_TOKEN,
    TENANTRY_API_PORT: new URL(tenantry.url).port,
  });
  const status = await run.exited;
  return { status, out: run.out(), log: run.log() };
}

async function createKey(...args: string[]): Promise<{ key: string; id: string }> {
  const { status, out, log } = await cli('key', 'create', ...args);
  expect([status, log]).toEqual([0, '']);
  const [, key = ''] = /^Key: (tk_\S+)$/m.exec(out) ?? [];
  const [, id = ''] = /^([0-9a-f-]{36}) /m.exec(out) ?? [];
  expect([key, id]).toEqual([expect.stringMatching(/^tk_[\w-]{43}$/), expect.stringMatching(/./)]);
  return { key, id };
}

/** Sends one span of the tenant; resolves with the status of the answer. */
async function send(key: string, tenant: string): Promise<number> {
  const span = otlpSpan({ name: 'GET /orders', kind: 2, start: Date.now(), attributes: { tenant_id: tenant } });
  const { status } = await fetch(`${tenantry.otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-protobuf' },
    body: Buffer.from(encodeTraceRequest(otlpRequest([span]))),
  });
  return status;
}

const answers = (status: number, key: string) =>
  until(`ingest to answer ${status}`, async () => (await send(key, 'acme')) === status, SECONDS);

async function keyNamed(name: string): Promise<KeyItem | undefined> {
  const { body } = await tenantry.ask<{ items: KeyItem[] }>('/v1/keys');
  return body.items.find((item) => item.name === name);
}

describe('a key made from the command line', () => {
  it('is taken by ingest and API within seconds, and within seconds of its revocation by neither', async () => {
    const { key, id } = await createKey('--name', 'both ways', '--scope', 'ingest,flags');
    await answers(200, key);
    expect((await tenantry.ask('/v1/flags', { token: key })).status).toBe(200);

    expect(await cli('key', 'revoke', id)).toMatchObject({ status: 0, out: `Key ${id} is revoked.\n` });
    expect((await tenantry.ask('/v1/flags', { token: key })).status).toBe(401);
    await answers(401, key);
    expect(await keyNamed('both ways')).toMatchObject({ status: 'revoked', created_by: 'admin-token' });
  });

  it('gets a new secret while the old one goes on working, at both doors, until it is ended or the key revoked', async () => {
    const { key: old, id } = await createKey('--name', 'rotated', '--scope', 'ingest,flags');
    await answers(200, old);
    const rotation = await cli('key', 'rotate', id, '--grace-seconds', '3600');
    expect([rotation.status, rotation.log]).toEqual([0, '']);
    const [, fresh = ''] = /^New secret: (tk_[\w-]{43})$/m.exec(rotation.out) ?? [];
    expect(rotation.out).toMatch(/^The old secret works until 20\d\d-/m);
    const api = async (token: string) => (await tenantry.ask('/v1/flags', { token })).status;
    await answers(200, fresh);
    expect([await send(old, 'acme'), await api(old), await api(fresh)]).toEqual([200, 200, 200]);
    expect(await keyNamed('rotated')).toMatchObject({ id, previous_expires_at: expect.any(String), status: 'active' });

    expect(await cli('key', 'end-previous', id)).toMatchObject({
      ...{ status: 0, out: `The old secret of key ${id} is not taken any more.\n` },
    });
    await answers(401, old);
    expect([await api(old), await send(fresh, 'acme'), await api(fresh)]).toEqual([401, 200, 200]);

    const rotate = { method: 'POST', body: {} } as const;
    const { key: third } = (await tenantry.ask<CreatedKey>(`/v1/keys/${id}/rotate`, rotate)).body;
    await answers(200, third);
    expect(await send(fresh, 'acme')).toBe(200);
    expect((await tenantry.ask(`/v1/keys/${id}`, { method: 'DELETE' })).status).toBe(204);
    await answers(401, fresh);
    expect([await send(third, 'acme'), await api(fresh), await api(third)]).toEqual([401, 401, 401]);

    const { body } = await tenantry.ask<AuditList>('/v1/audit?action=key&limit=6');
    const trail = body.items.filter(({ resource }) => resource === `key/${id}`);
    expect(trail.map(({ action }) => action)).toEqual([
      ...['key.revoke', 'key.rotate', 'key.end_previous', 'key.rotate', 'key.create'],
    ]);
    expect(new Set(trail.map(({ request_id: request }) => request)).size).toBe(5);
    for (const { request_id: request } of trail) expect(request).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is good for its scope alone', async () => {
    const [sender, reader] = await Promise.all([
      createKey('--name', 'sender', '--scope', 'ingest'),
      createKey('--name', 'reader', '--scope', 'flags'),
    ]);
    await answers(200, sender.key);
    expect(await send(reader.key, 'acme')).toBe(401);
    expect((await tenantry.ask('/v1/flags', { token: reader.key })).status).toBe(200);
    expect((await tenantry.ask('/v1/flags', { token: sender.key })).status).toBe(403);
  });

  it('speaks for its tenant alone, whatever the spans say', async () => {
    const { key } = await createKey('--name', 'of one tenant', '--scope', 'ingest', '--tenant', 'bound');
    await answers(200, key);
    expect(await send(key, 'pretended')).toBe(200);
    await tenantry.loaded();
    const found = async (id: string) => (await tenantry.ask<{ total: number }>(`/v1/tenants?q=${id}`)).body.total;
    expect([await found('bound'), await found('pretended')]).toEqual([1, 0]);
  });

  it('ends at its end', async () => {
    const { key } = await createKey('--name', 'short', '--scope', 'ingest', '--expires-in-seconds', '5');
    await answers(200, key);
    await answers(401, key);
    expect(await keyNamed('short')).toMatchObject({ status: 'expired', revoked_at: null });
  });

  it('is listed without its secret, which is on no disk and in no log', async () => {
    const { key, id } = await createKey('--name', 'listed', '--scope', 'flags', '--service', 'checkout');
    const { out } = await cli('key', 'list');
    expect(out).toMatch(new RegExp(`^${id} +listed +flags +every +checkout +active +never `, 'm'));
    expect(out).not.toContain(key);
    expect(tenantry.log()).not.toContain(key);
    const spool = join(tenantry.dataDir, 'spool');
    const files = readdirSync(spool, { withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).toContain('keys.json');
    for (const { name } of files) expect(readFileSync(join(spool, name), 'utf8')).not.toContain(key);
  });

  it('outlives a killed server, as a revocation does', async () => {
    const [kept, ended] = await Promise.all([
      createKey('--name', 'kept', '--scope', 'ingest,flags'),
      createKey('--name', 'ended', '--scope', 'ingest,flags'),
    ]);
    await answers(200, ended.key);
    await cli('key', 'revoke', ended.id);
    await answers(401, ended.key);
    process.kill(tenantry.part('server'), 'SIGKILL');
    // Ingest goes on with the keys that it has read.
    expect([await send(kept.key, 'acme'), await send(ended.key, 'acme')]).toEqual([200, 401]);
    await until('the server to be back', async () => (await tenantry.ask('/readyz')).status === 200);
    const statuses = async ({ key }: { key: string }) => [
      await send(key, 'acme'),
      (await tenantry.ask('/v1/flags', { token: key })).status,
    ];
    expect([await statuses(kept), await statuses(ended)]).toEqual([
      [200, 200],
      [401, 401],
    ]);
  });
});

describe('a key that cannot be', () => {
  it.each([
    [['key', 'create', '--name', 'x', '--scope', 'admin'], /Give ingest or flags/],
    [['key', 'create', '--scope', 'ingest'], /required option '--name/],
    [['key', 'create', '--name', 'x', '--scope', 'ingest', '--expires-in-seconds', 'soon'], /whole number of seconds/],
    [['key', 'create', '--name', 'x', '--scope', 'ingest', '--tenant', '../x'], /must be a tenant id/],
    [['key', 'revoke', 'bootstrap'], /There is no key with this id/],
    [['key', 'rotate', 'bootstrap'], /There is no key with this id/],
    [['key', 'rotate', 'x', '--grace-seconds', '-1'], /whole number of seconds, 0 to end/],
    [['key', 'sign-in', '--role', 'root'], /Allowed choices are/],
    [['key', 'sign-in', '--role', 'viewer'], /needs a tenant/],
    [['tenant', 'plan', 'acme', "'; drop table"], /must be a plan name/],
  ])('tenantry %j fails and says why', async (args, why) => {
    const { status, out, log } = await cli(...args);
    expect([status, out]).toEqual([1, '']);
    expect(log).toMatch(why);
    expect(log).not.toMatch(/\n\s+at /);
  });
});

it('a sign-in link from the command line signs in with its role and tenant', async () => {
  const { status, out } = await cli('key', 'sign-in', '--role', 'tenant_admin', '--tenant', 'acme');
  expect(status).toBe(0);
  const [link = ''] = out.split('\n');
  const answer = await fetch(link, { redirect: 'manual' });
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  const whoAmI = await fetch(`${tenantry.url}/v1/whoami`, { headers: { cookie } });
  expect((await whoAmI.json()) as WhoAmI).toMatchObject({ role: 'tenant_admin', tenant_id: 'acme' });
});

it("a tenant's plan is set from the command line, and listed", async () => {
  await answers(200, (await createKey('--name', 'plans', '--scope', 'ingest')).key);
  await tenantry.loaded();
  expect((await cli('tenant', 'plan', 'acme', 'Enterprise 2')).out).toBe('acme is on the plan Enterprise 2.\n');
  expect((await cli('tenant', 'list')).out).toMatch(/^acme +Enterprise 2 /m);
  expect((await cli('tenant', 'plan', 'acme')).out).toBe('acme is on no plan.\n');
  expect((await cli('tenant', 'list')).out).toMatch(/^acme +- /m);
});

describe('without a server', () => {
  it('says that none answers, and where it looked', async () => {
    const run = runCommand(['key', 'list'], {
      TENANTRY_DATA_DIR: flowFolder(),
      TENANTRY_ADMIN_TOKEN: ADMIN_TOKEN,
      TENANTRY_API_PORT: '1',
    });
    expect(await run.exited).toBe(1);
    expect(run.log()).toContain('No Tenantry answers at http://127.0.0.1:1/v1/keys');
    expect(run.log()).toContain('npm start');
  });

  it('asks for the admin token instead of making one', async () => {
    const dataDir = flowFolder();
    for (const command of [['key', 'list'], ['doctor']]) {
      const run = runCommand(command, { TENANTRY_DATA_DIR: dataDir, TENANTRY_API_PORT: '1' });
      expect(await run.exited).toBe(1);
      if (command[0] === 'key') expect(run.log()).toContain(`There is no admin token in ${dataDir}`);
    }
    expect(existsSync(join(dataDir, 'secrets.json'))).toBe(false);
  });
});
