/**
 * Two tenants at once on a pool of four connections: transactions in a random order, of which many fail, abort, time
 * out, lose their connection or try to write for the other tenant.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { Postgres } from '../../../src/store/postgres/postgres.ts';
import { seeded } from '../../support/detect-random.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { ACME, GLOBEX, seedTwoTenants } from '../../support/postgres-two-tenants.ts';
import { loadOfTwoTenants } from '../../support/postgres-two-tenants-load.ts';

/** As many as are promised; `npm run soak -- two-tenants` makes more. */
const REQUESTS = 10_000;
const READER: StaffActor = { kind: 'system', subject: 'test' };

let db: TestPostgres;
let postgres: Postgres;
const clients = new Set<pg.PoolClient>();

const { connect } = pg.Pool.prototype;

/** As the pool's own, and remembers whom it gave. */
async function rememberedConnect(this: pg.Pool): Promise<pg.PoolClient> {
  const client = (await Reflect.apply(connect, this, [])) as pg.PoolClient;
  if (!clients.has(client)) client.once('end', () => clients.delete(client));
  clients.add(client);
  return client;
}

beforeAll(async () => {
  Object.assign(pg.Pool.prototype, { connect: rememberedConnect });
  db = await startTestPostgres({ poolSize: 4 });
  postgres = db.postgres;
  await seedTwoTenants(db.ownerUrl);
});
afterAll(async () => {
  Object.assign(pg.Pool.prototype, { connect });
  await db.stop();
});

describe(`${REQUESTS} requests of two tenants on four connections`, () => {
  it('see no row of the other and no setting of another, and end as each of them must', async () => {
    const tally = await loadOfTwoTenants(REQUESTS, (tenant, fn) =>
      postgres.inTenantTransaction(tenant, (transaction) => fn((text, values) => transaction.query(text, values))),
    );
    expect(tally.unexpected).toEqual([]);
    expect([tally.right, tally.foreign]).toEqual([REQUESTS, 0]);
    expect(clients.size).toBeLessThanOrEqual(4);
    // Nothing that was rolled back is there, and what was committed touched its own rows alone.
    const rows = await postgres.inStaffTransaction(READER, (transaction) =>
      transaction.query<{ tenant_id: string; n: number }>(
        'select tenant_id, count(*)::int as n from tenantry.members group by 1 order by 1',
      ),
    );
    expect(rows).toEqual([
      { tenant_id: ACME, n: 5 },
      { tenant_id: GLOBEX, n: 5 },
    ]);
  });

  it('leave no setting, no role and no transaction on any connection', async () => {
    expect(clients.size).toBeGreaterThan(0);
    expect([...clients].map((client) => client.getTransactionStatus())).toEqual([...clients].map(() => 'I'));
    const left = await Promise.all(
      [...clients].map(async (client) => {
        const { rows } = await client.query(
          `select nullif(current_setting('app.current_tenant', true), '') as tenant,
                  nullif(current_setting('app.super_admin', true), '') as "superAdmin",
                  current_user::text as role, current_setting('statement_timeout') as timeout,
                  (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks`,
        );
        return rows[0];
      }),
    );
    const none = { tenant: null, superAdmin: null, role: 'tenantry_login', timeout: '0', locks: 0 };
    for (const connection of left) expect(connection).toEqual(none);
  });

  it('that lose their connection now and then take nothing along either', async () => {
    const owner = new pg.Client({ connectionString: db.ownerUrl });
    await owner.connect();
    let killed = 0;
    let committed = 0;
    const tally = await loadOfTwoTenants(600, (tenant, fn) =>
      postgres.inTenantTransaction(tenant, async (transaction) => {
        const result = await fn((text, values) => transaction.query(text, values));
        committed += 1;
        if (committed % 40 !== 0) return result;
        const [{ pid = 0 } = {}] = await transaction.query<{ pid: number }>('select pg_backend_pid() as pid');
        await owner.query('select pg_terminate_backend($1, 5000)', [pid]);
        killed += 1;
        return transaction.query('select 1');
      }),
    );
    await owner.end();
    expect(killed).toBeGreaterThan(5);
    expect(tally.foreign).toBe(0);
    expect(tally.right).toBe(600);
    expect(tally.unexpected).toHaveLength(killed);
    for (const one of tally.unexpected) expect(one).toMatch(/^(?:commit|write): STORE_UNAVAILABLE$/);
  });
});

it('a door that sets the tenant for the session and takes connections back as they are would be caught', async () => {
  const pool = new pg.Pool({ connectionString: db.appUrl, max: 4 });
  const random = seeded('who forgets');
  const tally = await loadOfTwoTenants(100, async (tenant, fn) => {
    const client = await pool.connect();
    try {
      // Every third request forgets to say who it is, as code does that takes a connection by itself.
      if (random() > 1 / 3) await client.query(`select set_config('app.current_tenant', $1, false)`, [tenant]);
      await client.query(`select set_config('app.super_admin', 'off', false)`);
      await client.query('set role tenantry_app');
      await fn(async (text, values) => (await client.query(text, [...(values ?? [])])).rows);
    } finally {
      client.release();
    }
  });
  await pool.end();
  expect(tally.foreign).toBeGreaterThan(0);
});
