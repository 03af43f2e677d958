/**
 * A backup that is taken while spans keep coming, restored: every span that was acknowledged before is there once, in the
 * base table and in the rollups, and each tenant's figures are those of the running stores at that moment.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSpool } from '../../src/app/backup-drill.ts';
import { figuresAtCut, figuresRestored } from '../../src/app/backup-figures.ts';
import { backupFaults, findBackups } from '../../src/app/backup-folder.ts';
import { restoreBackup } from '../../src/app/backup-restore.ts';
import { type BackupTaken, takeBackup } from '../../src/app/backup-take.ts';
import { openStores, type Stores } from '../../src/app/stores.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import { compareFigures } from '../../src/domain/backup-compare.ts';
import type { BackupFigures, BackupFiguresQuestion } from '../../src/domain/backup-figures.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { AuditChainReader } from '../../src/store/postgres/audit-chain.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { type BackupWorld, backupConfig, removeFolder, startBackupWorld } from '../support/backup-world.ts';
import { until } from '../support/flow-waiting.ts';
import { silentLog } from '../support/postgres.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const ONE = 'one' as TenantId;
const ORDER = { withSecrets: false, keep: undefined, full: false };

let world: BackupWorld;
let restored: Stores;
let first: BackupTaken;
let second: BackupTaken;
/** Acknowledged before the second backup was begun. */
let before: number;
let question: BackupFiguresQuestion;
let live: BackupFigures;
/** After somebody has tampered with the running stores. */
let tampered: BackupFigures;

const spansIn = (stores: Stores) =>
  stores.clickhouse.inspect<{ name: string; n: number }>(
    'SELECT SpanName AS name, toUInt32(count()) AS n FROM tenantry.spans GROUP BY name',
  );

beforeAll(async () => {
  world = await startBackupWorld();
  const { stores, sources, acknowledged, folder } = world;
  const to = join(folder, 'backups');
  await stores.postgres.inStaffTransaction(ADMIN, async (transaction) => {
    await transaction.query("insert into tenantry.tenants (tenant_id) values ('one'), ('two')");
    await transaction.audit({ action: 'tenant.create', resource: 'tenant/one', tenantId: ONE });
  });
  await until('spans to be loaded', async () => (await spansIn(stores)).length > 100);
  first = await takeBackup(sources, { ...ORDER, to });
  before = acknowledged.length;
  second = await takeBackup(sources, { ...ORDER, to });
  const after = acknowledged.length;
  // What comes later is in neither.
  await new AuditLog(stores.postgres).append(ADMIN, { action: 'test', resource: 'later' });
  await until('later spans', () => acknowledged.length > after + 20);
  await world.stopSending();
  const { cutAt, postgres } = second.manifest;
  question = { tenantId: ONE, cutAt: Date.parse(cutAt), snapshot: postgres.snapshot };
  live = await figuresAtCut(stores, question, Date.now());
  await stores.clickhouse.command(
    "ALTER TABLE tenantry.spans DELETE WHERE SpanName = 's0' SETTINGS mutations_sync = 1",
  );
  tampered = await figuresAtCut(stores, question, Date.now());
  await world.close();

  const dataDir = join(folder, 'restored');
  await restoreBackup({
    ...{ from: second.path, dataDir, databaseUrl: undefined, restoreServer: undefined, log: silentLog },
  });
  restored = await openStores(backupConfig(dataDir), silentLog);
  await loadSpool(backupConfig(dataDir), restored, silentLog);
}, 120_000);

afterAll(async () => {
  await restored.close();
  removeFolder(world.folder);
});

describe('a backup', () => {
  it('is of what was sent while it was made, too, and holds nothing up', () => {
    const { spool, heldMs, tookMs } = second.manifest;
    expect(spool.openSegments + spool.sealedSegments).toBeGreaterThan(0);
    expect(heldMs).toBeLessThan(tookMs);
  });

  it('shares the files that have not changed with the one before', () => {
    expect(first.manifest.sharedBytes).toBe(0);
    const { sharedBytes, files } = second.manifest;
    expect(sharedBytes).toBeGreaterThan(0);
    const linked = files.filter(({ path }) => statSync(join(second.path, path)).nlink > 1);
    expect(linked.length).toBeGreaterThan(0);
  });

  it('leaves nothing behind beside the stores', () => {
    expect(existsSync(join(world.dataDir, 'spool', 'backup-cut'))).toBe(false);
    const shadow = readdirSync(join(world.dataDir, 'clickhouse', 'shadow'));
    expect(shadow.filter((name) => name.startsWith('tenantry'))).toEqual([]);
  });

  it('is whole, and only its owner may look into it', async () => {
    expect(await backupFaults(second.path, second.manifest)).toEqual([]);
    expect(statSync(second.path).mode & 0o077).toBe(0);
    expect((await findBackups(join(world.folder, 'backups'))).map(({ name }) => name)).toEqual([
      second.manifest.name,
      first.manifest.name,
    ]);
  });
});

describe('what is restored', () => {
  it('has every span that was acknowledged before exactly once, and none twice', async () => {
    const counts = new Map((await spansIn(restored)).map(({ name, n }) => [name, n]));
    const wanted = world.acknowledged.slice(0, before).map((number) => `s${number}`);
    expect(wanted.length).toBeGreaterThan(100);
    expect(wanted.filter((name) => counts.get(name) !== 1)).toEqual([]);
    expect([...counts].filter(([, n]) => n !== 1)).toEqual([]);
  });

  it('has rollups that add up to its spans', async () => {
    const [sums] = await restored.clickhouse.inspect<Record<string, number>>(
      `SELECT toUInt32((SELECT count() FROM tenantry.spans)) AS spans,
         toUInt32((SELECT sum(Spans) FROM tenantry.spans_by_minute)) AS minutes,
         toUInt32((SELECT sum(Spans) FROM tenantry.spans_by_day)) AS days,
         toUInt32((SELECT sum(Requests) FROM tenantry.requests_by_hour)) AS requests`,
    );
    expect(new Set(Object.values(sums ?? {})).size).toBe(1);
  });

  it('is what the running stores were at that moment, and nothing later', async () => {
    const copy = await figuresRestored(restored, question, live);
    const { differences, compared, rows } = compareFigures(live, copy);
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(100);
    expect(rows).toBeGreaterThan(60);
    const spans = copy.clickhouse.find(({ table }) => table === 'spans');
    expect(spans?.rows).toBeGreaterThan(30);
  });

  it('shows where it differs from stores that were tampered with', async () => {
    const { differences } = compareFigures(tampered, await figuresRestored(restored, question, tampered));
    expect(differences.map(({ where }) => where)).toEqual(['ClickHouse spans']);
  });

  it('has an audit log whose chain is whole and goes on', async () => {
    await new AuditLog(restored.postgres).append(ADMIN, { action: 'test', resource: 'restored' });
    const findings = await new AuditChainReader(restored.postgres).check([], () => undefined);
    expect(findings.problemsTotal).toBe(0);
    expect(findings.entries).toBeGreaterThan(1);
  });
});
