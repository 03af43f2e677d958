/** The control plane copied out and into another database, by a login that is nobody special there. */
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { BackupPostgres } from '../../../src/domain/backup.ts';
import { openPostgresCut } from '../../../src/store/postgres/backup.ts';
import { restorePostgres } from '../../../src/store/postgres/backup-restore.ts';
import { createDatabaseWithOwner } from '../../../src/store/postgres/create-database.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { proxyInPieces } from '../../support/backup-proxy.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const ODD = "tab\t, newline\n, backslash \\ and \\N, quote ', emoji 🦊";

let db: TestPostgres;
/** Of the other database: may become the roles, and bypasses nothing. */
let otherUrl: string;
let owner: pg.Client;

/** Everything that a login can copy out: table -> text of COPY. */
async function copyAll(url: string): Promise<{ backup: BackupPostgres; texts: ReadonlyMap<string, string> }> {
  const cut = await openPostgresCut(url);
  try {
    const texts = new Map<string, string>();
    const tables: BackupPostgres['tables'][number][] = [];
    for (const { name, columns } of cut.tables) {
      const rows = cut.copyOut({ name, columns });
      texts.set(name, await text(rows));
      tables.push({ name, columns, rows: rows.rows, file: '' });
    }
    const { serverVersion, systemIdentifier, snapshot, migrations, sequences } = cut;
    return { backup: { serverVersion, systemIdentifier, snapshot, migrations, tables, sequences }, texts };
  } finally {
    await cut.close();
  }
}

beforeAll(async () => {
  db = await startTestPostgres();
  otherUrl = await createDatabaseWithOwner(db.ownerUrl, 'elsewhere', 'a-password');
  owner = new pg.Client({ connectionString: db.ownerUrl });
  await owner.connect();
  for (const role of ['tenantry_owner', 'tenantry_staff', 'tenantry_app']) {
    await owner.query(`grant ${role} to elsewhere with inherit false, set true`);
  }
  await db.postgres.inStaffTransaction(ADMIN, async (transaction) => {
    await transaction.query("insert into tenantry.tenants (tenant_id, display_name) values ('a', $1), ('b', null)", [
      ODD,
    ]);
    await transaction.audit({ action: 'tenant.create', resource: 'tenant/a', after: { odd: ODD } });
  });
}, 60_000);

afterAll(async () => {
  await owner.end();
  await db.stop();
});

it('comes out as it was and goes into a database of the operator’s, where it is guarded again', async () => {
  const { backup, texts } = await copyAll(db.ownerUrl);
  expect(texts.get('tenants')).toContain('newline\\n');
  expect(backup.tables.find(({ name }) => name === 'tenants')?.rows).toBe(2);
  const order = { ownerUrl: otherUrl, appUrl: otherUrl, backup };
  await restorePostgres({ ...order, read: ({ name }) => Readable.from([Buffer.from(texts.get(name) ?? '')]) });

  // Read by the other login, which row security applies to.
  const copy = await copyAll(otherUrl);
  expect([...copy.texts].filter(([name, rows]) => rows !== texts.get(name)).map(([name]) => name)).toEqual([]);
  expect(copy.backup.sequences).toEqual(backup.sequences);
  expect(copy.backup.migrations).toEqual(backup.migrations);

  const other = new Postgres({ url: otherUrl, log: silentLog });
  try {
    // Triggers and sequences work on: the next record has the next place in the chain.
    await other.inStaffTransaction(ADMIN, (transaction) => transaction.audit({ action: 'test', resource: 'test' }));
    const [chain] = await other.inStaffTransaction(ADMIN, (transaction) =>
      transaction.query<{ places: number; last: number }>(
        'select count(*)::int as places, max(position)::int as last from tenantry.audit_chain',
      ),
    );
    expect(chain?.places).toBe(chain?.last);
    expect(chain?.places).toBeGreaterThan(1);
  } finally {
    await other.close();
  }
  await expect(restorePostgres({ ...order, read: () => Readable.from([]) })).rejects.toMatchObject({
    code: 'TARGET_NOT_EMPTY',
  });
});

it('comes out unchanged however slowly it is taken away', async () => {
  await owner.query(
    `insert into tenantry.price_versions (version, kind, reason, added, ended, by)
     select n, 'edit', repeat(md5(n::text), 1 + n % 29), 0, 0, 'test' from generate_series(1000001, 1001000) n`,
  );
  const { rows: expected } = await owner.query<{ line: string }>(
    `select version || e'\\t' || reason as line from tenantry.price_versions order by version`,
  );
  const proxy = await proxyInPieces(db.ownerUrl, 1_500);
  const cut = await openPostgresCut(proxy.url);
  try {
    const rows = cut.copyOut({ name: 'price_versions', columns: ['version', 'reason'] });
    const pieces: Buffer[] = [];
    // As a disk that is busy: what comes meanwhile waits in memory.
    while (!rows.readableEnded) {
      if (rows.readableLength > rows.readableHighWaterMark / 2 || rows.closed || rows.rows > 0)
        pieces.push(rows.read() ?? Buffer.alloc(0));
      await setImmediate();
    }
    const lines = Buffer.concat(pieces).toString().trimEnd().split('\n');
    const byVersion = (a: string, b: string) => Number.parseInt(a, 10) - Number.parseInt(b, 10);
    expect(lines.toSorted(byVersion)).toEqual(expected.map(({ line }) => line));
  } finally {
    await cut.close();
    await proxy.close();
  }
});

it('fails rather than leave out rows that a policy hides', async () => {
  const other = new pg.Client({ connectionString: otherUrl });
  await other.connect();
  try {
    await other.query('set role tenantry_owner; alter policy staff on tenantry.tenants using (false)');
    await expect(openPostgresCut(otherUrl)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('tenants staff'),
    });
  } finally {
    await other.end();
  }
});

it('is refused when a table took fewer rows than the backup says', async () => {
  const thirdUrl = await createDatabaseWithOwner(db.ownerUrl, 'third', 'a-password');
  for (const role of ['tenantry_owner', 'tenantry_staff', 'tenantry_app']) {
    await owner.query(`grant ${role} to third with inherit false, set true`);
  }
  const { backup } = await copyAll(db.ownerUrl);
  const order = { ownerUrl: thirdUrl, appUrl: thirdUrl, backup, read: () => Readable.from([]) };
  await expect(restorePostgres(order)).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
});
