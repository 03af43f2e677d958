import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeyCheck } from '../../ingest/key-check.ts';
import { parseKeySnapshot } from '../../ingest/key-snapshot.ts';
import { KEY_SNAPSHOT_FILE, type KeySnapshotEntry } from '../../src/domain/spool-format.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { temporaryDataDir } from '../support/otlp-segment.ts';

const BOOTSTRAP = 'bootstrap-key-0123456789';
const NOW = 1_700_000_000_000;

let dir: ReturnType<typeof temporaryDataDir>;
let check: KeyCheck | undefined;

beforeEach(() => {
  dir = temporaryDataDir();
  mkdirSync(dir.spool);
});

afterEach(async () => {
  await check?.stop();
  check = undefined;
  dir.remove();
});

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');

function entry(key: string, more: Partial<KeySnapshotEntry> = {}): KeySnapshotEntry {
  return { id: `id of ${key}`, sha256: hashOf(key), scopes: ['ingest'], ...more };
}

/** As the server writes it: a temporary file, then a rename. */
function publish(contents: string): void {
  const temporary = join(dir.spool, 'keys.json.tmp');
  writeFileSync(temporary, contents);
  renameSync(temporary, join(dir.spool, KEY_SNAPSHOT_FILE));
}

function publishKeys(revision: number, keys: readonly KeySnapshotEntry[]): void {
  publish(JSON.stringify({ revision, keys }));
}

async function start(bootstrapKey: string | undefined = BOOTSTRAP, lines: string[] = []): Promise<KeyCheck> {
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  check = await KeyCheck.start({ folder: dir.spool, bootstrapKey, log, now: () => NOW, pollMs: 50 });
  return check;
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

function refusalOf(keys: KeyCheck, headers: Record<string, string>) {
  try {
    keys.verify(headers);
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
  throw new Error('the key was taken');
}

describe('KeyCheck', () => {
  it('takes the bootstrap key in both headers, before any snapshot', async () => {
    const keys = await start();
    const holder = { keyId: 'bootstrap', tenantId: undefined };
    expect(keys.verify(bearer(BOOTSTRAP))).toEqual(holder);
    expect(keys.verify({ authorization: `bearer ${BOOTSTRAP}` })).toEqual(holder);
    expect(keys.verify({ 'x-tenantry-key': BOOTSTRAP })).toEqual(holder);
    expect(keys.verify({ authorization: 'Basic eDp5', 'x-tenantry-key': BOOTSTRAP })).toEqual(holder);
  });

  it('answers 503 to other keys while no snapshot has ever been seen, 401 to none', async () => {
    const keys = await start(undefined);
    expect(refusalOf(keys, bearer('some-key'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(refusalOf(keys, {})).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('takes keys of the snapshot with their tenant', async () => {
    publishKeys(7, [entry('wide'), entry('bound', { tenantId: 'acme', expiresAt: NOW + 1 })]);
    const keys = await start();
    expect(keys.revision).toBe(7);
    expect(keys.verify(bearer('wide'))).toEqual({ keyId: 'id of wide', tenantId: undefined });
    expect(keys.verify(bearer('bound'))).toEqual({ keyId: 'id of bound', tenantId: 'acme' });
  });

  it('gives the same refusal for every cause', async () => {
    publishKeys(1, [entry('expired', { expiresAt: NOW }), entry('flags', { scopes: ['flags'] }), entry('good')]);
    const keys = await start();
    const causes = [
      {},
      bearer('unknown'),
      bearer('expired'),
      bearer('flags'),
      { authorization: 'Bearer' },
      { authorization: 'x' },
      { 'x-tenantry-key': ' ' },
      bearer(`${BOOTSTRAP}x`),
      bearer(hashOf('good')),
    ];
    const refusals = causes.map((headers) => {
      const { code, message, hint } = refusalOf(keys, headers as Record<string, string>);
      return { code, message, hint };
    });
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
    expect(refusals[0]?.code).toBe('UNAUTHENTICATED');
  });

  it('follows changes: a new key works and a revoked one stops', async () => {
    publishKeys(1, [entry('old')]);
    const keys = await start();
    publishKeys(2, [entry('new')]);
    await vi.waitFor(() => expect(keys.revision).toBe(2), { timeout: 5_000 });
    expect(keys.verify(bearer('new')).keyId).toBe('id of new');
    expect(refusalOf(keys, bearer('old'))).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('takes both secrets of a key that is being rotated, the old one to its end, and tells when that was shown', async () => {
    let now = NOW;
    const old = entry('old', { id: 'one', expiresAt: NOW + 60_000, previous: true });
    publishKeys(1, [entry('fresh', { id: 'one' }), old]);
    const log = pino({ level: 'silent' });
    check = await KeyCheck.start({ folder: dir.spool, bootstrapKey: undefined, log, now: () => now });
    const uses = [{ keyId: 'one', requests: 1, items: 1, lastAt: NOW }];
    expect(check.verify(bearer('fresh')).keyId).toBe('one');
    expect(check.withPreviousUses(uses)).toEqual(uses);
    now += 59_999;
    expect(check.verify(bearer('old'))).toEqual({ keyId: 'one', tenantId: undefined, service: undefined });
    expect(check.withPreviousUses(uses)).toEqual([{ ...uses[0], previousAt: NOW + 59_999 }]);
    now += 1;
    expect(refusalOf(check, bearer('old'))).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(check.withPreviousUses(uses)).toEqual([{ ...uses[0], previousAt: NOW + 59_999 }]);
    expect(check.verify(bearer('fresh')).keyId).toBe('one');
  });

  it.each([
    ['cut off', '{"revision": 2, "keys": [{"id": "a", "sha'],
    ['no object', '[]'],
    ['without keys', '{"revision": 2}'],
    ['an entry without a hash', '{"revision": 2, "keys": [{"id": "a", "scopes": ["ingest"]}]}'],
    ['a hash that is none', '{"revision": 2, "keys": [{"id": "a", "sha256": "secret-value", "scopes": []}]}'],
    ['a null tenant', JSON.stringify({ revision: 2, keys: [{ ...entry('new'), tenantId: null }] })],
    ['a malformed tenant', JSON.stringify({ revision: 2, keys: [{ ...entry('new'), tenantId: '../x' }] })],
    ['a null expiry', JSON.stringify({ revision: 2, keys: [{ ...entry('new'), expiresAt: null }] })],
    ['scopes that are no list', JSON.stringify({ revision: 2, keys: [{ ...entry('new'), scopes: 'ingest' }] })],
  ])('keeps the last good snapshot when the new one is %s', async (_what, contents) => {
    publishKeys(1, [entry('old')]);
    const lines: string[] = [];
    const keys = await start(undefined, lines);
    publish(contents);
    await vi.waitFor(() => expect(lines.join()).toContain('the last good one stays in force'), { timeout: 5_000 });
    expect(lines.join()).not.toContain('secret-value');
    expect(keys.revision).toBe(1);
    expect(keys.verify(bearer('old')).keyId).toBe('id of old');
    publishKeys(3, [entry('newer')]);
    await vi.waitFor(() => expect(keys.revision).toBe(3), { timeout: 5_000 });
  });

  it('keeps the last good snapshot when the file is gone', async () => {
    publishKeys(1, [entry('old')]);
    const keys = await start();
    renameSync(join(dir.spool, KEY_SNAPSHOT_FILE), join(dir.spool, 'elsewhere'));
    await keys.refresh();
    expect(keys.verify(bearer('old')).keyId).toBe('id of old');
  });

  it('logs neither keys nor hashes', async () => {
    publishKeys(1, [entry('old')]);
    const lines: string[] = [];
    const keys = await start(BOOTSTRAP, lines);
    refusalOf(keys, bearer('a-wrong-key'));
    keys.verify(bearer('old'));
    expect(lines.join()).not.toMatch(new RegExp(`a-wrong-key|${BOOTSTRAP}|${hashOf('old')}`));
  });
});

describe('parseKeySnapshot', () => {
  it('keeps every known field and drops unknown ones', () => {
    const full = entry('k', { tenantId: 'acme', service: 'shop', expiresAt: 5 });
    const text = JSON.stringify({ revision: 1, keys: [{ ...full, later: true }], later: 1 });
    expect(parseKeySnapshot(text)).toEqual({ revision: 1, keys: [full] });
  });
});

it('refuses keys of closed tenants with the reason, as soon as the list says so, and only who has such a key', async () => {
  publishKeys(1, [entry('good', { tenantId: 'acme' as TenantId }), entry('other')]);
  const keys = await start();
  expect(keys.verify(bearer('good'))).toMatchObject({ tenantId: 'acme' });
  publishKeys(2, [entry('good', { tenantId: 'acme' as TenantId, closed: true }), entry('other')]);
  await keys.refresh();
  expect(refusalOf(keys, bearer('good'))).toMatchObject({ code: 'TENANT_CLOSED', status: 403 });
  expect(refusalOf(keys, bearer('guess'))).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(keys.verify(bearer('other'))).toMatchObject({ keyId: 'id of other' });
});
