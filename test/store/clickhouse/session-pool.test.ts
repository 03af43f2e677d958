import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Session } from 'chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, SessionPool } from '../../../src/store/clickhouse/session-pool.ts';

let folder: string;
/** Keeps the engine up while pools come and go. */
let anchor: Session;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-pool-'));
  anchor = new Session(folder);
  anchor.query('CREATE DATABASE pool ENGINE = Atomic');
});
afterAll(() => {
  anchor.close();
  rmSync(folder, { recursive: true, force: true });
});

const poolOf = (size: number, setUp: readonly string[] = [], maxWaiting = 100) =>
  new SessionPool({ path: folder, size, maxWaiting, setUp });
const ask = async (session: Session, sql: string) =>
  (await session.queryAsync(sql, { format: 'TSVRaw' })).text().trim();

describe('a pool of sessions', () => {
  it('lends each session to one caller at a time, and no more sessions than it has', async () => {
    const pool = poolOf(2);
    const lent = new Set<Session>();
    const seen = new Set<Session>();
    let most = 0;
    const answers = Array.from({ length: 20 }, (_, index) =>
      pool.use(async (session) => {
        expect(lent.has(session)).toBe(false);
        lent.add(session);
        seen.add(session);
        most = Math.max(most, lent.size);
        const answer = await ask(session, `SELECT ${index}`);
        lent.delete(session);
        return Number(answer);
      }),
    );
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect([most, seen.size]).toEqual([2, 2]);
    pool.close();
  });

  it('sets every session up before it is lent, once', async () => {
    const pool = poolOf(2, [
      'USE pool',
      'CREATE TABLE IF NOT EXISTS set_ups (n UInt8) ENGINE = Memory',
      'INSERT INTO set_ups SELECT 1',
    ]);
    for (let round = 0; round < 3; round += 1) {
      const names = await Promise.all(
        [1, 2].map(() => pool.use((session) => ask(session, 'SELECT currentDatabase()'))),
      );
      expect(names).toEqual(['pool', 'pool']);
    }
    expect(anchor.query('SELECT count() FROM pool.set_ups', 'TSVRaw').trim()).toBe('2');
    pool.close();
  });

  it('gives the next caller no leftover of a query that failed half-way', async () => {
    const pool = poolOf(1);
    const failing = "SELECT toUInt8(if(number < 900, '1', 'x')) FROM numbers(1000) SETTINGS max_block_size = 10";
    await expect(pool.use((session) => ask(session, failing))).rejects.toThrow(/Code: 6/);
    expect(await pool.use((session) => ask(session, "SELECT 'mine'"))).toBe('mine');
    pool.close();
  });

  it('refuses whoever finds the line full', async () => {
    const pool = poolOf(1, [], 1);
    const slow = pool.use((session) => ask(session, 'SELECT sleep(0.1)'));
    const waiting = pool.use((session) => ask(session, 'SELECT 2'));
    await expect(pool.use((session) => ask(session, 'SELECT 3'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await Promise.all([slow, waiting])).toEqual(['0', '2']);
    pool.close();
  });

  it('when closed lets running work end, closes its session then, and turns away those in line', async () => {
    const pool = poolOf(1);
    let running: Promise<string> | undefined;
    const used = await new Promise<Session>((begun) => {
      running = pool.use(async (session) => {
        begun(session);
        return ask(session, 'SELECT sleep(0.1)');
      });
    });
    const waiting = pool.use((session) => ask(session, 'SELECT 2'));
    pool.close();
    expect(await running).toBe('0');
    await expect(waiting).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(pool.use((session) => ask(session, 'SELECT 3'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(() => used.query('SELECT 1')).toThrow();
  });

  it('closes the session of work that fails after the pool was closed', async () => {
    const pool = poolOf(1);
    let used: Session | undefined;
    const running = pool.use(async (session) => {
      used = session;
      pool.close();
      throw new Error('work failed');
    });
    await expect(running).rejects.toThrow('work failed');
    expect(() => used?.query('SELECT 1')).toThrow();
  });

  it('goes on after a session that could not be set up', async () => {
    const pool = poolOf(1, ['USE not_there_yet']);
    await expect(pool.use((session) => ask(session, 'SELECT 1'))).rejects.toThrow(/not_there_yet/);
    anchor.query('CREATE DATABASE not_there_yet ENGINE = Atomic');
    expect(await pool.use((session) => ask(session, 'SELECT currentDatabase()'))).toBe('not_there_yet');
    pool.close();
  });
});

it('a session is not left open when its setting up fails', () => {
  const close = Session.prototype.close;
  let closed = 0;
  Session.prototype.close = function count(this: Session) {
    closed += 1;
    return close.call(this);
  };
  try {
    expect(() => openSession(folder, ['SELECT 1', 'SET no_such_setting = 1'])).toThrow(/no_such_setting/);
    expect(closed).toBe(1);
  } finally {
    Session.prototype.close = close;
  }
});
