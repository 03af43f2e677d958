import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api-harness.ts';

const PAGE = '<!doctype html><title>Tenantry</title>';
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

let api: ApiUnderTest;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-pages-'));
  const publicDir = join(folder, 'public');
  await mkdir(join(publicDir, 'assets'), { recursive: true });
  await writeFile(join(folder, 'secret.txt'), 'outside');
  await symlink(join(folder, 'secret.txt'), join(publicDir, 'link.txt'));
  await writeFile(join(publicDir, 'index.html'), PAGE);
  await writeFile(join(publicDir, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(publicDir, 'assets', 'main-BdG31xQ2.js'), 'export {};');
  api = await startApi({ publicDir });
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

describe('the dashboards', () => {
  test.each(['/', '/tenants', '/tenants/acme', '/tenants/acme.com', '/tenants/a%7Cb?range=24h', '/v10/x'])(
    'answer a browser at %s with the page, never from a cache unasked',
    async (url) => {
      const answer = await api.app.inject({ url, headers: BROWSER });
      expect([answer.statusCode, answer.body]).toEqual([200, PAGE]);
      expect(answer.headers['content-type']).toMatch(/^text\/html/);
      expect(answer.headers['cache-control']).toBe('no-cache');
    },
  );

  test('let hashed files be kept for ever, others be asked for', async () => {
    const script = await api.app.inject('/assets/main-BdG31xQ2.js');
    expect([script.statusCode, script.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect(script.headers['content-type']).toMatch(/javascript/);
    const icon = await api.app.inject('/favicon.svg');
    expect([icon.statusCode, icon.headers['cache-control']]).toEqual([200, 'no-cache']);
    const again = await api.app.inject({
      url: '/favicon.svg',
      headers: { 'if-none-match': String(icon.headers['etag']) },
    });
    expect(again.statusCode).toBe(304);
  });

  test('may load from this site alone and be framed by nobody', async () => {
    for (const url of ['/', '/assets/main-BdG31xQ2.js', '/healthz', '/no-such-thing', '/%zz']) {
      const { headers } = await api.app.inject({ url, headers: BROWSER });
      const policy = String(headers['content-security-policy']);
      expect([url, policy]).toEqual([url, expect.stringMatching(/^default-src 'self';.*frame-ancestors 'none'/)]);
      expect(policy).not.toMatch(/unsafe|\*|data:/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
    }
  });

  test.each(['/v1/unknown', '/ofrep/v2', '/v1', '/assets/gone-BdG31xQ2.js'])('are no answer at %s', async (url) => {
    const answer = await api.app.inject({ url, headers: BROWSER });
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'NOT_FOUND']);
  });

  test('are no answer to programs', async () => {
    const answer = await api.app.inject({ url: '/tenants', headers: { accept: 'application/json' } });
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'NOT_FOUND']);
  });

  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/%252e%252e/secret.txt',
    '/link.txt',
    '/assets/../../secret.txt',
  ])('give out nothing beside their own files: %s', async (path) => {
    await api.app.ready();
    if (!api.app.server.listening) await api.app.listen({ port: 0, host: '127.0.0.1' });
    // A bare socket: clients would tidy the path up before they send it.
    const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(text).not.toContain('outside');
  });
});

test('without dashboards every other path is the problem that it is', async () => {
  const bare = await startApi();
  const answer = await bare.app.inject({ url: '/', headers: BROWSER });
  await bare.close();
  expect([answer.statusCode, answer.json().code]).toEqual([404, 'NOT_FOUND']);
});

test('shutdown does not wait for browsers that hold a spare connection', async () => {
  const held = await startApi({ shutdownGraceMs: 20 });
  await held.app.listen({ port: 0, host: '127.0.0.1' });
  const spare = connect((held.app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(spare, 'connect');
  spare.on('error', () => undefined);
  const cut = once(spare, 'close');
  await held.close();
  await cut;
  expect(held.app.server.listening).toBe(false);
});
