import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillDdl } from '../../../src/store/clickhouse/ddl-macros.ts';
import { EmbeddedClickHouse } from '../../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../../src/store/clickhouse/migrate.ts';
import { startTestClickHouse, TEST_DDL, TEST_VIEWS, type TestClickHouse } from '../../support/embedded-clickhouse.ts';

let store: TestClickHouse;
beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

const viewText = async (name: string) =>
  (
    await store.clickhouse.inspect<{ as_select: string }>(
      `SELECT as_select FROM system.tables WHERE database = 'tenantry' AND name = '${name}'`,
    )
  )[0]?.as_select;

describe('migrating', () => {
  it('does nothing the second time', async () => {
    expect(await migrateClickHouse(store.clickhouse, TEST_VIEWS, TEST_DDL)).toEqual({ migrations: [], views: [] });
  });

  it('has every declared view in the database and no other', async () => {
    const found = await store.clickhouse.inspect<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = 'tenantry' AND engine LIKE '%View' ORDER BY name",
    );
    expect(found.map(({ name }) => name)).toEqual(TEST_VIEWS.map(({ name }) => name).toSorted());
  });

  it('re-applies a view whose text changed, drops one that is gone, and brings both back', async () => {
    const changed = TEST_VIEWS.filter(({ name }) => name !== 'spans_by_day_view').map((view) =>
      view.name === 'db_calls_by_minute_view'
        ? { ...view, select: view.select.replace('200000000', '123000000') }
        : view,
    );
    expect(await migrateClickHouse(store.clickhouse, changed, TEST_DDL)).toEqual({
      migrations: [],
      views: ['db_calls_by_minute_view'],
    });
    expect(await viewText('db_calls_by_minute_view')).toContain('123000000');
    expect(await viewText('spans_by_day_view')).toBeUndefined();

    const back = await migrateClickHouse(store.clickhouse, TEST_VIEWS, TEST_DDL);
    expect(back.views.toSorted()).toEqual(['db_calls_by_minute_view', 'spans_by_day_view']);
    expect(await viewText('db_calls_by_minute_view')).toContain('200000000');
  });

  it('follows the configured retention', async () => {
    const ttl = async (table: string) =>
      /TTL .*?toIntervalDay\(\d+\)/.exec(
        (
          await store.clickhouse.inspect<{ engine_full: string }>(
            `SELECT engine_full FROM system.tables WHERE database = 'tenantry' AND name = '${table}'`,
          )
        )[0]?.engine_full ?? '',
      )?.[0];
    expect(await ttl('requests_by_minute')).toBe('TTL Time + toIntervalDay(30)');
    await migrateClickHouse(store.clickhouse, TEST_VIEWS, {
      ...TEST_DDL,
      retention: { spansDays: 3, pointsDays: 5, minutesDays: 14, hoursDays: 90, daysDays: 365 },
    });
    expect(await ttl('spans')).toBe('TTL toDateTime(Timestamp) + toIntervalDay(3)');
    expect(await ttl('metric_points')).toBe('TTL toDateTime(Time) + toIntervalDay(5)');
    expect(await ttl('metric_points_set_aside')).toBe('TTL toDateTime(ReceivedAt) + toIntervalDay(5)');
    expect(await ttl('resource_use_by_hour')).toBe('TTL Time + toIntervalDay(90)');
    expect(await ttl('requests_by_minute')).toBe('TTL Time + toIntervalDay(14)');
    expect(await ttl('ai_usage_by_hour')).toBe('TTL Time + toIntervalDay(90)');
    expect(await ttl('spans_by_day')).toBe('TTL Time + toIntervalDay(365)');
    await migrateClickHouse(store.clickhouse, TEST_VIEWS, TEST_DDL);
  });

  it('refuses a database that is newer than itself, and one whose migration was another', async () => {
    const log = (number: number, sha: string) =>
      store.clickhouse.command(
        `INSERT INTO tenantry.schema_log (Kind, Number, Name, Sha256) VALUES ('migration', ${number}, '${number === 1 ? '0001_spans.sql' : '9999_future.sql'}', '${sha}')`,
      );
    await log(9_999, 'x');
    await expect(migrateClickHouse(store.clickhouse, TEST_VIEWS, TEST_DDL)).rejects.toMatchObject({
      code: 'SCHEMA_TOO_NEW',
    });
    await store.clickhouse.command(
      'ALTER TABLE tenantry.schema_log DELETE WHERE Number = 9999 SETTINGS mutations_sync = 2',
    );
    await log(1, 'tampered');
    await expect(migrateClickHouse(store.clickhouse, TEST_VIEWS, TEST_DDL)).rejects.toMatchObject({
      code: 'SCHEMA_TOO_NEW',
      message: expect.stringContaining('0001_spans.sql'),
    });
  });
});

describe('cluster mode', () => {
  const text = 'CREATE TABLE t {{on_cluster}} (a Int8) ENGINE = {{replicated}}MergeTree SETTINGS {{dedup_window}}';

  it('fills replication and ON CLUSTER into the same text', () => {
    expect(fillDdl(text, { ...TEST_DDL, cluster: 'main' })).toBe(
      "CREATE TABLE t ON CLUSTER 'main' (a Int8) ENGINE = ReplicatedMergeTree SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800",
    );
    expect(fillDdl(text, TEST_DDL)).toContain('ENGINE = MergeTree SETTINGS non_replicated_deduplication_window');
  });

  it('stops at a macro that nobody knows', () => {
    expect(() => fillDdl('{{no_such}}', TEST_DDL)).toThrow('no_such');
  });
});

describe('the data folder', () => {
  it('belongs to one process: the second one is told so, and can open it once the first is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tenantry-shared-'));
    const script = `const { Session } = require('chdb'); const s = new Session(${JSON.stringify(folder)}); s.query('CREATE DATABASE IF NOT EXISTS tenantry ENGINE = Atomic'); s.query('CREATE TABLE tenantry.kept (a Int8) ENGINE = MergeTree ORDER BY a'); s.query('INSERT INTO tenantry.kept VALUES (1)'); console.log('open'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(() => new EmbeddedClickHouse({ path: folder })).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_IN_USE', message: expect.stringContaining(`Process ${child.pid} `) }),
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    // A process holds one folder: the next opener is a new one, as it is in life.
    const next = spawn(
      process.execPath,
      [
        '-e',
        `const { Session } = require('chdb'); console.log(new Session(${JSON.stringify(folder)}).query('SELECT a FROM tenantry.kept'))`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [out] = (await once(next.stdout, 'data')) as [Buffer];
    expect(out.toString().trim()).toBe('1');
    await once(next, 'exit');
  });
});
