import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lease, tryLead } from '../../../src/store/postgres/lease.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

let db: TestPostgres;

beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());

async function lead(name: string): Promise<Lease> {
  const lease = await tryLead(db.appUrl, name);
  if (lease === undefined) throw new Error('somebody else leads');
  return lease;
}

describe('tryLead', () => {
  it('lets one of many lead, and the next one after its release', async () => {
    const tries = await Promise.all(Array.from({ length: 6 }, () => tryLead(db.appUrl, 'detector')));
    const leaders = tries.filter((lease) => lease !== undefined);
    expect(leaders).toHaveLength(1);
    expect(await leaders[0]?.isHeld()).toBe(true);
    await leaders[0]?.release();
    expect(await leaders[0]?.isHeld()).toBe(false);
    await expect
      .poll(() =>
        tryLead(db.appUrl, 'detector').then(async (lease) => {
          await lease?.release();
          return lease !== undefined;
        }),
      )
      .toBe(true);
  });

  it('keeps leaderships of different names apart', async () => {
    const [one, two] = [await lead('one'), await lead('two')];
    await Promise.all([one.release(), two.release()]);
  });

  it('tells a leader that its connection was cut, and lets another take over', async () => {
    const first = await lead('cut');
    const lost = new Promise<void>((resolve) => first.lost.addEventListener('abort', () => resolve(), { once: true }));
    await runSql(
      db.ownerUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tenantry lease cut'`,
    );
    await lost;
    expect(await first.isHeld()).toBe(false);
    const second = await lead('cut');
    expect(await second.isHeld()).toBe(true);
    await second.release();
  });

  it('leaves no connection behind when somebody else leads', async () => {
    const leader = await lead('busy');
    for (let round = 0; round < 5; round += 1) expect(await tryLead(db.appUrl, 'busy')).toBeUndefined();
    await expect
      .poll(() => runSql(db.ownerUrl, `select from pg_stat_activity where application_name = 'tenantry lease busy'`))
      .toHaveLength(1);
    await leader.release();
  });

  it('says that the store is unavailable when nothing listens', async () => {
    await expect(tryLead('postgres://u:p@127.0.0.1:1/d', 'x')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
