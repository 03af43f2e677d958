import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificateDesk } from '../../src/app/deletion-desk.ts';
import { dropQuarantined, searchFiles, segmentsUntil } from '../../src/app/deletion-files.ts';
import { LateRows } from '../../src/app/deletion-late.ts';
import { forgetTenant } from '../../src/app/deletion-memory.ts';
import { MinuteDetector, shardOf } from '../../src/detect/minute-detector.ts';
import { DELETION_STEPS } from '../../src/domain/deletion.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DATABASE } from '../../src/store/clickhouse/clickhouse.ts';
import { QuarantineFolder } from '../../src/store/clickhouse/quarantine-folder.ts';
import { AuditChainReader } from '../../src/store/postgres/audit-chain.ts';
import { DeletionJobs } from '../../src/store/postgres/deletion-jobs.ts';
import { rewriteFiles } from '../../src/store/postgres/deletion-vacuum.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import {
  ADMIN,
  controlPlaneFigures,
  type DeletionWorld,
  deletionWorld,
  dueRequest,
  fillTelemetry,
  KEY,
  partsWith,
  telemetryFigures,
  without,
} from '../support/deletion-world.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const VICTIM = 'tenant-0003' as TenantId;
const ROWS = 3;
/** A tenth of the tables is killed in: every one of them goes the same way. */
const KILLED_TABLES = /^(?:spans|requests_by_hour|usage_events|storage_by_day) /;

let postgres: TestPostgres;
let clickhouse: TestClickHouse;
let world: DeletionWorld;
let folder: string;

/** In the middle of the three steps that take something away, and before the others. */
const HELD_AT = /^(?:before (?:drain|memory)|exports erased|spans erased|tables emptied)$/;

class Killed extends Error {}

/** A process that is gone writes nothing any more, not even that it failed. */
class DeadJobs extends DeletionJobs {
  override async fail(): Promise<void> {
    throw new Killed();
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-deletion-'));
  [postgres, clickhouse] = await Promise.all([startTestPostgres(), startTestClickHouse()]);
  world = await deletionWorld(postgres, clickhouse);
  await fillTelemetry(clickhouse, 10, ROWS);
  const each = "(select 'tenant-' || lpad(n::text, 4, '0') as id from generate_series(0, 9) n) t";
  await world.owner.query(`insert into tenantry.tenants (tenant_id) select id from ${each}`);
  await world.owner.query(`insert into tenantry.keys (name, sha256, scopes, tenant_id, created_by)
    select 'k', encode(sha256(id::bytea), 'hex'), '{ingest}', id, 'ada' from ${each}`);
  await world.owner.query(`insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
    select id, n || '@' || id || '.example', 'viewer', 'active', 'ada', true from ${each}, generate_series(1, 50) n`);
}, 60_000);

afterAll(async () => {
  await world.close();
  await Promise.all([postgres.stop(), clickhouse.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function everything(): Promise<ReadonlyMap<string, string>> {
  const control = await controlPlaneFigures(world.owner);
  return new Map([...(await telemetryFigures(clickhouse)), ...control]);
}

/** What the hold itself and the job's own row change is not the tenant's data. */
const dataOf = (all: ReadonlyMap<string, string>) =>
  new Map([...all].filter(([place]) => !/^(?:legal_holds|deletion_requests|flags|tenant_states) /.test(place)));

it('goes on after a kill at every step, and a legal hold stops it at every step', async () => {
  const before = await everything();
  const request = await dueRequest(world, VICTIM);
  await expect(world.jobs.begin(ADMIN, request, 'begin', request.requestedAt - 1)).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  await world.deletions.hold(ADMIN, VICTIM, 'A lawsuit.');
  await expect(world.jobs.begin(ADMIN, request, 'begin', Date.now() + 10)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await world.jobs.due(Date.now() + 10, true)).toEqual([]);
  await world.deletions.release(ADMIN, VICTIM);
  await world.jobs.begin(ADMIN, request, 'begin', Date.now() + 10);

  const killed = new Set<string>();
  const dying = (point: string) => {
    if (killed.has(point) || (/ (?:counted|erased)$/.test(point) && !KILLED_TABLES.test(point))) return;
    killed.add(point);
    throw new Killed(point);
  };
  for (let isAlive = false; !isAlive; ) {
    const jobs = new DeadJobs(postgres.postgres);
    isAlive = await world
      .runner({ jobs, atPoint: dying, holders: [{ place: 'exports', erase: async () => 1 }] })
      .run(request)
      .then(
        () => true,
        (thrown: unknown) => {
          if (thrown instanceof Killed) return false;
          throw thrown;
        },
      );
    if (isAlive || (await world.jobs.find(request)) === undefined) break;
    if (!HELD_AT.test([...killed].at(-1) ?? '')) continue;
    await world.deletions.hold(ADMIN, VICTIM, 'A lawsuit.');
    const held = dataOf(await everything());
    expect(await world.runner().run(request)).toBe(false);
    expect(dataOf(await everything()), `held at ${[...killed].at(-1)}`).toEqual(held);
    expect(await world.jobs.find(request)).toMatchObject({
      state: 'running',
      waitsFor: expect.stringContaining('legal hold'),
    });
    await world.deletions.release(ADMIN, VICTIM);
  }
  for (const step of DELETION_STEPS.slice(1)) expect(killed).toContain(`before ${step}`);
  for (const point of ['doors closed', 'spans counted', 'spans erased', 'tables emptied', 'finished'])
    expect(killed).toContain(point);

  expect(dataOf(await everything())).toEqual(dataOf(without(before, VICTIM)));
  const [certificate, ...others] = await world.certificates.list(ADMIN, 10);
  expect(others).toEqual([]);
  const rowsOf = (place: string) => certificate?.body.deleted.find((row) => row.place === place)?.rows;
  // Each kill came after its rows were counted, and nothing was counted twice.
  expect(['clickhouse.spans', 'clickhouse.usage_events', 'postgres.members', 'postgres.keys'].map(rowsOf)).toEqual([
    ...[ROWS, ROWS, 50, 1],
  ]);
  expect((await new AuditChainReader(postgres.postgres).check([])).problemsTotal).toBe(0);
});

it('a certificate is checked again: by question, in files, and by what came since', async () => {
  const [made] = await world.certificates.list(ADMIN, 1);
  const id = made?.body.certificate_id ?? '';
  const data = join(folder, 'data');
  await mkdir(data);
  await writeFile(join(data, 'notes.txt'), `${VICTIM}0 and x${VICTIM} are others`);
  await world.owner.query(`insert into tenantry.tenants (tenant_id) values ('${VICTIM}0')`);
  const { telemetry, certificates: store } = world;
  const desk = certificateDesk({
    postgres: postgres.postgres,
    store,
    telemetry,
    key: KEY,
    dataDir: data,
    now: Date.now,
  });
  expect(await desk.verify(ADMIN, id, VICTIM)).toMatchObject({
    ...{ holds: true, signatureGood: true, chained: true, auditAsLeft: true, enteredAnew: false, files: [] },
    proofs: [{ result: 0 }],
  });
  await expect(desk.verify(ADMIN, id, 'tenant-0001' as TenantId)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await writeFile(join(data, 'left.log'), `${'x'.repeat(1024 ** 2 - 5)} ${VICTIM}.`);
  expect(await desk.verify(ADMIN, id, VICTIM)).toMatchObject({ holds: false, files: ['left.log'] });

  // An app that nobody has told sends on.
  await clickhouse.clickhouse.command(
    `INSERT INTO ${DATABASE}.storage_gauges (TenantId, Store, Time) SELECT '${VICTIM}', 'db', now64(3)`,
  );
  expect(await desk.verify(ADMIN, id, undefined)).toMatchObject({
    ...{ holds: false, files: null, proofs: [{ place: 'clickhouse.storage_gauges', result: 1 }] },
  });
  let swept = 0;
  const directory = new TenantDirectory(postgres.postgres);
  const late = new LateRows({
    ...{ postgres: postgres.postgres, certificates: store, key: KEY, telemetry, memories: [directory], directory },
    ...{ onSwept: (rows) => (swept += rows), log: silentLog },
  });
  expect(await late.remember([VICTIM, 'tenant-0900' as TenantId])).toEqual(new Set([VICTIM]));
  const { rows } = await world.owner.query(
    `select tenant_id from tenantry.tenants where tenant_id in ($1, 'tenant-0900')`,
    [VICTIM],
  );
  expect(rows).toEqual([{ tenant_id: 'tenant-0900' }]);
  await late.sweep();
  expect(swept).toBe(1);
  expect(await desk.verify(ADMIN, id, undefined)).toMatchObject({ holds: true });

  // Entered anew by people: rows of it are no fault, and nothing sweeps them.
  await new TenantDirectory(postgres.postgres).setPlan(ADMIN, VICTIM, 'pro');
  expect(await late.remember([VICTIM])).toEqual(new Set());
  const anew = await desk.verify(ADMIN, id, undefined);
  expect(anew).toMatchObject({ holds: true, enteredAnew: true });
  expect(anew?.proofs.length).toBeGreaterThan(0);

  await world.owner.query('alter table tenantry.deletion_certificates disable trigger deletion_certificates_stay');
  await world.owner.query(`update tenantry.deletion_certificates set body = replace(body, '"rows":50', '"rows":51')`);
  expect(await desk.verify(ADMIN, id, undefined)).toMatchObject({ holds: false, signatureGood: false });
  await world.owner.query(`update tenantry.deletion_certificates set body = replace(body, '"rows":51', '"rows":50')`);
  await world.owner.query('alter table tenantry.deletion_certificates enable trigger deletion_certificates_stay');
  await expect(world.owner.query(`update tenantry.deletion_certificates set body = '{}'`)).rejects.toMatchObject({
    code: '42501',
  });
});

it('is taken back whole: a suspended tenant is suspended again, as it was', async () => {
  const tenant = 'tenant-0005' as TenantId;
  await world.owner.query(
    `insert into tenantry.tenant_states (tenant_id, version, status, effect, reason_code, reason, until, changed_at, changed_by, by_person)
     values ($1, 1, 'suspended', 'read_only', 'payment', 'Does not pay.', '2100-01-01Z', now(), 'bob', true)`,
    [tenant],
  );
  await world.owner.query(`update tenantry.tenants set status = 'suspended' where tenant_id = $1`, [tenant]);
  const state = async () => {
    const { rows } = await world.owner.query(
      `select s.status, t.status as told, effect, reason_code, reason, until from tenantry.tenant_states s join tenantry.tenants t using (tenant_id) where tenant_id = $1`,
      [tenant],
    );
    return rows[0];
  };
  const before = await state();
  const { requestId } = await dueRequest(world, tenant);
  expect(await state()).toMatchObject({ status: 'closed', told: 'closed', effect: null, until: null });
  await world.deletions.cancel(ADMIN, tenant, requestId);
  expect(await state()).toEqual(before);
});

it('waits for what is spooled, drops what is quarantined, and makes detectors forget', async () => {
  const tenant = 'tenant-0006' as TenantId;
  const spool = join(folder, 'spool');
  for (const name of ['open', 'sealed', 'quarantine']) await mkdir(join(spool, name), { recursive: true });
  await writeFile(join(spool, 'open', '1700000000000-0123456789abcdef.otlp'), 'x');
  await writeFile(join(spool, 'sealed', '1700000000500-0123456789abcdef.metrics.otlp'), 'x');
  expect(await segmentsUntil(spool, 1_700_000_000_400)).toBe(1);
  expect(await segmentsUntil(spool, 1_700_000_000_500)).toBe(2);
  await writeFile(
    join(spool, 'quarantine', '1700000000000-0123456789abcdef_0.otlp'),
    Buffer.from(`\u0001${tenant}\u0002`),
  );
  await writeFile(
    join(spool, 'quarantine', '1700000000000-0123456789abcdef_1.otlp'),
    Buffer.from(`\u0001${tenant}0\u0002`),
  );
  const quarantine = new QuarantineFolder(spool);
  expect(await dropQuarantined(quarantine, spool, tenant)).toBe(1);
  expect((await quarantine.list(10)).items.map(({ id }) => id)).toEqual(['1700000000000-0123456789abcdef_1']);

  const detector = new MinuteDetector('tenantry', () => undefined);
  const busy = new Map([['requests', 5]]);
  const neighbour = `${tenant}0`;
  detector.observe({
    minute: 100,
    tenants: new Map([
      [tenant, busy],
      [neighbour, busy],
    ]),
  });
  for (const shard of new Set([shardOf(tenant), shardOf(neighbour)])) {
    await world.owner.query(
      'insert into tenantry.detector_state (shard, judged_until, told_until, state) values ($1, 100, 100, $2)',
      [...[shard, Buffer.from(detector.save(shard))]],
    );
  }
  let forgot: unknown;
  const memory = { forget: (isGone: (id: string) => boolean) => (forgot = [tenant, neighbour].map(isGone)) };
  const stateFile = join(folder, 'detector-state.json');
  await writeFile(stateFile, `{"tenants": ["${tenant}"]}`);
  await forgetTenant({ postgres: postgres.postgres, memories: [memory], stateFile }, tenant);
  expect(forgot).toEqual([true, false]);
  const restored = new MinuteDetector('tenantry', () => undefined);
  const { rows } = await world.owner.query<{ shard: number; state: Buffer }>(
    'select shard, state from tenantry.detector_state',
  );
  for (const { shard, state } of rows) restored.restore(shard, state);
  expect(restored.size().tenants).toBe(1);
  const whole = { until: Date.now() + 60_000, wholeWords: true };
  expect(await searchFiles(folder, tenant, whole)).toMatchObject({ found: [], skipped: 0 });
  expect((await searchFiles(folder, tenant, { ...whole, wholeWords: false })).found).toHaveLength(1);
});

it('leaves nothing in the files of the embedded stores', async () => {
  const tenant = 'tenant-0008' as TenantId;
  const everywhere = { until: Date.now() + 60_000, wholeWords: false };
  const search = async () => (await searchFiles(postgres.folder, tenant, everywhere)).found;
  await world.owner.query('analyze tenantry.members; checkpoint');
  expect(await search()).not.toEqual([]);
  const parts = await partsWith(world, clickhouse, tenant);
  expect(parts.length).toBeGreaterThan(20);
  for (const part of parts) expect(existsSync(part), part).toBe(true);
  const request = await dueRequest(world, tenant);
  await world.jobs.begin(ADMIN, request, 'begin', Date.now() + 10);
  expect(await world.runner().run(request)).toBe(true);
  await rewriteFiles(postgres.ownerUrl);
  expect(await search()).toEqual([]);
  const names = await searchFiles(clickhouse.folder, tenant, everywhere);
  expect(names.found).toEqual([]);
  // What merges have replaced since may be there still: it was made without the tenant.
  expect(parts.filter((part) => existsSync(part))).toEqual([]);
});
