import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDevIssuer, type DevIssuerOptions } from '../../src/api/issuer.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

function pathOf(link: string): string {
  const { pathname, search } = new URL(link);
  return `${pathname}${search}`;
}

async function signIn(link: string) {
  const answer = await api.app.inject(pathOf(link));
  const cookie = String(answer.headers['set-cookie'] ?? '');
  return { answer, cookie, session: cookie.split(';')[0] ?? '' };
}

async function whoAmI(session: string) {
  return api.app.inject({ url: '/v1/whoami', headers: { cookie: session } });
}

describe('a sign-in link', () => {
  test('carries a code of 256 random bits', () => {
    const codes = Array.from(
      { length: 50 },
      () => new URL(api.issuer.createSignInLink('sre')).searchParams.get('code') ?? '',
    );
    expect(new Set(codes).size).toBe(50);
    for (const code of codes) expect(Buffer.from(code, 'base64url')).toHaveLength(32);
  });

  test('gives a session that only this site and no script can use, and leads to the dashboards', async () => {
    const { answer, cookie, session } = await signIn(api.issuer.createSignInLink('sales'));
    expect([answer.statusCode, answer.headers['location']]).toEqual([303, '/']);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['referrer-policy']).toBe('no-referrer');
    const attributes = cookie.split('; ').slice(1);
    expect(attributes.sort()).toEqual(['HttpOnly', 'Max-Age=43200', 'Path=/', 'SameSite=Strict']);
    expect((await whoAmI(session)).json()).toEqual({
      subject: 'dev:sales',
      role: 'sales',
      tenant_id: null,
      tenants: null,
      expires_at: '2026-06-16T00:00:00.000Z',
    });
  });

  test('of a tenant role signs in to that tenant', async () => {
    const { session } = await signIn(api.issuer.createSignInLink('tenant_admin', OWN));
    expect((await whoAmI(session)).json()).toMatchObject({ role: 'tenant_admin', tenant_id: OWN });
  });

  test('marks the cookie Secure when browsers come by https', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-issuer-'));
    const issuer = await createDevIssuer({ folder, production: false, baseUrl: () => 'https://tenantry.test' });
    const secure = await startApi({ auth: { adminToken: ADMIN_TOKEN, issuer } });
    const link = issuer.createSignInLink('sre');
    expect(link).toMatch(/^https:\/\/tenantry\.test\/signin\?code=/);
    const answer = await secure.app.inject(pathOf(link));
    await secure.close();
    await rm(folder, { recursive: true });
    expect(String(answer.headers['set-cookie'])).toContain('; Secure');
  });

  test('works once, also when it is opened twice at the same moment', async () => {
    const link = api.issuer.createSignInLink('sre');
    const both = await Promise.all([signIn(link), signIn(link)]);
    expect(both.map(({ answer }) => answer.statusCode).sort()).toEqual([303, 401]);
    const again = await signIn(link);
    expect([again.answer.statusCode, again.cookie]).toEqual([401, '']);
  });

  test('is not used up by a preview that sends HEAD', async () => {
    const link = api.issuer.createSignInLink('sre');
    expect((await api.app.inject({ method: 'HEAD', url: pathOf(link) })).statusCode).toBeGreaterThanOrEqual(400);
    expect((await signIn(link)).answer.statusCode).toBe(303);
  });

  test('works for 15 minutes', async () => {
    const [early, late] = [api.issuer.createSignInLink('sre'), api.issuer.createSignInLink('sre')];
    api.clock.now += 15 * MINUTE_MS - 1;
    expect((await signIn(early)).answer.statusCode).toBe(303);
    api.clock.now += 1;
    expect((await signIn(late)).answer.statusCode).toBe(401);
  });

  test.each(['code=nonsense', 'code=', '', 'code=a&code=b', `code=${'x'.repeat(200)}`])(
    'with "%s" gives nothing',
    async (query) => {
      const answer = await api.app.inject(`/signin?${query}`);
      expect([400, 401]).toContain(answer.statusCode);
      expect(answer.headers['set-cookie']).toBeUndefined();
    },
  );

  test('cannot be made for a role and tenant that do not fit', () => {
    expect(() => api.issuer.createSignInLink('admin', OWN)).toThrow(/belongs to no tenant/);
    expect(() => api.issuer.createSignInLink('viewer')).toThrow(/needs a tenant/);
  });
});

describe('a session', () => {
  test('ends after 12 hours', async () => {
    const { session } = await signIn(api.issuer.createSignInLink('sre'));
    api.clock.now += 12 * HOUR_MS;
    expect((await whoAmI(session)).statusCode).toBe(200);
    api.clock.now += 31_000;
    expect((await whoAmI(session)).statusCode).toBe(401);
  });

  test('that was ended is over everywhere, and others go on', async () => {
    const mine = (await signIn(api.issuer.createSignInLink('sre'))).session;
    const theirs = (await signIn(api.issuer.createSignInLink('sre'))).session;
    const headers = { cookie: mine, 'x-tenantry-csrf': '1' };
    const end = await api.app.inject({ method: 'POST', url: '/v1/session/end', headers });
    expect([end.statusCode, String(end.headers['set-cookie'])]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect((await whoAmI(mine)).statusCode).toBe(401);
    expect((await api.app.inject({ url: '/v1/whoami', headers: bearer(mine.split('=')[1] ?? '') })).statusCode).toBe(
      401,
    );
    expect((await whoAmI(theirs)).statusCode).toBe(200);
  });

  test('may read without the CSRF header, and change with it', async () => {
    const { session } = await signIn(api.issuer.createSignInLink('sre'));
    const payload = {
      tenant_id: OWN,
      limit: { requests_per_second: 1, burst: 1 },
      mode: 'shadow',
      expires_in_seconds: 60,
      reason: 'test',
    };
    const post = (headers: Record<string, string>) =>
      api.app.inject({ method: 'POST', url: '/v1/throttles', headers: { cookie: session, ...headers }, payload });
    expect((await api.app.inject({ url: '/v1/throttles', headers: { cookie: session } })).statusCode).toBe(200);
    const refused = await post({});
    expect([refused.statusCode, refused.json().hint]).toEqual([403, 'Send the header "x-tenantry-csrf: 1".']);
    expect((await post({ 'x-tenantry-csrf': '0' })).statusCode).toBe(403);
    expect((await post({ 'x-tenantry-csrf': '1' })).statusCode).toBe(201);
  });
});

describe('a sign-in link asked of the API', () => {
  const ask = (payload: object) =>
    api.app.inject({ method: 'POST', url: '/v1/sign-in-links', headers: bearer(ADMIN_TOKEN), payload });

  test('signs in with the role and tenant asked for, up to the time that the answer names', async () => {
    const [early, late] = [
      (await ask({ role: 'member', tenant_id: OWN })).json(),
      (await ask({ role: 'member', tenant_id: OWN })).json(),
    ];
    expect(early.expires_at).toBe('2026-06-15T12:15:00.000Z');
    api.clock.now = Date.parse(early.expires_at) - 1;
    const { session } = await signIn(early.link);
    expect((await whoAmI(session)).json()).toMatchObject({ role: 'member', tenant_id: OWN });
    api.clock.now += 1;
    expect((await signIn(late.link)).answer.statusCode).toBe(401);
    expect(api.logLines.join('')).not.toContain(new URL(early.link).searchParams.get('code'));
  });

  test.each([
    [{ role: 'sre', tenant_id: OWN }, /belongs to no tenant/],
    [{ role: 'viewer' }, /needs a tenant/],
    [{ role: 'root' }, /"role"/],
    [{}, /"role"/],
    [{ role: 'viewer', tenant_id: '..' }, /must be a tenant id/],
  ])('is refused for %j', async (payload, detail) => {
    const answer = await ask(payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
    expect(answer.json().detail).toMatch(detail);
  });
});

test('without the embedded issuer there is no sign-in link, and dev tokens mean nothing', async () => {
  const production = await startApi({ auth: { adminToken: ADMIN_TOKEN } });
  const answer = await production.app.inject(pathOf(api.issuer.createSignInLink('admin')));
  expect([answer.statusCode, answer.json().code]).toEqual([501, 'NOT_SUPPORTED_HERE']);
  const asked = await production.app.inject({
    method: 'POST',
    url: '/v1/sign-in-links',
    headers: bearer(ADMIN_TOKEN),
    payload: { role: 'admin' },
  });
  expect([asked.statusCode, asked.json().code]).toEqual([501, 'NOT_SUPPORTED_HERE']);
  const token = await production.issuer.issueToken('admin');
  for (const headers of [bearer(token), { cookie: `tenantry_session=${token}` }]) {
    expect((await production.app.inject({ url: '/v1/whoami', headers })).statusCode).toBe(401);
  }
  await production.close();
});

describe('the embedded issuer', () => {
  let folder: string;
  let options: DevIssuerOptions;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'tenantry-issuer-')), 'identity');
    options = { folder, production: false, baseUrl: () => 'http://localhost', now: () => START };
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('refuses to exist in production', async () => {
    const refused = createDevIssuer({ ...options, production: true });
    await expect(refused).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('TENANTRY_JWKS_URL'),
    });
    await expect(stat(folder)).rejects.toThrow();
  });

  test('keeps its key for itself, over restarts, and the list of ended sessions too', async () => {
    const first = await createDevIssuer(options);
    const [kept, ended] = [await first.issueToken('sre'), await first.issueToken('sre')];
    await first.revoke(ended);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const file of await readdir(folder))
      expect([file, (await stat(join(folder, file))).mode & 0o777]).toEqual([file, 0o600]);
    const second = await createDevIssuer(options);
    expect((await second.verify(kept))?.actor).toEqual({ kind: 'staff', subject: 'dev:sre', role: 'sre' });
    expect(await second.verify(ended)).toBeUndefined();
  });

  test('makes one key when several start at once', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => createDevIssuer(options)));
    const token = await all[0]?.issueToken('sre');
    for (const issuer of all) expect(await issuer.verify(token ?? '')).toBeDefined();
    expect((await readdir(folder)).sort()).toEqual(['dev-issuer-key.json']);
  });

  test('does not use a key that others can read, or that is none', async () => {
    await createDevIssuer(options);
    const file = join(folder, 'dev-issuer-key.json');
    await chmod(file, 0o644);
    await expect(createDevIssuer(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await chmod(file, 0o600);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), d: undefined }));
    await expect(createDevIssuer(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('another folder is another issuer', async () => {
    const one = await createDevIssuer(options);
    const other = await createDevIssuer({ ...options, folder: join(folder, 'other') });
    expect(await other.verify(await one.issueToken('admin'))).toBeUndefined();
  });
});
