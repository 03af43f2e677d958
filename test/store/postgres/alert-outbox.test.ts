import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { alertStore } from '../../../src/app/alert-desk.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { AlertRoute } from '../../../src/domain/alert.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AlertMuteStore } from '../../../src/store/postgres/alert-mute-store.ts';
import { AlertOutbox } from '../../../src/store/postgres/alert-outbox.ts';
import { AlertRouteStore } from '../../../src/store/postgres/alert-route-store.ts';
import type { AlertStore } from '../../../src/store/postgres/alert-store.ts';
import { conditionOf, FULL_ALLOWANCE, newRouteOf, testVault } from '../../support/alert-samples.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
const HOUR = 3_600;
const SENT = { kind: 'sent', repeatAt: null } as const;

let database: TestPostgres;
let alerts: AlertStore;
let routes: AlertRouteStore;
let mutes: AlertMuteStore;
let outbox: AlertOutbox;

beforeAll(async () => {
  database = await startTestPostgres({ poolSize: 20 });
  alerts = alertStore(database.postgres);
  routes = new AlertRouteStore(database.postgres, testVault);
  mutes = new AlertMuteStore(database.postgres);
  outbox = new AlertOutbox(database.postgres);
});
afterAll(() => database.stop());

beforeEach(async () => {
  for (const alert of await alerts.open()) await alerts.resolve(alert.id);
  for (const route of (await routes.list()).toReversed()) await routes.remove(SRE, route.id);
});

const addRoute = (changes: Parameters<typeof newRouteOf>[0] = {}): Promise<AlertRoute> =>
  routes.create(SRE, newRouteOf({ name: randomUUID(), ...changes }));
const fresh = (changes: Parameters<typeof conditionOf>[0] = {}) => conditionOf({ key: randomUUID(), ...changes });

/** Lets every lease run out, as time would. */
async function expireLeases(): Promise<void> {
  await database.postgres.inStaffTransaction(SRE, async (transaction) => {
    transaction.unaudited('a test');
    await transaction.query(`update tenantry.alert_notices set leased_until = now() - interval '1 second'
                             where leased_until is not null`);
  });
}

async function statesOf(alertId: string) {
  const notices = await alerts.notices(SRE, [alertId]);
  return notices.map(({ event, state }) => `${event} ${state}`).sort();
}

describe('raising', () => {
  test('one thing is one alert and one notice for each route, however often and by however many it is raised', async () => {
    await addRoute();
    await addRoute();
    const condition = fresh();
    const raised = await Promise.all(Array.from({ length: 12 }, () => alerts.raise(condition)));
    expect(new Set(raised.map(({ id }) => id)).size).toBe(1);
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices).toHaveLength(2);
  });

  test('an alert that grew graver is told again', async () => {
    await addRoute();
    const condition = fresh();
    const { id } = await alerts.raise(condition);
    const first = await outbox.claim(60, FULL_ALLOWANCE);
    await outbox.finish(first.token, first.notices[0]?.id ?? '', SENT);
    await alerts.raise({ ...condition, severity: 'critical' });
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices.map(({ alert }) => [alert.id, alert.severity])).toEqual([
      [id, 'critical'],
    ]);
  });

  test('routes that do not match, and alerts without routes, make no notices', async () => {
    await addRoute({ match: { tenants: ['globex'], plans: [], kinds: [], minSeverity: 'info' } });
    await alerts.raise(fresh());
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices).toEqual([]);
  });
});

describe('two workers', () => {
  test('share what is due: nothing twice, nothing forgotten', async () => {
    await addRoute();
    for (let at = 0; at < 60; at += 1) await alerts.raise(fresh());
    const seen: string[] = [];
    const work = async () => {
      for (;;) {
        const { token, notices } = await outbox.claim(60, FULL_ALLOWANCE);
        if (notices.length === 0) return;
        for (const { id } of notices) {
          seen.push(id);
          expect(await outbox.finish(token, id, SENT)).toBe(true);
        }
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    // A worker that saw only what others held has left; nothing may remain.
    await work();
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
  });

  test('a worker that dies leaves its notices to the next, and its late word counts nothing', async () => {
    await addRoute();
    const { id } = await alerts.raise(fresh());
    const dead = await outbox.claim(60, FULL_ALLOWANCE);
    expect(dead.notices).toHaveLength(1);
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices).toEqual([]);
    await expireLeases();
    const heir = await outbox.claim(60, FULL_ALLOWANCE);
    expect(heir.notices.map((notice) => [notice.id, notice.attempts])).toEqual([[dead.notices[0]?.id, 2]]);
    expect(await outbox.finish(dead.token, dead.notices[0]?.id ?? '', { kind: 'dead', error: 'late' })).toBe(false);
    expect(await outbox.finish(heir.token, heir.notices[0]?.id ?? '', SENT)).toBe(true);
    expect(await statesOf(id)).toEqual(['trigger sent']);
  });

  test('one route with a thousand due does not keep another waiting', async () => {
    const flooded = await addRoute({ match: { tenants: ['acme'], plans: [], kinds: [], minSeverity: 'info' } });
    const quiet = await addRoute({ match: { tenants: ['globex'], plans: [], kinds: [], minSeverity: 'info' } });
    for (let at = 0; at < 110; at += 1) await alerts.raise(fresh());
    await alerts.raise(fresh({ tenantId: 'globex' }));
    const { notices } = await outbox.claim(60, FULL_ALLOWANCE);
    const of = (route: AlertRoute) => notices.filter(({ routeId }) => routeId === route.id).length;
    expect(of(quiet)).toBe(1);
    expect(of(flooded)).toBe(100);
  });
});

describe('the end', () => {
  test('of an alert that nobody was told of is told to nobody', async () => {
    await addRoute({ groupWaitSeconds: HOUR });
    const { id } = await alerts.raise(fresh());
    expect(await alerts.resolve(id)).toBe(true);
    expect(await alerts.resolve(id)).toBe(false);
    expect(await statesOf(id)).toEqual(['trigger cancelled']);
  });

  test('is told after the beginning, never before', async () => {
    await addRoute();
    const { id } = await alerts.raise(fresh());
    const first = await outbox.claim(60, FULL_ALLOWANCE);
    await alerts.resolve(id);
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices).toEqual([]);
    await outbox.finish(first.token, first.notices[0]?.id ?? '', SENT);
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices.map(({ event }) => event)).toEqual(['resolve']);
  });

  test('is told where an attempt failed, which may have arrived, and the attempt is not repeated', async () => {
    await addRoute();
    const { id } = await alerts.raise(fresh());
    const { token, notices } = await outbox.claim(60, FULL_ALLOWANCE);
    await alerts.resolve(id);
    await outbox.finish(token, notices[0]?.id ?? '', { kind: 'again', dueAt: Date.now(), error: 'timeout' });
    expect(await statesOf(id)).toEqual(['resolve waiting', 'trigger cancelled']);
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices.map(({ event }) => event)).toEqual(['resolve']);
  });
});

describe('acknowledging', () => {
  test('ends escalation, tells those who know, and is audited once', async () => {
    const boss = await addRoute({ match: { tenants: ['nobody'], plans: [], kinds: [], minSeverity: 'info' } });
    const first = await addRoute({ escalation: { afterSeconds: HOUR, routeId: boss.id } });
    const { id } = await alerts.raise(fresh());
    const { token, notices } = await outbox.claim(60, FULL_ALLOWANCE);
    expect(notices.map(({ routeId }) => routeId)).toEqual([first.id]);
    await outbox.finish(token, notices[0]?.id ?? '', { kind: 'sent', repeatAt: Date.now() + 60_000 });
    expect(await statesOf(id)).toEqual(['trigger waiting', 'trigger waiting']);
    expect(await alerts.acknowledge(SRE, id)).toMatchObject({ ackedBy: 'sam' });
    expect(await alerts.acknowledge({ ...SRE, subject: 'kim' }, id)).toMatchObject({ ackedBy: 'sam' });
    expect(await statesOf(id)).toEqual(['acknowledge waiting', 'trigger cancelled', 'trigger cancelled']);
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices.map(({ event, routeId }) => [event, routeId])).toEqual([
      ['acknowledge', first.id],
    ]);
  });

  test('does not find what is over, never was, or is no id', async () => {
    const { id } = await alerts.raise(fresh());
    await alerts.resolve(id);
    for (const one of [id, randomUUID(), "' or true --"]) expect(await alerts.acknowledge(SRE, one)).toBeUndefined();
  });
});

describe('a mute', () => {
  test('holds back its tenant and kind; what is still so afterwards is told then', async () => {
    await addRoute();
    const mute = await mutes.create(SRE, {
      ...{ tenantId: 'acme' as TenantId, kind: 'finding', reason: 'their load test', expiresInSeconds: HOUR },
    });
    const muted = await alerts.raise(fresh());
    const other = await alerts.raise(fresh({ tenantId: 'globex' }));
    const otherKind = await alerts.raise(fresh({ kind: 'throttle' }));
    const told = (await outbox.claim(60, FULL_ALLOWANCE)).notices.map(({ alert }) => alert.id);
    expect(told.sort()).toEqual([other.id, otherKind.id].sort());
    expect(await mutes.list(SRE)).toEqual([mute]);
    expect(await mutes.remove(SRE, mute.id)).toBe(true);
    expect(await mutes.remove(SRE, mute.id)).toBe(false);
    expect((await outbox.claim(60, FULL_ALLOWANCE)).notices.map(({ alert }) => alert.id)).toEqual([muted.id]);
  });
});

describe('grouping', () => {
  test('what comes while the group waits is told with it', async () => {
    await addRoute({ groupBy: [], groupWaitSeconds: HOUR });
    const first = await alerts.raise(fresh());
    const second = await alerts.raise(fresh({ tenantId: 'globex' }));
    const [a, b] = await alerts.notices(SRE, [first.id, second.id]);
    expect(a?.dueAt).toBe(b?.dueAt);
  });
});

describe('routes', () => {
  test('keep their secrets: not in lists, not in the audit log', async () => {
    const secret = 'https://hooks.example.com/services/T0/B0/very-secret';
    await addRoute({ target: { channel: 'slack', url: secret } });
    const audit = await database.postgres.inStaffTransaction(SRE, (transaction) =>
      transaction.query<{ text: string }>('select row_to_json(l)::text as text from tenantry.audit_log l'),
    );
    expect(audit.some(({ text }) => text.includes('alert-route.create'))).toBe(true);
    expect(JSON.stringify([await routes.list(), audit])).not.toContain('very-secret');
  });

  test('say whether they work', async () => {
    const route = await addRoute();
    await alerts.raise(fresh());
    const { token, notices } = await outbox.claim(60, FULL_ALLOWANCE);
    await outbox.finish(token, notices[0]?.id ?? '', { kind: 'dead', error: 'the receiver answered 404' });
    expect((await routes.health(SRE)).get(route.id)).toMatchObject({
      ...{ waiting: 0, dead: 1, lastSentAt: null, lastError: 'the receiver answered 404' },
    });
  });

  test('a name twice, an escalation to nowhere, and deleting what others escalate to are refused', async () => {
    const boss = await addRoute({ name: 'boss' });
    await expect(addRoute({ name: 'boss' })).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(addRoute({ escalation: { afterSeconds: 60, routeId: randomUUID() } })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await addRoute({ escalation: { afterSeconds: 60, routeId: boss.id } });
    await expect(routes.remove(SRE, boss.id)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('take their notices along', async () => {
    const route = await addRoute();
    const { id } = await alerts.raise(fresh());
    expect(await routes.remove(SRE, route.id)).toBe(true);
    expect(await routes.remove(SRE, route.id)).toBe(false);
    expect(await alerts.notices(SRE, [id])).toEqual([]);
  });
});
