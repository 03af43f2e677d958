import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { FlagChange } from '../../../src/domain/flag-wire.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import type { NewThrottle } from '../../../src/domain/throttle-record.ts';
import { ChangeListener } from '../../../src/store/postgres/change-listener.ts';
import { FlagFeed } from '../../../src/store/postgres/flag-feed.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
const ACME = 'acme' as TenantId;
const GLOBEX = 'globex' as TenantId;

let db: TestPostgres;
let throttles: ThrottleStore;
let changes: ChangeListener;
let feed: FlagFeed;
let heard: FlagChange[];

function wanted(tenantId: TenantId, route: string, expiresInSeconds = 300): NewThrottle {
  return {
    tenantId,
    scope: { route },
    limit: { requestsPerSecond: 1, burst: 1 },
    mode: 'enforce',
    expiresInSeconds,
    reason: 'test',
  };
}

beforeAll(async () => {
  db = await startTestPostgres();
  throttles = new ThrottleStore(db.postgres);
});
afterAll(() => db.stop());

beforeEach(async () => {
  // Polling so seldom that only notifications can be what makes a test pass.
  changes = new ChangeListener({ url: db.appUrl, log: silentLog, pollMs: 600_000 });
  feed = new FlagFeed({ postgres: db.postgres, changes, log: silentLog });
  await feed.refresh();
  changes.start();
  await expect.poll(() => changes.listening).toBe(true);
  heard = [];
  feed.subscribe(undefined, (change) => heard.push(change));
});
afterEach(async () => {
  await changes.stop();
  await runSql(
    db.ownerUrl,
    `update tenantry.flags set lifted_at = now(), lifted_by = 'test', lifted_revision = 0 where lifted_at is null`,
  );
});

describe('FlagFeed', () => {
  it('tells of a throttle that is made, replaced and lifted, each in its own revision', async () => {
    const first = await throttles.create(SRE, wanted(ACME, '/a'));
    const second = await throttles.create(SRE, wanted(ACME, '/a'));
    await throttles.lift(SRE, second.flag.id);
    await expect.poll(() => heard.length).toBe(3);
    const ids = heard.map(({ upserts, removals }) => [upserts.map((flag) => flag.id), removals]);
    expect(ids).toEqual([
      [[first.flag.id], []],
      [[second.flag.id], [first.flag.id]],
      [[], [second.flag.id]],
    ]);
    const { revision } = first.flag;
    expect(heard.map((change) => change.revision)).toEqual([revision, revision + 1, revision + 2]);
  });

  it('writes a flag as the wire has it, with the life that it has left', async () => {
    const { flag } = await throttles.create(SRE, {
      ...wanted(ACME, '/a', 60),
      scope: { service: 'shop', route: '/a' },
    });
    await expect.poll(() => heard.length).toBe(1);
    const [upsert] = heard[0]?.upserts ?? [];
    expect(upsert).toEqual({
      kind: 'throttle',
      id: flag.id,
      tenant_id: 'acme',
      revision: flag.revision,
      ttl_ms: upsert?.ttl_ms,
      expires_at: new Date(flag.expiresAt).toISOString(),
      reason: 'test',
      mode: 'enforce',
      scope: { service: 'shop', route: '/a' },
      limit: { requests_per_second: 1, burst: 1 },
    });
    expect(upsert?.ttl_ms).toBeGreaterThan(55_000);
    expect(upsert?.ttl_ms).toBeLessThanOrEqual(60_000);
    expect((await feed.snapshot(undefined)).flags).toMatchObject([{ id: flag.id }]);
  });

  it('delivers every revision once and in order under 200 concurrent writers', async () => {
    const crowd = new Postgres({ url: db.appUrl, log: silentLog, poolSize: 20, acquireTimeoutMs: 60_000 });
    try {
      const writers = new ThrottleStore(crowd);
      const made = await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          const { flag } = await writers.create(SRE, wanted(`w-${index % 40}` as TenantId, `/r${index % 3}`));
          if (index % 4 === 0) await writers.lift(SRE, flag.id);
          return flag.revision;
        }),
      );
      const newest = async () =>
        (await runSql(db.ownerUrl, `select revision::int as n from tenantry.revisions where stream = 'flags'`))[0]?.[
          'n'
        ];
      const last = Number(await newest());
      await expect.poll(() => heard.at(-1)?.revision, { timeout: 10_000 }).toBe(last);
      const start = Math.min(...made);
      expect(heard.map((change) => change.revision)).toEqual(
        Array.from({ length: last - start + 1 }, (_, index) => start + index),
      );
      // What a client that only applied changes holds is what the database says is in force.
      const held = new Set<string>();
      for (const { upserts, removals } of heard) {
        for (const flag of upserts) held.add(flag.id);
        for (const id of removals) held.delete(id);
      }
      const inForce = await throttles.list(SRE, { activeOnly: true, limit: 1_000 });
      expect([...held].sort()).toEqual(inForce.map((record) => record.flag.id).sort());
      expect((await feed.snapshot(undefined)).flags.map((flag) => flag.id).sort()).toEqual([...held].sort());
    } finally {
      await crowd.close();
    }
  });

  it('tells one tenant nothing of another but that something changed', async () => {
    const own: FlagChange[] = [];
    feed.subscribe(GLOBEX, (change) => own.push(change));
    const foreign = await throttles.create(SRE, wanted(ACME, '/a'));
    const mine = await throttles.create(SRE, wanted(GLOBEX, '/a'));
    await throttles.lift(SRE, foreign.flag.id);
    await expect.poll(() => own.length).toBe(3);
    expect(own.map(({ upserts, removals }) => [upserts.map((flag) => flag.id), removals])).toEqual([
      [[], []],
      [[mine.flag.id], []],
      [[], []],
    ]);
    await throttles.create(SRE, wanted(ACME, '/b'));
    await expect.poll(() => own.length).toBe(4);
    expect((await feed.snapshot(GLOBEX)).flags.map((flag) => flag.tenant_id)).toEqual(['globex']);
  });

  it('hears again after its connection was cut, and tells first what it missed', async () => {
    const cut = () =>
      runSql(
        db.ownerUrl,
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tenantry listener'`,
      );
    for (let round = 0; round < 3; round += 1) {
      await cut();
      await throttles.create(SRE, wanted(ACME, `/while-away-${round}`));
      await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(round + 1);
    }
    const revisions = heard.map((change) => change.revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    await expect.poll(() => changes.listening).toBe(true);
    await throttles.create(SRE, wanted(ACME, '/back'));
    await expect.poll(() => heard.length).toBe(4);
  });

  it('goes on after a subscriber that throws, and stops calling one that has left', async () => {
    const seen: number[] = [];
    feed.subscribe(undefined, () => {
      throw new Error('broken subscriber');
    });
    const leave = feed.subscribe(undefined, (change) => seen.push(change.revision));
    await throttles.create(SRE, wanted(ACME, '/a'));
    await expect.poll(() => seen.length).toBe(1);
    leave();
    await throttles.create(SRE, wanted(ACME, '/b'));
    await expect.poll(() => heard.length).toBe(2);
    expect(seen).toHaveLength(1);
  });

  it('notifies with a number and nothing else: every role can listen', async () => {
    const eavesdropper = new pg.Client({ connectionString: db.appUrl });
    await eavesdropper.connect();
    const payloads: string[] = [];
    eavesdropper.on('notification', ({ payload }) => payloads.push(payload ?? ''));
    await eavesdropper.query('listen tenantry_flags');
    const { flag } = await throttles.create(SRE, wanted(ACME, '/secret-route'));
    await expect.poll(() => payloads).toEqual([String(flag.revision)]);
    await eavesdropper.end();
  });
});

describe('FlagFeed.snapshot', () => {
  it('asks nobody, so it answers while the database is away, each flag until its own expiry', async () => {
    const gone = new Postgres({ url: db.appUrl, log: silentLog });
    let now = 1_000;
    const lonely = new FlagFeed({
      postgres: gone,
      changes: new ChangeListener({ url: db.appUrl, log: silentLog }),
      log: silentLog,
      monotonicMs: () => now,
    });
    const short = await throttles.create(SRE, wanted(ACME, '/short', 30));
    const long = await throttles.create(SRE, wanted(ACME, '/long', 90));
    await lonely.refresh();
    await gone.close();
    const ids = async () => (await lonely.snapshot(undefined)).flags.map((flag) => flag.id).sort();
    expect(await ids()).toEqual([short.flag.id, long.flag.id].sort());
    now += 30_000;
    expect(await ids()).toEqual([long.flag.id]);
    now += 60_000;
    expect(await ids()).toEqual([]);
  });

  it('says that the store is unavailable when it has never been reached', async () => {
    const nowhere = new Postgres({ url: 'postgres://u:p@127.0.0.1:1/d', log: silentLog });
    const blind = new FlagFeed({
      postgres: nowhere,
      changes: new ChangeListener({ url: db.appUrl, log: silentLog }),
      log: silentLog,
    });
    await expect(blind.snapshot(undefined)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await nowhere.close();
  });
});

describe('FlagFeed.acknowledge', () => {
  it('shows which instance obeys a throttle since when, and keeps the first time', async () => {
    const { flag } = await throttles.create(SRE, wanted(ACME, '/a'));
    const ack = { instance_id: 'i-1', service: 'shop', revision: flag.revision };
    await feed.acknowledge('key-1', ack);
    const [first] = await throttles.list(SRE, { tenantId: ACME, activeOnly: true, limit: 1 });
    await feed.acknowledge('key-1', ack);
    const [second] = await throttles.list(SRE, { tenantId: ACME, activeOnly: true, limit: 1 });
    expect(first?.acks).toEqual([{ instanceId: 'i-1', service: 'shop', ackedAt: expect.any(Number) }]);
    expect(second?.acks).toEqual(first?.acks);
  });

  it('refuses a revision that does not exist, and names that are too long', async () => {
    await expect(
      feed.acknowledge('key-1', { instance_id: 'i-1', service: 'shop', revision: 1_000_000 }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(
      feed.acknowledge('key-1', { instance_id: 'i'.repeat(201), service: 'shop', revision: 0 }),
    ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});
