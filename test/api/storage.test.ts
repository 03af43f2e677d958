import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type * as contract from '../../src/api/contract.ts';
import type { storageListSchema, storageTargetListSchema } from '../../src/api/storage-schemas.ts';
import { PUSHED_HOLD_MS } from '../../src/domain/storage.ts';
import { DAY_MS } from '../../src/domain/window.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';
import { storedBy } from '../support/api-memory-storage.ts';

/** The compiler checks this: a field that only one side has makes one of them `false`. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
const AGREEMENTS: {
  list: Equal<Flat<z.infer<typeof storageListSchema>>, Flat<contract.StorageList>>;
  targets: Equal<Flat<z.infer<typeof storageTargetListSchema>>, Flat<contract.StorageTargetList>>;
} = { list: true, targets: true };

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

function send(method: 'POST' | 'DELETE' | 'GET', url: string, payload?: unknown, token = ADMIN_TOKEN) {
  const headers = { ...bearer(token), ...(payload === undefined ? {} : { 'content-type': 'application/json' }) };
  return api.app.inject({
    method,
    url,
    headers,
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  });
}

test('the wire types are those of the contract', () => {
  expect(AGREEMENTS).toEqual({ list: true, targets: true });
});

describe('the list', () => {
  test('tells bytes with their error, and byte-hours without losing a digit', async () => {
    api.ports.storage.items = [storedBy(OWN, { byteHours: 9_007_199_254_740_993n, errorBytes: null })];
    const answer = await send('GET', `/v1/storage?store=orders-db`);
    expect(answer.json()).toMatchObject({
      items: [
        { tenant_id: OWN, bytes: 1_000_000, error_bytes: null, byte_hours: '9007199254740993', kind: 'postgres' },
      ],
      ...{ total: 1, next_cursor: null, to: new Date(START).toISOString() },
    });
    expect(api.ports.storage.questions).toMatchObject([{ store: 'orders-db', tenantId: undefined, limit: 100 }]);
  });

  test('comes page by page, over the same window', async () => {
    api.ports.storage.items = [storedBy(OWN), storedBy(OTHER), storedBy(OWN, { store: 'files:GLACIER' })];
    const first = (await send('GET', '/v1/storage?limit=2')).json();
    expect(first.items).toHaveLength(2);
    api.clock.now += 60_000;
    const second = (await send('GET', `/v1/storage?limit=2&cursor=${first.next_cursor}`)).json();
    expect(second).toMatchObject({
      items: [{ store: 'files:GLACIER' }],
      next_cursor: null,
      from: first.from,
      to: first.to,
    });
    const other = await send('GET', `/v1/storage?limit=2&tenant_id=${OWN}&cursor=${first.next_cursor}`);
    expect(other.statusCode).toBe(400);
  });
});

describe('a push', () => {
  const push = (gauges: unknown[], token = api.ports.keys.issue(['ingest'])) =>
    send('POST', '/v1/storage', { gauges }, token);

  test('is taken in with its time and how long it holds', async () => {
    const at = '2026-06-15T10:00:00Z';
    const answer = await push([
      { tenant_id: OWN, store: 'uploads', bytes: 5, at, objects: 2, valid_for_seconds: 3_600 },
      { tenant_id: OTHER, store: 'uploads:hot', bytes: 0 },
    ]);
    expect(answer.statusCode).toBe(204);
    expect(api.ports.storage.pushed).toEqual([
      expect.objectContaining({
        tenantId: OWN,
        bytes: 5n,
        objects: 2n,
        at: Date.parse(at),
        holdMs: 3_600_000,
        kind: 'pushed',
      }),
      expect.objectContaining({ tenantId: OTHER, store: 'uploads:hot', bytes: 0n, at: START, holdMs: PUSHED_HOLD_MS }),
    ]);
  });

  test('with a key of one tenant is about that tenant only', async () => {
    const key = api.ports.keys.issue(['ingest'], OWN);
    expect((await push([{ tenant_id: OWN, store: 'a', bytes: 1 }], key)).statusCode).toBe(204);
    const answer = await push(
      [
        { tenant_id: OWN, store: 'a', bytes: 1 },
        { tenant_id: OTHER, store: 'a', bytes: 1 },
      ],
      key,
    );
    expect(answer.statusCode).toBe(404);
    expect(api.ports.storage.pushed).toHaveLength(1);
  });

  test.each([
    ['no gauges', { gauges: [] }],
    ['negative bytes', { gauges: [{ tenant_id: OWN, store: 'a', bytes: -1 }] }],
    ['half bytes', { gauges: [{ tenant_id: OWN, store: 'a', bytes: 0.5 }] }],
    ['more bytes than a double is exact', { gauges: [{ tenant_id: OWN, store: 'a', bytes: 2 ** 60 }] }],
    ['a store that is no name', { gauges: [{ tenant_id: OWN, store: 'a b', bytes: 1 }] }],
    [
      'a time of the future',
      { gauges: [{ tenant_id: OWN, store: 'a', bytes: 1, at: new Date(START + DAY_MS).toISOString() }] },
    ],
    [
      'a time too long ago',
      { gauges: [{ tenant_id: OWN, store: 'a', bytes: 1, at: new Date(START - 36 * DAY_MS).toISOString() }] },
    ],
    ['a field that nobody knows', { gauges: [{ tenant_id: OWN, store: 'a', bytes: 1, extra: 1 }] }],
  ])('of %s is refused, all of it', async (_what, body) => {
    const answer = await send('POST', '/v1/storage', body, api.ports.keys.issue(['ingest']));
    expect(answer.statusCode).toBe(400);
    expect(api.ports.storage.pushed).toEqual([]);
  });
});

describe('a target', () => {
  test('is set up, shown as it was given, asked for and removed', async () => {
    const settings = {
      endpoint: 'https://s3.example.com',
      bucket: 'files',
      access_key_ref: 'env:A',
      secret_key_ref: 'file:/run/secrets/s3',
    };
    const made = await send('POST', '/v1/storage/targets', { name: 'files', kind: 's3', settings });
    expect(made.statusCode).toBe(201);
    expect(api.ports.storage.made[0]?.settings).toMatchObject({ kind: 's3', accessKeyRef: 'env:A', pathStyle: true });
    const { items } = (await send('GET', '/v1/storage/targets')).json<contract.StorageTargetList>();
    expect(items).toMatchObject([
      {
        name: 'files',
        kind: 's3',
        interval_seconds: 21_600,
        run: null,
        settings: { ...settings, pattern: 'tenants/{tenant_id}/' },
      },
    ]);
    const id = items[0]?.id ?? '';
    expect((await send('POST', `/v1/storage/targets/${id}/collect`)).statusCode).toBe(202);
    expect(api.ports.storage.asked).toEqual([id]);
    expect((await send('DELETE', `/v1/storage/targets/${id}`)).statusCode).toBe(204);
    expect((await send('DELETE', `/v1/storage/targets/${id}`)).statusCode).toBe(404);
  });

  const postgres = { name: 'db', kind: 'postgres', settings: { url_ref: 'env:DB_URL' } };
  test.each([
    ['a secret itself', { ...postgres, settings: { url_ref: 'postgres://user:hunter2@db/app' } }],
    ['a relative file', { ...postgres, settings: { url_ref: 'file:secrets/db' } }],
    ['settings of another kind', { ...postgres, kind: 'qdrant' }],
    [
      'a pattern without a tenant',
      { name: 'p', kind: 'pinecone', settings: { url: 'https://x.io', api_key_ref: 'env:K', pattern: 'all' } },
    ],
    ['a password in an address', { name: 'q', kind: 'qdrant', settings: { url: 'https://u:hunter2@q.io' } }],
    ['an address that is not HTTP', { name: 'q', kind: 'qdrant', settings: { url: 'file:///etc/passwd' } }],
    ['more pages than there are', { ...postgres, settings: { url_ref: 'env:DB_URL', page_share: 1.5 } }],
    ['a run every second', { ...postgres, interval_seconds: 1 }],
  ])('with %s is refused, and the answer holds no secret', async (_what, body) => {
    const answer = await send('POST', '/v1/storage/targets', body);
    expect(answer.statusCode).toBe(400);
    expect(answer.body).not.toContain('hunter2');
    expect(api.ports.storage.made).toEqual([]);
  });
});
