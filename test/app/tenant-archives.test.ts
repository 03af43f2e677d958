import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpackTar } from '../../src/app/tenant-archive-tar.ts';
import { POSTGRES_TERMS } from '../../src/domain/tenant-archive-columns.ts';
import { parseManifest } from '../../src/domain/tenant-archive-manifest.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { TelemetryEraser } from '../../src/store/clickhouse/deletion.ts';
import { fillTenant } from '../support/archive-clickhouse.ts';
import { type ArchiveWorld, startArchiveWorld } from '../support/archive-world.ts';

const ACME = 'acme' as TenantId;
const GLOBEX = 'globex' as TenantId;
const KEPT = Object.keys(POSTGRES_TERMS).filter((table) => POSTGRES_TERMS[table]?.notArchived === undefined);

let world: ArchiveWorld;
let archive: string;
/** As it is filled: whatever happens to it, this is what comes back. */
let acme: Awaited<ReturnType<typeof allOf>>;

beforeAll(async () => {
  world = await startArchiveWorld();
  for (const tenant of [ACME, GLOBEX]) {
    await fillTenant(world.clickhouse.clickhouse, tenant, tenant === ACME ? 3_000 : 500);
    await world.owner.fill(tenant);
  }
  acme = await allOf(ACME);
});
afterAll(() => world.stop());

/** An unpacked copy in the server's folder, to be restored or damaged. */
async function laidDown(): Promise<{ readonly id: string; readonly folder: string }> {
  const id = randomUUID();
  const folder = join(world.folder, 'tenant-restores', id);
  await unpackTar(archive, folder);
  return { id, folder };
}

/** What there is of a tenant. Flags in force are in no archive. */
async function allOf(tenant: string) {
  const { flags = [], ...rows } = await world.owner.rowsOf(tenant, KEPT);
  return {
    clickhouse: await world.fingerprints(tenant),
    rows,
    flags: flags.filter((row) => !row.includes('in force')),
  };
}

async function spansOf(tenant: TenantId): Promise<number> {
  const [row] = await world.clickhouse.clickhouse.inspect<{ n: number }>(
    `SELECT toUInt32(count()) AS n FROM tenantry.spans WHERE TenantId = '${tenant}'`,
  );
  return row?.n ?? 0;
}

async function deleteTenant(tenant: TenantId): Promise<void> {
  const eraser = new TelemetryEraser(world.clickhouse.clickhouse, undefined);
  for (const { table } of world.tables) await eraser.erase(tenant, table);
  await world.owner.query('set session_replication_role = replica');
  const tables = await world.owner.query<{ name: string }>(
    `select table_name as name from information_schema.columns where table_schema = 'tenantry' and column_name = 'tenant_id'`,
  );
  for (const { name } of tables) await world.owner.query(`delete from tenantry.${name} where tenant_id = $1`, [tenant]);
  await world.owner.query('set session_replication_role = default');
}

describe('an archive', () => {
  it('is made beside everything else, says how far it is, and comes as one file whose contents it lists', async () => {
    const made = await world.export({ tenantId: ACME });
    expect(made).toMatchObject({ state: 'done', error: null, askedBy: 'ada@operator.example' });
    expect(made.progress.tablesDone).toBe(made.progress.tables);
    archive = await world.download(made.id, join(world.folder, 'acme.tar'));
    const { folder } = await laidDown();
    const manifest = parseManifest(await readFile(join(folder, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ tenant_id: ACME, format: 'archive', one_moment: true });
    const rows = manifest.files.reduce((sum, file) => sum + file.rows, 0);
    expect(rows).toBe(made.progress.rows);
    expect(manifest.tables.find(({ table }) => table === 'members')?.rows).toBe(1_200);
    expect(manifest.left_out).toContainEqual({
      table: 'keys',
      reason: expect.stringContaining('never leave the house'),
    });
    const sha256 = await world.owner.query<{ sha256: string }>('select sha256 from tenantry.keys');
    const text = (await readdir(join(folder, 'postgres'))).map((name) =>
      readFile(join(folder, 'postgres', name), 'utf8'),
    );
    for (const { sha256: hash } of sha256) expect((await Promise.all(text)).join()).not.toContain(hash);
  });

  it('brings a tenant back as it was, and leaves the others alone', async () => {
    const globex = await allOf(GLOBEX);
    await deleteTenant(ACME);
    expect(await spansOf(ACME)).toBe(0);
    const { id } = await laidDown();
    const tried = await world.restore({ source: { folder: id }, dryRun: true });
    expect(tried.report?.tables.find(({ table }) => table === 'spans')).toMatchObject({ archived: 3_000, restored: 0 });
    expect(await spansOf(ACME)).toBe(0);
    const done = await world.restore({ source: { folder: id } });
    expect(done).toMatchObject({ state: 'done', error: null });
    expect(done.report?.tables.filter(({ matches }) => matches !== true)).toEqual([]);
    expect(await allOf(ACME)).toEqual(acme);
    expect(await allOf(GLOBEX)).toEqual(globex);
    expect(existsSync(join(world.folder, 'tenant-restores', id))).toBe(false);
  });

  it('is not restored over a tenant, unless it is to take its place', async () => {
    const { id } = await laidDown();
    const refused = await world.restore({ source: { folder: id } });
    expect(refused).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('There is something of this tenant'),
    });
    expect(await allOf(ACME)).toEqual(acme);
    await fillTenant(world.clickhouse.clickhouse, ACME, 50);
    await world.owner.query(`update tenantry.caps set amount_micro = 1 where tenant_id = 'acme'`);
    const again = await laidDown();
    const replaced = await world.restore({ source: { folder: again.id }, replace: true });
    expect(replaced).toMatchObject({ state: 'done' });
    expect(await allOf(ACME)).toEqual(acme);
  });

  it('makes a copy under another name beside the original', async () => {
    const { id } = await laidDown();
    const copied = await world.restore({ source: { folder: id }, as: 'initech' as TenantId });
    expect(copied).toMatchObject({ state: 'done', tenantId: 'initech' });
    const copy = await allOf('initech');
    expect(copy.clickhouse).toEqual(acme.clickhouse);
    expect(await allOf(ACME)).toEqual(acme);
    // Ids that stand alone are new, and what belongs to the billing system stays with the original.
    expect(copy.rows['revenue_customers']).toEqual([]);
    expect(copied.report?.notes).toContainEqual(
      expect.stringContaining('revenue_customers: 1 rows belong to the original'),
    );
    expect(copy.rows['members']).toHaveLength(1_200);
    const shared = await world.owner.query(
      `select from tenantry.anomalies a join tenantry.anomalies b using (id) where a.tenant_id = 'acme' and b.tenant_id = 'initech'`,
    );
    expect(shared).toEqual([]);
    const linked = await world.owner.query(
      `select from tenantry.flags f join tenantry.anomalies a on a.id = f.anomaly_id and a.tenant_id = f.tenant_id where f.tenant_id = 'initech'`,
    );
    expect(linked).toHaveLength(1);
  });
});
