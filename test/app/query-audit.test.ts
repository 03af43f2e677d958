import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { queryAuditCommand } from '../../src/app/commands/query-audit.ts';
import { lookAt, QueryAuditor, startQueryAudit, targetOf } from '../../src/app/query-audit.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { QueryAuditState } from '../../src/domain/query-audit.ts';
import { migratePostgres } from '../../src/store/postgres/migrate.ts';
import { Postgres } from '../../src/store/postgres/postgres.ts';
import { QueryAuditStore } from '../../src/store/postgres/query-audit-store.ts';
import { ThrottleStore } from '../../src/store/postgres/throttle-store.ts';
import { silentLog } from '../support/postgres.ts';
import { type CountingPostgres, startCountingPostgres } from '../support/query-audit-postgres.ts';

const STAFF: StaffActor = { kind: 'system', subject: 'test' };
const tenantColumns = ['tenant_id'];
let database: CountingPostgres;
let postgres: Postgres;
let store: QueryAuditStore;

beforeAll(async () => {
  database = await startCountingPostgres();
  await migratePostgres(database.server);
  postgres = new Postgres({ url: database.server.appUrl, log: silentLog });
  store = new QueryAuditStore(postgres);
  await database.run(database.ownerUrl, 'create table orders (tenant_id text, id int)');
});
afterAll(async () => {
  await postgres.close();
  await database.stop();
});

const UNREACHABLE = 'postgres://app:hidden-password@127.0.0.1:1/gone';

function auditor(urls: readonly string[], isLeader = true): QueryAuditor {
  return new QueryAuditor({
    targets: urls.map((url) => ({ url, tenantColumns })),
    store,
    leadership: { isLeader: async () => isLeader },
    log: silentLog,
  });
}

const callsOf = ({ report }: Pick<QueryAuditState, 'report'>, part: string) =>
  report?.top.calls.find(({ query }) => query.includes(part))?.calls;

describe('the auditor', () => {
  it('tells what happened since the look before, over restarts', async () => {
    await database.run(database.appUrl, 'select id from orders', 'select id from orders');
    await auditor([database.appUrl]).tick(1_000);
    const [first] = await store.list(STAFF);
    expect(first).toMatchObject({ target: targetOf(database.appUrl), checkedAt: 1_000, problem: null });
    expect(callsOf(first ?? { report: null }, 'id from orders')).toBe(2);

    await database.run(database.appUrl, 'select id from orders');
    await auditor([database.appUrl]).tick(2_000);
    const [second] = await store.list(STAFF);
    expect(second?.report?.from).toBe(first?.report?.to);
    expect(callsOf(second ?? { report: null }, 'id from orders')).toBe(1);
    expect(second?.report?.summary.unfiltered).toBe(1);
  });

  it('keeps the last report of a database that cannot be asked, and asks the others', async () => {
    const urls = [UNREACHABLE, database.appUrl];
    await auditor(urls).tick(3_000);
    const states = new Map((await store.list(STAFF)).map((state) => [state.target, state]));
    expect(states.get('127.0.0.1:1/gone')).toMatchObject({ checkedAt: 3_000, report: null });
    expect(states.get('127.0.0.1:1/gone')?.problem).toMatch(/PostgreSQL|server/);
    expect(states.get(targetOf(database.appUrl))).toMatchObject({ checkedAt: 3_000, problem: null });
    expect(JSON.stringify([...states])).not.toContain('hidden-password');
  });

  it('forgets databases that are no longer configured', async () => {
    await auditor([database.appUrl]).tick(4_000);
    expect((await store.list(STAFF)).map(({ target }) => target)).toEqual([targetOf(database.appUrl)]);
  });

  it('leaves it to the server that leads', async () => {
    await auditor([database.appUrl], false).tick(5_000);
    expect((await store.list(STAFF))[0]?.checkedAt).toBe(4_000);
  });

  it('is started with the server for every configured database', async () => {
    const config = {
      TENANTRY_QUERY_AUDIT_URL: [database.appUrl],
      TENANTRY_QUERY_AUDIT_SECONDS: 3_600,
      TENANTRY_TENANT_COLUMNS: tenantColumns,
    };
    const { audits, stop } = startQueryAudit({ config, postgres, postgresUrl: database.server.appUrl, log: silentLog });
    await vi.waitFor(async () => expect((await audits.list(STAFF))[0]?.checkedAt).toBeGreaterThan(10_000), {
      timeout: 20_000,
    });
    await stop();
  });

  it('knows that the own control plane is held by row security where its statements name no tenant', async () => {
    await database.run(database.ownerUrl, 'select pg_stat_statements_reset()');
    await new ThrottleStore(postgres).list(STAFF, { activeOnly: true, limit: 5 });
    const { report } = await lookAt({ url: database.appUrl, tenantColumns }, undefined);
    const own = report.top.time.filter(({ tables }) => tables.some(({ table }) => table === 'tenantry.flags'));
    expect(own.map(({ verdict }) => verdict)).toContain('row_security');
  });
});

describe('the command', () => {
  afterEach(() => {
    process.exitCode = undefined;
    vi.restoreAllMocks();
  });

  async function run(...args: string[]): Promise<{ text: string; exitCode: unknown }> {
    const lines: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    await queryAuditCommand().parseAsync(args, { from: 'user' });
    return { text: lines.join(''), exitCode: process.exitCode };
  }

  it('lists statements without a tenant filter, and then exits with 1', async () => {
    await database.run(database.ownerUrl, 'select pg_stat_statements_reset()');
    await database.run(
      database.appUrl,
      'select id from orders where id = 5',
      "select 1 from orders where tenant_id = 'x'",
    );
    const { text, exitCode } = await run('--url', database.appUrl);
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^unfiltered +1 +\d+ +0 +app +public\.orders +select id from orders where id = \$1$/m);
    expect(text).toContain('1 unfiltered');
    expect(text).not.toContain(`${new URL(database.appUrl).password}@`);
    expect(text).not.toContain('tenant_id = $');
  });

  it('exits with 0 when there is none, and shows the dearest on demand', async () => {
    await database.run(database.ownerUrl, 'select pg_stat_statements_reset()');
    await database.run(database.appUrl, "select 1 from orders where tenant_id = 'x'");
    const { text, exitCode } = await run('--url', database.appUrl, '--all');
    expect(exitCode).toBeUndefined();
    expect(text).toMatch(/^filtered +1 .* public\.orders +select \$1 from orders where tenant_id = \$2$/m);
  });

  it('takes the names of tenant columns', async () => {
    await database.run(database.ownerUrl, 'create table things (owner_id int)', 'select pg_stat_statements_reset()');
    await database.run(database.appUrl, 'select count(*) from things');
    expect((await run('--url', database.appUrl)).exitCode).toBeUndefined();
    expect((await run('--url', database.appUrl, '--tenant-column', 'owner_id')).exitCode).toBe(1);
  });

  it.each([[['--url', 'mysql://x']], [[]]])('says what it needs: %j', async (args) => {
    await expect(run(...args)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      hint: expect.stringContaining('postgres://'),
    });
  });
});
