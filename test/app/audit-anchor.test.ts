import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AuditAnchor } from '../../src/app/audit-anchor.ts';
import { startAuditExplorer } from '../../src/app/audit-explorer.ts';
import { keyOf } from '../../src/app/deletion-key.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const ADA: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const KEY = keyOf(randomBytes(32));
const hash = (letter: string) => letter.repeat(64);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-heads-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const anchorOf = (key = KEY) => new AuditAnchor({ folder, key, log: silentLog, now: () => Date.UTC(2026, 5, 15) });
const files = async () => (await readdir(folder)).sort();

describe('heads outside the database', () => {
  it('are written once for each place, whole, and never again', async () => {
    const anchor = anchorOf();
    await anchor.keep({ position: 7, hash: hash('a') });
    await anchor.keep({ position: 12, hash: hash('b') });
    await Promise.all([1, 2, 3].map(() => anchor.keep({ position: 12, hash: hash('c') })));
    expect(await files()).toEqual(['audit-head-000000000000007.json', 'audit-head-000000000000012.json']);
    expect((await anchor.read()).heads).toEqual([
      { position: 7, hash: hash('a') },
      { position: 12, hash: hash('b') },
    ]);
    const kept = JSON.parse(await readFile(join(folder, 'audit-head-000000000000007.json'), 'utf8'));
    expect(kept).toMatchObject({ position: 7, at: '2026-06-15T00:00:00.000Z', public_key: KEY.publicKey });
  });

  it.each<[string, (kept: Record<string, unknown>) => unknown]>([
    ['another hash', (kept) => ({ ...kept, hash: hash('f') })],
    ['another time', (kept) => ({ ...kept, at: '2026-06-16T00:00:00.000Z' })],
    ['another place', (kept) => ({ ...kept, position: 8 })],
    ['no signature', ({ signature: _gone, ...kept }) => kept],
    ['a signature of somebody else', (kept) => ({ ...kept, signature: keyOf(randomBytes(32)).sign('x') })],
    ['nothing at all', () => ''],
  ])('with %s are none, and that is a problem', async (_what, forge) => {
    const anchor = anchorOf();
    await anchor.keep({ position: 7, hash: hash('a') });
    const path = join(folder, 'audit-head-000000000000007.json');
    const forged = forge(JSON.parse(await readFile(path, 'utf8')));
    await writeFile(path, forged === '' ? '' : JSON.stringify(forged));
    const { heads, problems } = await anchor.read();
    expect([heads, problems.map(({ kind, position }) => `${kind} ${position}`)]).toEqual([[], ['rewritten 7']]);
  });

  it('signed by another installation are none either', async () => {
    await anchorOf(keyOf(randomBytes(32))).keep({ position: 7, hash: hash('a') });
    expect(await anchorOf().read()).toMatchObject({ heads: [], problems: [{ kind: 'rewritten' }] });
  });

  it('are not written where that cannot be, and nothing fails for it', async () => {
    await writeFile(join(folder, 'file'), 'x');
    const nowhere = new AuditAnchor({ folder: join(folder, 'file', 'x'), key: KEY, log: silentLog, now: () => 0 });
    await expect(nowhere.keep({ position: 1, hash: hash('a') })).resolves.toBeUndefined();
    expect((await stat(join(folder, 'file'))).size).toBe(1);
  });
});

describe('the check of the log', () => {
  let db: TestPostgres;
  let superuser: pg.Client;
  beforeAll(async () => {
    db = await startTestPostgres();
    superuser = new pg.Client({ connectionString: db.ownerUrl });
    await superuser.connect();
  });
  afterAll(async () => {
    await superuser.end();
    await db.stop();
  });

  const append = async (count: number) => {
    const log = new AuditLog(db.postgres);
    for (let n = 0; n < count; n += 1) await log.append(ADA, { action: 'x.done', resource: String(n) });
  };
  /** A server's life, with a data folder of its own: what is known of the past is known from the heads outside alone. */
  async function check() {
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-audit-data-'));
    const explorer = startAuditExplorer({ postgres: db.postgres, dataDir, log: silentLog, anchor: anchorOf() });
    const { state, problems } = await explorer.audit.chain({ fresh: true, head: undefined });
    await explorer.stop();
    await rm(dataDir, { recursive: true });
    return { state, problems: problems.map(({ kind }) => kind) };
  }
  const asSuperuser = async (...statements: string[]) => {
    await superuser.query('alter table tenantry.audit_log disable trigger all');
    await superuser.query('alter table tenantry.audit_chain disable trigger all');
    for (const statement of statements) await superuser.query(statement);
    await superuser.query('alter table tenantry.audit_log enable trigger all');
    await superuser.query('alter table tenantry.audit_chain enable trigger all');
  };

  it('keeps the head of a whole log, also of what came last before the stop, and sees an end that was cut off since', async () => {
    await append(5);
    expect(await check()).toEqual({ state: 'intact', problems: [] });
    const [first] = await files();
    expect(first).toMatch(/^audit-head-0+\d+\.json$/);
    await append(2);
    expect(await check()).toEqual({ state: 'intact', problems: [] });
    expect((await files()).length).toBe(2);

    await asSuperuser(
      'delete from tenantry.audit_log where seq = (select max(seq) from tenantry.audit_log)',
      'delete from tenantry.audit_chain where position = (select max(position) from tenantry.audit_chain)',
    );
    expect(await check()).toEqual({ state: 'broken', problems: ['truncated'] });
    // The head of a log that is not whole is not kept.
    expect((await files()).length).toBe(2);
  });

  it('sees a log that was written anew from the first record on, with every hash right', async () => {
    await append(3);
    expect((await check()).state).toBe('intact');
    const { rows } = await superuser.query('select count(*)::int as n from tenantry.audit_log');
    await asSuperuser('delete from tenantry.audit_chain', 'delete from tenantry.audit_log');
    await append(rows[0].n);
    expect((await check()).problems).toContain('rewritten');
  });
});
