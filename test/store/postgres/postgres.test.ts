import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const ACME = 'acme' as TenantId;
const GLOBEX = 'globex' as TenantId;
const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const SYSTEM: StaffActor = { kind: 'system', subject: 'test' };
const SETTINGS = `select nullif(current_setting('app.current_tenant', true), '') as tenant,
  current_setting('app.super_admin', true) as super_admin, current_user::text as role, pg_backend_pid() as pid`;

let db: TestPostgres;
let postgres: Postgres;

beforeAll(async () => {
  db = await startTestPostgres({ poolSize: 4 });
  postgres = db.postgres;
  const directory = new TenantDirectory(postgres);
  await directory.remember([ACME, GLOBEX]);
  await directory.setPlan(ADMIN, ACME, 'gold');
  await directory.setPlan(ADMIN, GLOBEX, 'silver');
});
afterAll(() => db.stop());

/** What the next users of every pooled connection find. */
async function settingsOfAllConnections(): Promise<{ tenant: string | null; super_admin: string; role: string }[]> {
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() =>
      postgres.inTenantTransaction(ACME, async (transaction) => {
        const [row] = await transaction.query<{ tenant: string; super_admin: string; role: string }>(SETTINGS);
        return row;
      }),
    ),
  );
  return answers.flatMap((row) => (row === undefined ? [] : [row]));
}

describe('inTenantTransaction', () => {
  it('sees and changes rows of its own tenant only', async () => {
    const rows = await postgres.inTenantTransaction(ACME, (transaction) =>
      transaction.query('select tenant_id, plan from tenantry.tenants'),
    );
    expect(rows).toEqual([{ tenant_id: ACME, plan: 'gold' }]);
  });

  it('leaves nothing of itself on the connection', async () => {
    await postgres.inTenantTransaction(GLOBEX, (transaction) => transaction.query('select 1'));
    await postgres.inStaffTransaction(SYSTEM, (transaction) => transaction.query('select 1'));
    for (const row of await settingsOfAllConnections()) {
      expect(row).toMatchObject({ tenant: ACME, super_admin: 'off', role: 'tenantry_app' });
    }
  });

  it('sets nothing for longer than its transaction', async () => {
    const one = new Postgres({ url: db.appUrl, log: silentLog, poolSize: 1 });
    try {
      await one.inTenantTransaction(GLOBEX, (transaction) => transaction.query('select 1'));
      let found: readonly object[] = [];
      // Out of the transaction one sees what the connection itself was left with; that such a one is not gone on with, too.
      const ended = one.inTenantTransaction(ACME, async (transaction) => {
        await transaction.query('rollback');
        found = await transaction.query(SETTINGS);
      });
      await expect(ended).rejects.toMatchObject({ code: 'INTERNAL' });
      expect(found).toMatchObject([{ tenant: null, super_admin: '', role: 'tenantry_login' }]);
    } finally {
      await one.close();
    }
  });

  it('is not fooled by a setting that was made for the whole session', async () => {
    await postgres.inTenantTransaction(GLOBEX, (transaction) =>
      transaction.query(
        `select set_config('app.super_admin', 'on', false), set_config('app.current_tenant', 'globex', false)`,
      ),
    );
    for (let round = 0; round < 5; round += 1) {
      for (const row of await settingsOfAllConnections())
        expect(row).toMatchObject({ tenant: ACME, super_admin: 'off' });
    }
  });

  it('refuses a malformed tenant before it asks for a connection', async () => {
    for (const tenant of ['', '(unknown)', '../x', "a' or true --"]) {
      await expect(postgres.inTenantTransaction(tenant as TenantId, async () => 1)).rejects.toMatchObject({
        code: 'BAD_REQUEST',
      });
    }
  });

  it('refuses a second statement behind a semicolon', async () => {
    await expect(
      postgres.inTenantTransaction(ACME, (transaction) =>
        transaction.query(`select 1; select set_config('app.current_tenant', 'globex', true)`),
      ),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('waits for statements that nobody awaited, and refuses one that comes after the end', async () => {
    let late: (() => Promise<unknown>) | undefined;
    let finished = false;
    await postgres.inTenantTransaction(ACME, async (transaction) => {
      void transaction.query('select pg_sleep(0.2)');
      void transaction.query('select 1').then(() => {
        finished = true;
      });
      late = () => transaction.query('select 1');
    });
    expect(finished).toBe(true);
    await expect(late?.()).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('says so when a swallowed error has undone the transaction', async () => {
    await expect(
      postgres.inTenantTransaction(ACME, async (transaction) => {
        await transaction.query('select 1 / 0').catch(() => undefined);
        return 'all is well';
      }),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it.each([
    ['that ended its transaction itself', 'commit'],
    ['that rolled back itself', 'rollback'],
  ])('destroys a connection %s', async (_, statement) => {
    let pid = 0;
    await expect(
      postgres.inTenantTransaction(ACME, async (transaction) => {
        const [row] = await transaction.query<{ pid: number }>('select pg_backend_pid() as pid');
        pid = row?.pid ?? 0;
        await transaction.query(statement);
      }),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect
      .poll(() => runSql(db.ownerUrl, `select from pg_stat_activity where pid = ${pid}`), { timeout: 5_000 })
      .toHaveLength(0);
  });
});

describe('inStaffTransaction', () => {
  it('sees every tenant, for staff and the system', async () => {
    const rows = await postgres.inStaffTransaction(ADMIN, (transaction) =>
      transaction.query('select tenant_id from tenantry.tenants order by 1'),
    );
    expect(rows).toEqual([{ tenant_id: ACME }, { tenant_id: GLOBEX }]);
  });

  it('rolls back a change that is not recorded', async () => {
    await expect(
      postgres.inStaffTransaction(ADMIN, (transaction) =>
        transaction.query(`update tenantry.tenants set status = 'closed' where tenant_id = 'acme'`),
      ),
    ).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('audit') });
    expect(await runSql(db.ownerUrl, `select status from tenantry.tenants where tenant_id = 'acme'`)).toEqual([
      { status: 'active' },
    ]);
  });

  it("records people's reads once an hour and person, and the system's never", async () => {
    const count = `select subject, count(*)::int as n from tenantry.audit_log where action = 'staff.read' group by 1 order by 1`;
    const reader: StaffActor = { kind: 'staff', subject: 'reader', role: 'sre' };
    for (let round = 0; round < 3; round += 1) {
      await postgres.inStaffTransaction(reader, (transaction) => transaction.query('select 1'));
      await postgres.inStaffTransaction(SYSTEM, (transaction) => transaction.query('select 1'));
    }
    const rows = await runSql(db.ownerUrl, count);
    expect(rows).toContainEqual({ subject: 'reader', n: 1 });
    expect(rows.map((row) => row['subject'])).not.toContain('test');
  });
});

describe('inReadTransaction', () => {
  it('gives every kind of actor what it may see', async () => {
    const tenants = (actor: Parameters<Postgres['inReadTransaction']>[0]) =>
      postgres.inReadTransaction(actor, (transaction) =>
        transaction.query<{ tenant_id: string }>('select tenant_id from tenantry.tenants order by 1'),
      );
    expect(await tenants(ADMIN)).toHaveLength(2);
    expect(await tenants({ kind: 'tenant', subject: 'x', role: 'viewer', tenantId: GLOBEX })).toEqual([
      { tenant_id: GLOBEX },
    ]);
    expect(await tenants({ kind: 'key', subject: 'k', scopes: ['flags'], tenantId: GLOBEX })).toHaveLength(1);
    await expect(tenants({ kind: 'key', subject: 'k', scopes: ['flags'], tenantId: undefined })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});
