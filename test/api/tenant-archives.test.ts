import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';

const NOBODY = '00000000-0000-4000-8000-000000000001';

let api: ApiUnderTest;
let own: string;
let other: string;

beforeAll(async () => {
  api = await startApi();
  own = await api.issuer.issueToken('tenant_admin', OWN);
  other = await api.issuer.issueToken('tenant_admin', OTHER);
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.archives.items = [];
  api.ports.archives.restored = [];
});

const call = (method: 'GET' | 'POST' | 'DELETE', url: string, token: string, payload?: object) =>
  api.app.inject({ method, url, headers: { ...bearer(token), 'x-request-id': 'fixed' }, ...(payload && { payload }) });
const ask = (token: string, payload: object) => call('POST', '/v1/tenant-exports', token, payload);

describe('an export', () => {
  test('of the tenant that asks is what it may have, whole unless it says otherwise', async () => {
    const made = (await ask(own, { format: 'csv' })).json();
    expect(made).toMatchObject({
      ...{ tenant_id: OWN, format: 'csv', audience: 'tenant', sections: ['telemetry', 'usage', 'account'] },
      ...{ from: null, to: null, state: 'waiting', file: null, asked_at: new Date(START).toISOString() },
    });
    const part = await ask(own, {
      format: 'json',
      sections: ['usage'],
      from: '2026-01-01T00:00:00Z',
      to: '2026-02-01T00:00:00+01:00',
    });
    expect(part.json()).toMatchObject({
      sections: ['usage'],
      from: '2026-01-01T00:00:00.000Z',
      to: '2026-01-31T23:00:00.000Z',
    });
  });

  test.each([
    ['an archive', { format: 'archive' }],
    ['what is the operator’s', { format: 'csv', audience: 'operator' }],
  ])('with %s is not for a tenant', async (_what, payload) => {
    expect((await ask(own, payload)).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect(api.ports.archives.items).toEqual([]);
    expect((await ask(ADMIN_TOKEN, { ...payload, tenant_id: OWN })).json()).toMatchObject({ audience: 'operator' });
  });

  test.each([
    ['no format', {}],
    ['a format of its own', { format: 'xlsx' }],
    ['half a time', { format: 'csv', from: '2026-01-01T00:00:00Z' }],
    ['a time that ends before it begins', { format: 'csv', from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }],
    ['an empty list of sections', { format: 'csv', sections: [] }],
    ['a field more', { format: 'csv', path: '/etc/passwd' }],
    ['an archive of a part', { format: 'archive', sections: ['usage'] }],
    ['an archive of a time', { format: 'archive', from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' }],
  ])('with %s is refused', async (_what, payload) => {
    expect((await ask(ADMIN_TOKEN, { tenant_id: OWN, ...payload })).json()).toMatchObject({ code: 'BAD_REQUEST' });
    expect(api.ports.archives.items).toEqual([]);
  });

  test('of staff names its tenant', async () => {
    expect((await ask(ADMIN_TOKEN, { format: 'csv' })).json()).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('is for another tenant byte for byte what is not there', async () => {
    const { id } = (await ask(own, { format: 'csv' })).json();
    api.ports.archives.put(id, { state: 'done' });
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/file'],
    ] as const) {
      const [theirs, absent] = [
        await call(method, `/v1/tenant-exports/${id}${path}`, other),
        await call(method, `/v1/tenant-exports/${NOBODY}${path}`, other),
      ];
      expect([theirs.statusCode, theirs.body]).toEqual([404, absent.body]);
    }
    expect((await call('GET', '/v1/tenant-exports', other)).json()).toEqual({ items: [] });
    expect(api.ports.archives.items[0]?.state).toBe('done');
  });

  test('that the operator made for itself is not there for the tenant', async () => {
    const { id } = (await ask(ADMIN_TOKEN, { format: 'archive', tenant_id: OWN })).json();
    api.ports.archives.put(id, { state: 'done' });
    expect((await call('GET', '/v1/tenant-exports', own)).json()).toEqual({ items: [] });
    for (const path of ['', '/file']) {
      expect((await call('GET', `/v1/tenant-exports/${id}${path}`, own)).statusCode).toBe(404);
    }
    expect((await call('DELETE', `/v1/tenant-exports/${id}`, own)).statusCode).toBe(404);
    expect(api.ports.archives.fetched).not.toContain(id);
  });

  test('that the operator made for the tenant does not say who of its people did', async () => {
    await ask(ADMIN_TOKEN, { format: 'csv', tenant_id: OWN });
    const [item] = (await call('GET', '/v1/tenant-exports', own)).json().items;
    expect(item.asked_by).toBe('operator');
  });

  test('is fetched as a file that no browser takes for anything else', async () => {
    const { id } = (await ask(own, { format: 'csv' })).json();
    expect((await call('GET', `/v1/tenant-exports/${id}/file`, own)).statusCode).toBe(404);
    api.ports.archives.put(id, { state: 'done', expiresAt: START + 1 });
    const { file } = (await call('GET', `/v1/tenant-exports/${id}`, own)).json();
    const answer = await call('GET', file, own);
    expect(answer.body).toBe('a tar');
    expect(answer.headers).toMatchObject({
      ...{ 'content-type': 'application/x-tar', 'content-length': '5', 'cache-control': 'no-store' },
      'content-disposition': `attachment; filename="tenantry-${OWN}-2026-06-15-csv.tar"`,
      'x-content-type-options': 'nosniff',
    });
  });

  test('of a tenant with odd characters in its id has a file name without them', async () => {
    const { id } = (await ask(ADMIN_TOKEN, { format: 'csv', tenant_id: 'a|b:c@d' })).json();
    api.ports.archives.put(id, { state: 'done' });
    const { headers } = await call('GET', `/v1/tenant-exports/${id}/file`, ADMIN_TOKEN);
    expect(headers['content-disposition']).toBe('attachment; filename="tenantry-a_b_c_d-2026-06-15-csv.tar"');
  });

  test('is refused when a port answers with that of another tenant', async () => {
    const { id } = (await ask(ADMIN_TOKEN, { format: 'csv', tenant_id: OTHER })).json();
    const [foreign] = api.ports.archives.items;
    const { findExport, exports } = api.ports.archives;
    api.ports.archives.findExport = async () => foreign;
    api.ports.archives.exports = async () => (foreign === undefined ? [] : [foreign]);
    for (const url of [`/v1/tenant-exports/${id}`, '/v1/tenant-exports']) {
      expect((await call('GET', url, own)).json()).toMatchObject({ code: 'TENANT_MIXUP' });
    }
    Object.assign(api.ports.archives, { findExport, exports });
  });
});

describe('a restore', () => {
  const restore = (payload: object) => call('POST', '/v1/tenant-restores', ADMIN_TOKEN, payload);

  test('is asked for by the admins, with everything that is dangerous off', async () => {
    const made = (await restore({ archive: NOBODY })).json();
    expect(made).toMatchObject({ dry_run: false, replace: false, state: 'waiting', report: null });
    expect(api.ports.archives.restored[0]?.question).toEqual({
      ...{ source: { folder: NOBODY }, as: undefined, dryRun: false, replace: false, deletedToo: false },
    });
    expect((await call('GET', `/v1/tenant-restores/${made.id}`, ADMIN_TOKEN)).json()).toEqual(made);
    expect((await call('GET', '/v1/tenant-restores', ADMIN_TOKEN)).json()).toEqual({ items: [made] });
    expect((await call('POST', '/v1/tenant-restores', own, { archive: NOBODY })).statusCode).toBe(403);
  });

  test.each([
    ['neither archive nor export', {}],
    ['both', { archive: NOBODY, export_id: NOBODY }],
    ['a path', { archive: '../../etc' }],
    ['an id that is none', { archive: NOBODY, as: '../x' }],
  ])('with %s is refused', async (_what, payload) => {
    expect((await restore(payload)).json()).toMatchObject({ code: 'BAD_REQUEST' });
    expect(api.ports.archives.restored).toEqual([]);
  });

  test('says table by table what is as it was', async () => {
    const { id } = (await restore({ export_id: NOBODY, as: 'copy', dry_run: true })).json();
    api.ports.archives.restored = api.ports.archives.restored.map((item) => ({
      ...{ ...item, state: 'done', endedAt: START },
      report: {
        ...{ tenantId: 'copy' as TenantId, archivedAt: START, notes: ['a note'] },
        tables: [{ table: 'spans', archived: 2, restored: 1, leftOut: 1, matches: null }],
      },
    }));
    expect((await call('GET', `/v1/tenant-restores/${id}`, ADMIN_TOKEN)).json()).toMatchObject({
      ...{ tenant_id: 'copy', dry_run: true },
      report: {
        archived_at: new Date(START).toISOString(),
        tables: [{ table: 'spans', archived: 2, restored: 1, left_out: 1, matches: null }],
        notes: ['a note'],
      },
    });
  });
});
