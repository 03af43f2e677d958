import { execFileSync } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
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

describe('when PostgreSQL is in trouble', () => {
  it('answers STORE_UNAVAILABLE within the acquire timeout when all connections are taken, and recovers', async () => {
    const small = new Postgres({ url: db.appUrl, log: silentLog, poolSize: 1, acquireTimeoutMs: 200 });
    try {
      let letGo: (() => void) | undefined;
      const held = small.inTenantTransaction(
        ACME,
        () =>
          new Promise<void>((resolve) => {
            letGo = resolve;
          }),
      );
      await expect.poll(() => letGo).toBeDefined();
      const startedAt = performance.now();
      await expect(small.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(performance.now() - startedAt).toBeLessThan(1_500);
      letGo?.();
      await held;
      await small.ping();
    } finally {
      await small.close();
    }
  });

  it('answers QUERY_TIMEOUT to a statement that takes too long, and uses the connection again', async () => {
    const impatient = new Postgres({ url: db.appUrl, log: silentLog, poolSize: 1, statementTimeoutMs: 100 });
    const pidOf = () =>
      impatient.inTenantTransaction(ACME, (transaction) => transaction.query('select pg_backend_pid() as pid'));
    try {
      const before = await pidOf();
      await expect(
        impatient.inTenantTransaction(ACME, (transaction) => transaction.query('select pg_sleep(5)')),
      ).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
      expect(await pidOf()).toEqual(before);
    } finally {
      await impatient.close();
    }
  });

  it('survives the loss of idle and of busy connections', async () => {
    const killAll = () =>
      runSql(
        db.ownerUrl,
        `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tenantry_login' and pid <> pg_backend_pid()`,
      );
    await postgres.ping();
    await killAll();
    let startedSleeping: (() => void) | undefined;
    const sleeping = new Promise<void>((resolve) => {
      startedSleeping = resolve;
    });
    const busy = postgres
      .inTenantTransaction(ACME, async (transaction) => {
        await transaction.query('select 1');
        startedSleeping?.();
        return transaction.query('select pg_sleep(30)');
      })
      .catch((error: Error) => error);
    await sleeping;
    await killAll();
    expect(await busy).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await postgres.ping();
  });

  it('tries another connection when a pooled one has died unnoticed', async () => {
    await postgres.ping();
    // In a child and synchronously: this process cannot see the connection close before it uses it.
    const script = `
      const client = new (require('pg').Client)(process.argv[1]);
      client.connect()
        .then(() => client.query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'tenantry_login'"))
        .then(() => client.end());`;
    execFileSync(process.execPath, ['-e', script, db.ownerUrl]);
    await postgres.ping();
  });

  it('gives up on a server that takes the connection and never answers', async () => {
    const mute: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo;
    const stuck = new Postgres({ url: `postgres://u:p@127.0.0.1:${port}/d`, log: silentLog, acquireTimeoutMs: 200 });
    try {
      await expect(stuck.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    } finally {
      await stuck.close();
      mute.close();
    }
  });

  it('never shows SQL, values or other rows in its errors', async () => {
    const failure = await postgres
      .inStaffTransaction(SYSTEM, (transaction) =>
        transaction.query('insert into tenantry.tenants (tenant_id) values ($1)', [ACME]),
      )
      .catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'CONFLICT' });
    expect(String(failure)).not.toMatch(/acme|insert|tenants|duplicate key/i);
  });
});
