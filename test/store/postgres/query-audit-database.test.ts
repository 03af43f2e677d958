import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditInterval, intervalBetween } from '../../../src/aggregate/query-audit-report.ts';
import type { AuditedStatement, QueryAuditReport } from '../../../src/domain/query-audit.ts';
import { readQueryAuditSource } from '../../../src/store/postgres/query-audit-database.ts';
import { type CountingPostgres, startCountingPostgres } from '../../support/query-audit-postgres.ts';

let database: CountingPostgres;
const tenantColumns = ['tenant_id', 'org_id'];

beforeAll(async () => {
  database = await startCountingPostgres();
  await database.run(
    database.ownerUrl,
    'create table orders (tenant_id text, id int, note text)',
    'create table lines (org_id text, id int)',
    'create table statuses (id int, name text)',
    'create table guarded (tenant_id text, id int)',
    'alter table guarded enable row level security',
    'create table forced (tenant_id text, id int)',
    'alter table forced enable row level security',
    'alter table forced force row level security',
    'create view order_count as select count(*) as n from orders',
    'create view own_orders as select tenant_id, id from orders',
    'create schema other',
    'create table other.lines (id int)',
  );
});
afterAll(() => database.stop());

const read = (url = database.appUrl) => readQueryAuditSource({ url, tenantColumns });

async function reportSince(before: Awaited<ReturnType<typeof read>> | undefined): Promise<QueryAuditReport> {
  const { snapshot, tables } = await read();
  return auditInterval(intervalBetween(before?.snapshot, snapshot), tables, snapshot);
}

function found({ top }: QueryAuditReport, part: string): AuditedStatement | undefined {
  return top.calls.find(({ query }) => query.includes(part));
}

describe('the catalogue', () => {
  it('has tables and views with a tenant column, who owns them, and what protects them', async () => {
    const { tables } = await read();
    const byName = Object.fromEntries(tables.map(({ schema, name, ...rest }) => [`${schema}.${name}`, rest]));
    const plain = {
      owner: 'postgres',
      tenantColumns: ['tenant_id'],
      rowSecurity: 'off',
      hides: [],
      hasNamesake: false,
    };
    expect(byName).toEqual({
      'public.orders': plain,
      'public.own_orders': plain,
      'public.guarded': { ...plain, rowSecurity: 'enabled' },
      'public.forced': { ...plain, rowSecurity: 'forced' },
      'public.lines': { ...plain, tenantColumns: ['org_id'], hasNamesake: true },
      'public.order_count': { ...plain, tenantColumns: [], hides: ['public.orders'] },
    });
  });
});

describe('the statements of an interval', () => {
  it('have the counts of the interval, and verdicts by table, role and policy', async () => {
    await database.run(database.appUrl, ["select * from orders where tenant_id = $1 and note = 'a'", ['acme']]);
    const before = await read();
    await database.run(
      database.appUrl,
      ["select * from orders where tenant_id = $1 and note = 'b'", ['acme']],
      ["select * from orders where tenant_id = $1 and note = 'c'", ['bolt']],
      "select * from orders where note = 'secretvalue' /* by secretvalue */",
      'select * from guarded where id = 1',
      'select * from forced where id = 1',
      'select * from public.lines where id = 7',
      'select id, org_id from lines where id = 8',
      'select n from order_count',
      'select * from own_orders where id = 3',
      'select * from statuses where id = 4',
      "insert into orders (tenant_id, id) values ('acme', 1), ('acme', 2)",
    );
    await database.run(database.ownerUrl, 'select id from guarded where id = 2', 'select id from forced where id = 2');
    const report = await reportSince(before);
    expect(report).toMatchObject({ from: before.snapshot.takenAt, wasReset: false });
    expect(found(report, 'orders where tenant_id')).toMatchObject({ calls: 2, verdict: 'filtered', user: 'app' });
    expect(found(report, 'orders where note')).toMatchObject({ calls: 1, verdict: 'unfiltered' });
    expect(found(report, '* from guarded')).toMatchObject({ verdict: 'row_security' });
    expect(found(report, '* from forced')).toMatchObject({ verdict: 'row_security' });
    // The owner is a superuser, for whom no policy holds.
    expect(found(report, 'id from guarded')).toMatchObject({ verdict: 'unfiltered', user: 'postgres' });
    expect(found(report, 'id from forced')).toMatchObject({ verdict: 'unfiltered' });
    expect(found(report, 'public.lines')).toMatchObject({ verdict: 'unfiltered' });
    expect(found(report, 'from lines')).toMatchObject({ verdict: 'unknown' });
    expect(found(report, 'order_count')).toMatchObject({ verdict: 'unknown' });
    expect(found(report, 'own_orders')).toMatchObject({ verdict: 'unfiltered' });
    expect(found(report, 'statuses')).toMatchObject({ verdict: null, tables: [] });
    expect(found(report, 'insert into orders')).toMatchObject({ verdict: 'filtered', rows: 2 });
    expect(report.findings.map(({ verdict }) => verdict)).toEqual([
      ...new Array(5).fill('unfiltered'),
      ...new Array(2).fill('unknown'),
    ]);
    expect(report.summary).toMatchObject({ unfiltered: 5, unknown: 2, row_security: 2, filtered: 2 });
    expect(report.tables).toHaveLength(5);
    expect(found(report, 'pg_stat_statements')).toBeUndefined();
  });

  it('show no value, whatever kind of statement it stood in', async () => {
    const before = await read();
    await database.run(
      database.ownerUrl,
      "create role somebody password 'secretvalue'",
      "select 'secretvalue' from orders -- secretvalue",
      "do $$ begin perform 'secretvalue'; end $$",
      "comment on table orders is 'secretvalue'",
    );
    const report = await reportSince(before);
    expect(found(report, 'from orders')).toBeDefined();
    expect(found(report, 'comment on table orders is …')).toBeDefined();
    expect(JSON.stringify(report).includes('secretvalue')).toBe(false);
  });

  it('begin anew when the counters were reset', async () => {
    await database.run(database.appUrl, 'select id from orders', 'select id from orders', 'select id from orders');
    const before = await read();
    await database.run(database.ownerUrl, 'select pg_stat_statements_reset()');
    await database.run(database.appUrl, 'select id from orders');
    const report = await reportSince(before);
    expect(report.wasReset).toBe(true);
    expect(report.from).toBeGreaterThan(before.snapshot.takenAt - 1_000);
    expect(found(report, 'select id from orders')).toMatchObject({ calls: 1 });
  });

  it('of other users are counted where they may not be seen', async () => {
    await database.run(database.ownerUrl, 'revoke pg_read_all_stats from app', 'select note from orders limit 1');
    const report = await reportSince(undefined);
    await database.run(database.ownerUrl, 'grant pg_read_all_stats to app');
    expect(report.hidden).toBeGreaterThan(0);
    expect(found(report, 'select note from orders limit')).toBeUndefined();
    expect((await reportSince(undefined)).hidden).toBe(0);
  });

  it('that did not run are not there', async () => {
    await database.run(database.appUrl, 'select id, note from orders');
    const before = await read();
    expect(found(await reportSince(undefined), 'select id, note')).toBeDefined();
    expect(found(await reportSince(before), 'select id, note')).toBeUndefined();
  });
});

describe('a database that cannot be asked', () => {
  it('says what is missing', async () => {
    const postgres = new URL(database.ownerUrl);
    postgres.pathname = '/postgres';
    await expect(read(postgres.href)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED_HERE',
      hint: expect.stringContaining('create extension pg_stat_statements'),
    });
  });

  it('says that it cannot be reached, without the password', async () => {
    const error = await read('postgres://app:hidden-password@127.0.0.1:1/x').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(String(error)).not.toContain('hidden-password');
  });
});
