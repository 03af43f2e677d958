import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageReader } from '../../src/aggregate/usage-reader.ts';
import { recountStale, startStorage } from '../../src/app/storage.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { StorageGauge } from '../../src/domain/storage.ts';
import type { PostgresTarget, StorageRun } from '../../src/domain/storage-target.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { HOUR_MS } from '../../src/domain/window.ts';
import { StorageGauges } from '../../src/store/clickhouse/storage-gauges.ts';
import { StorageStaleMark } from '../../src/store/postgres/storage-stale-mark.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ann', role: 'admin' };
const START = Date.UTC(2026, 9, 5, 8);
const clock = { now: START };
let db: TestPostgres;
let clickhouse: TestClickHouse;
let client: pg.Client;
let storage: ReturnType<typeof startStorage>;

beforeAll(async () => {
  [db, clickhouse] = await Promise.all([startTestPostgres(), startTestClickHouse()]);
  client = new pg.Client({ connectionString: db.ownerUrl });
  await client.connect();
  await client.query(`create schema shop; create table shop.notes (tenant_id text, body text);
    insert into shop.notes select 'tenant-' || n % 3, repeat('x', 200) from generate_series(1, 9000) n; analyze shop.notes`);
  process.env['SHOP_DATABASE'] = db.ownerUrl;
  storage = startStorage({
    ...{ clickhouse: clickhouse.clickhouse, postgres: db.postgres, postgresUrl: db.appUrl, log: silentLog },
    ...{ directory: new TenantDirectory(db.postgres), config: { TENANTRY_SECRETS_DIR: '/nowhere' } },
    ...{ now: () => clock.now, lookEveryMs: 50 },
  });
}, 60_000);

afterAll(async () => {
  delete process.env['SHOP_DATABASE'];
  await storage.stop();
  await client.end();
  await clickhouse.stop();
  await db.stop();
});

/** The newest run of the target, once it is as asked for. */
async function runOf(name: string, isAsAsked: (run: StorageRun) => boolean): Promise<StorageRun> {
  for (;;) {
    const state = (await storage.desk.targets(ADMIN)).find(({ target }) => target.name === name);
    if (state?.run !== undefined && isAsAsked(state.run)) return state.run;
    await delay(20);
  }
}

const settings: PostgresTarget = {
  kind: 'postgres',
  urlRef: 'env:SHOP_DATABASE',
  ...{ tenantColumns: ['tenant_id'], exclude: ['tenantry.*'], pageShare: 0.5, pauseMs: 0 },
};

const recount = () =>
  recountStale(new StorageGauges(clickhouse.clickhouse), new StorageStaleMark(db.postgres), clock.now);
const listed = async (tenantId?: string) =>
  (
    await storage.desk.list({
      ...{ window: { from: START, to: clock.now }, tenantId: tenantId as TenantId | undefined },
      ...{ store: 'shop', limit: 100, offset: 0 },
    })
  ).items;

describe('a database of the operator', () => {
  it('is measured on schedule; byte-hours follow; who is gone has nothing any more', async () => {
    await storage.desk.createTarget(ADMIN, { name: 'shop', intervalSeconds: 3_600, settings });
    const first = await runOf('shop', ({ state }) => state === 'done');
    expect(first).toMatchObject({ startedAt: START, attempts: 1, error: null, progress: { unit: 'pages' } });

    await client.query(`delete from shop.notes where tenant_id = 'tenant-2'`);
    clock.now = START + HOUR_MS;
    await runOf('shop', ({ state, startedAt }) => state === 'done' && startedAt === clock.now);
    clock.now = START + 2 * HOUR_MS;
    await runOf('shop', ({ state, startedAt }) => state === 'done' && startedAt === clock.now);
    await recount();

    const [mine] = await listed('tenant-0');
    const [gone] = await listed('tenant-2');
    expect(mine).toMatchObject({ store: 'shop', kind: 'postgres', coveredShare: 1 });
    expect(Number(mine?.bytes)).toBeGreaterThan(600_000);
    expect(gone).toMatchObject({ bytes: 0n, method: 'not found any more', coveredShare: 1 });
    // It had something in the first of the two hours only.
    expect(Number(gone?.byteHours) / Number(mine?.byteHours)).toBeCloseTo(0.5, 1);
    const usage = new UsageReader([storage.usage]);
    const window = { from: START, to: clock.now };
    const [total] = await usage.totals({ window, metrics: ['storage_byte_hours'], tenants: ['tenant-0' as TenantId] });
    expect(total?.values.get('storage_byte_hours')).toBe(mine?.byteHours);
  }, 60_000);

  it('that cannot be reached is tried again later, and says why', async () => {
    const bad: PostgresTarget = { ...settings, urlRef: 'env:NO_SUCH_DATABASE' };
    await storage.desk.createTarget(ADMIN, { name: 'lost', intervalSeconds: 3_600, settings: bad });
    const run = await runOf('lost', ({ error }) => error !== null);
    expect(run).toMatchObject({ state: 'running', attempts: 1, retryAt: clock.now + 30_000 });
    expect(run.error).toContain('env:NO_SUCH_DATABASE');
    process.env['NO_SUCH_DATABASE'] = db.ownerUrl;
    try {
      clock.now += 31_000;
      expect(await runOf('lost', ({ state }) => state === 'done')).toMatchObject({
        id: run.id,
        attempts: 2,
        error: null,
      });
    } finally {
      delete process.env['NO_SUCH_DATABASE'];
    }
  }, 60_000);

  it('is no name for what apps push', async () => {
    clock.now = START + 4 * HOUR_MS;
    const gauge: StorageGauge = {
      tenantId: 'acme' as TenantId,
      kind: 'pushed',
      ...{ store: 'shop:mine', at: clock.now, bytes: 1n, errorBytes: null },
      ...{ objects: null, method: 'told by the app', holdMs: HOUR_MS },
    };
    await expect(storage.desk.push([gauge])).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await storage.desk.push([{ ...gauge, store: 'uploads' }]);
    clock.now += HOUR_MS;
    await recount();
    const { items } = await storage.desk.list({
      ...{ window: { from: clock.now - HOUR_MS, to: clock.now }, tenantId: 'acme' as TenantId, store: undefined },
      ...{ limit: 10, offset: 0 },
    });
    expect(items).toMatchObject([{ store: 'uploads', bytes: 1n, byteHours: 1n }]);
  }, 60_000);

  it('is changed in nothing by being measured, and leaves a trace of who set it up', async () => {
    const { rows } = await client.query<{ action: string; after: unknown }>(
      `select action, after from tenantry.audit_log where action like 'storage%' order by seq limit 1`,
    );
    expect(rows[0]).toMatchObject({ action: 'storage_target.create', after: { name: 'shop' } });
    expect(JSON.stringify(rows)).not.toContain(new URL(db.ownerUrl).password);
  });
});
