import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { FlagAckLog } from '../../../src/store/postgres/flag-ack-log.ts';
import { FlagInstances } from '../../../src/store/postgres/flag-instances.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sre@x', role: 'sre' } as StaffActor;
const shop = (instanceId: string) => ({ tenant: undefined, service: 'shop', instanceId });

let db: TestPostgres;
let owner: pg.Client;
let servers: FlagInstances[];
const server = (postgres = db.postgres) => {
  const made = new FlagInstances({ postgres });
  servers.push(made);
  return made;
};
const ignore = () => undefined;

beforeAll(async () => {
  db = await startTestPostgres();
  owner = new pg.Client({ connectionString: db.ownerUrl });
  await owner.connect();
}, 60_000);
afterAll(async () => {
  await owner.end();
  await db.stop();
});
beforeEach(async () => {
  servers = [];
  await owner.query('truncate tenantry.flag_instances, tenantry.flag_acks');
});
afterEach(() => {
  for (const one of servers) one.stop();
});

describe('several servers', () => {
  it('count each other’s instances, and one that starts anew knows them at once', async () => {
    const [one, two] = [server(), server()];
    one.join(shop('a'), ignore);
    one.note(shop('p'));
    two.join(shop('b'), ignore);
    await one.sync();
    await two.sync();
    await one.sync();
    expect(one.join(shop('c'), ignore).instances).toBe(4);
    expect(two.join(shop('d'), ignore).instances).toBe(4);
    const restarted = server();
    await restarted.sync();
    expect(restarted.join(shop('a'), ignore).instances).toBe(3);
  });

  it('forget who has not been seen for half a minute', async () => {
    const [one, two] = [server(), server()];
    one.join(shop('a'), ignore);
    await one.sync();
    await owner.query(`update tenantry.flag_instances set seen_at = now() - interval '31 seconds'`);
    await two.sync();
    expect(two.join(shop('b'), ignore).instances).toBe(1);
    expect((await two.list(SRE)).instances.map(({ instanceId, isLive }) => [instanceId, isLive])).toContainEqual([
      'a',
      false,
    ]);
    await owner.query(`update tenantry.flag_instances set seen_at = now() - interval '61 minutes'`);
    await two.sync();
    expect((await two.list(SRE)).instances.map(({ instanceId }) => instanceId)).toEqual(['b']);
  });

  it('never write down who reads for one tenant alone', async () => {
    const one = server();
    one.join({ ...shop('a'), tenant: 'acme' as TenantId }, ignore);
    await one.sync();
    expect((await one.list(SRE)).instances).toEqual([]);
  });

  it('go on counting without the database', async () => {
    const away = new Postgres({ url: 'postgres://nobody@127.0.0.1:1/none', log: silentLog });
    const one = server(away);
    one.join(shop('a'), ignore);
    await expect(one.sync()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(one.join(shop('b'), ignore).instances).toBe(2);
    await away.close();
  });
});

describe('what instances obey', () => {
  it('is listed with the newest revision that each acknowledged', async () => {
    const throttles = new ThrottleStore(db.postgres);
    const limit = { requestsPerSecond: 5, burst: 5, maxConcurrent: 3 };
    const scope = { costClass: 'report' };
    const tenantId = 'acme' as TenantId;
    const made = await throttles.create(SRE, {
      tenantId,
      scope,
      limit,
      mode: 'enforce',
      expiresInSeconds: 60,
      reason: 'r',
    });
    expect(made.flag).toMatchObject({ scope, limit });
    const { revision } = made.flag;
    const one = server();
    for (const id of ['a', 'b']) one.join(shop(id), ignore);
    await one.sync();
    const acks = new FlagAckLog(db.postgres);
    const ack = (instance_id: string, to: number) => acks.add('key-1', { instance_id, service: 'shop', revision: to });
    await Promise.all([ack('a', revision), ack('a', revision - 1), ack('a', revision)]);
    const { revision: newest, instances } = await one.list(SRE);
    expect(newest).toBe(revision);
    expect(instances).toMatchObject([
      { instanceId: 'a', service: 'shop', transport: 'stream', isLive: true, ackedRevision: revision },
      { instanceId: 'b', ackedRevision: null, ackedAt: null },
    ]);
    expect((await throttles.list(SRE, { activeOnly: true, limit: 1 }))[0]?.acks).toMatchObject([{ instanceId: 'a' }]);
  });

  it('a thousand acknowledgements of one moment are a few transactions; a revision that is not there spoils only its own', async () => {
    const acks = new FlagAckLog(db.postgres);
    const before = await owner.query<{ n: string }>('select count(*) as n from tenantry.audit_log');
    const good = Array.from({ length: 1_000 }, (_, i) =>
      acks.add('key-1', { instance_id: `i-${i}`, service: 'shop', revision: 0 }),
    );
    const bad = acks.add('key-1', { instance_id: 'bad', service: 'shop', revision: 999_999 });
    await expect(bad).rejects.toMatchObject({ code: 'CONFLICT' });
    await Promise.all(good);
    const { rows } = await owner.query<{ n: string; transactions: string }>(
      'select count(*) as n, count(distinct xmin::text) as transactions from tenantry.flag_acks',
    );
    expect(rows).toEqual([{ n: '1000', transactions: '1' }]);
    const after = await owner.query<{ n: string }>('select count(*) as n from tenantry.audit_log');
    expect(after.rows).toEqual(before.rows);
  });

  it('a limit of concurrent requests below one is refused by the store and by the table', async () => {
    const throttles = new ThrottleStore(db.postgres);
    const bad = (maxConcurrent: number) =>
      throttles.create(SRE, {
        tenantId: 'acme' as TenantId,
        scope: {},
        limit: { requestsPerSecond: 1, burst: 1, maxConcurrent },
        mode: 'enforce',
        expiresInSeconds: 60,
        reason: 'r',
      });
    await expect(bad(0)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(bad(1.5)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(
      owner.query(`insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
        values ('acme', 'throttle', '{}', '{"requestsPerSecond": 1, "burst": 1, "maxConcurrent": 0}', 'enforce', 'r', 'x', now(), now() + interval '1 minute', 1)`),
    ).rejects.toMatchObject({ code: '23514' });
  });
});
