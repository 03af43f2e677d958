import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { AlertDesk, alertStore } from '../../src/app/alert-desk.ts';
import { AlertDispatcher } from '../../src/app/alert-dispatcher.ts';
import { addressGuard } from '../../src/app/alert-senders/address-guard.ts';
import { sender } from '../../src/app/alert-senders/send.ts';
import { AlertSources } from '../../src/app/alert-sources.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { AlertMuteStore } from '../../src/store/postgres/alert-mute-store.ts';
import { AlertOutbox } from '../../src/store/postgres/alert-outbox.ts';
import { AlertRouteStore } from '../../src/store/postgres/alert-route-store.ts';
import { ALERT_START, newRouteOf, type Receiver, startReceiver, testVault } from '../support/alert-samples.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const IDLE = { openFindings: 0, leader: true, unjudgedIntervals: 0, tenants: null, dataUntil: null };
const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
const FINDING: Anomaly = {
  ...{ id: randomUUID(), tenantId: 'acme' as TenantId, metric: 'requests', value: 41, baseline: 10, ratio: 4.1 },
  ...{ startedAt: ALERT_START, detectedAt: ALERT_START, endedAt: null, rule: 'rule/1', reason: 'acme sent 4.1x' },
};

let database: TestPostgres;
let receiver: Receiver;
let world: {
  findings: readonly Anomaly[];
  failing: boolean;
  suspended: string | null;
  page: string | null;
  selfCheck?: { reason: string; since: number } | null;
  now: number;
};

beforeAll(async () => {
  database = await startTestPostgres();
});
afterAll(() => database.stop());
beforeEach(async () => {
  receiver = await startReceiver();
  world = { findings: [], failing: false, suspended: null, page: null, now: ALERT_START };
});
afterEach(async () => {
  await receiver.close();
  const { alerts, routes } = parts();
  for (const { id } of await alerts.open()) await alerts.resolve(id);
  for (const { id } of await routes.list()) await routes.remove(SRE, id);
});

function parts() {
  const { postgres } = database;
  const alerts = alertStore(postgres);
  const routes = new AlertRouteStore(postgres, testVault);
  const send = sender({ guard: addressGuard(['127.0.0.1/32']), pagerDutyEndpoint: () => `${receiver.url}/v2/enqueue` });
  const linkOf = ({ link }: { link: string }) => `https://tenantry.example${link}`;
  const options = { outbox: new AlertOutbox(postgres), routes, send, linkOf, log: silentLog, chance: () => 0 };
  return {
    ...{ alerts, routes },
    desk: new AlertDesk(
      { alerts, routes, mutes: new AlertMuteStore(postgres) },
      { send, linkOf, hasMailServer: false },
    ),
    dispatcher: new AlertDispatcher(options),
    sources: new AlertSources({
      ...{ alerts, log: silentLog, leadership: { isLeader: async () => true } },
      findings: async () => {
        if (world.failing) throw new Error('the store is down');
        return world.findings;
      },
      throttles: async () => [],
      breakers: async () => [],
      spend: async () => [],
      detector: () => ({ ...IDLE, lastTickAt: world.now, suspended: world.suspended }),
      selfCheck: () => world.selfCheck ?? null,
      page: () => world.page,
      now: () => world.now,
    }),
  };
}

const pagerDuty = () =>
  newRouteOf({ name: randomUUID(), target: { channel: 'pagerduty', routingKey: 'k'.repeat(32), region: 'us' } });
const bodies = () => receiver.received.map(({ body }) => JSON.parse(body));

/** Lets every wait of the outbox pass, as time would. */
async function passTime(): Promise<void> {
  await database.postgres.inStaffTransaction(SRE, async (transaction) => {
    transaction.unaudited('a test');
    await transaction.query(`update tenantry.alert_notices set due_at = now() - interval '1 second'
                             where state = 'waiting'`);
  });
}

test('a finding becomes an incident, and its end the end of the same incident', async () => {
  const { routes, sources, dispatcher } = parts();
  receiver.answer = { status: 202 };
  await routes.create(SRE, pagerDuty());
  world.findings = [FINDING];
  await sources.tick();
  await sources.tick();
  await dispatcher.tick();
  world.findings = [];
  for (const after of [10_000, 41_000]) {
    world.now = ALERT_START + after;
    await sources.tick();
    await dispatcher.tick();
  }
  const [trigger, resolve, ...more] = bodies();
  expect(more).toEqual([]);
  expect([trigger.event_action, resolve.event_action]).toEqual(['trigger', 'resolve']);
  expect(resolve.dedup_key).toBe(trigger.dedup_key);
  expect(trigger.client_url).toMatch(/^https:\/\/tenantry\.example\/tenants\/acme\?from=2026-06-15T11%3A30/);
});

test('a source that fails neither ends its alerts nor keeps the others from being heard', async () => {
  const { alerts, sources } = parts();
  world.findings = [FINDING];
  await sources.tick();
  world = { ...world, failing: true, page: '12 of 20 tenants are out of line', now: ALERT_START + 120_000 };
  await sources.tick();
  world.now += 120_000;
  await sources.tick();
  expect((await alerts.open()).map(({ kind }) => kind).sort()).toEqual(['finding', 'page']);
});

test('a self-check that fails is one alert, and over once it passes again', async () => {
  const { alerts, sources } = parts();
  world.selfCheck = { reason: '59 requests instead of 60 in the rollups of the hour.', since: ALERT_START };
  await sources.tick();
  world.now += 60_000;
  await sources.tick();
  const open = await alerts.open();
  expect(open).toMatchObject([{ kind: 'self_check', severity: 'critical', link: '/ingest', startedAt: ALERT_START }]);
  expect(open[0]?.reason).toContain('59 requests');
  world.selfCheck = null;
  for (const after of [10_000, 41_000]) {
    world.now += after;
    await sources.tick();
  }
  expect(await alerts.open()).toEqual([]);
});

test('a detector without data wakes somebody after five minutes, not before', async () => {
  const { alerts, sources } = parts();
  world.suspended = 'the newest data is 400 s old';
  await sources.tick();
  world.now = ALERT_START + 299_000;
  await sources.tick();
  expect(await alerts.open()).toEqual([]);
  world.now = ALERT_START + 300_000;
  await sources.tick();
  expect((await alerts.open()).map(({ kind, severity }) => [kind, severity])).toEqual([['data_health', 'critical']]);
});

test('a receiver that fails is tried again with the same key, until it takes it', async () => {
  const { routes, alerts, sources, dispatcher } = parts();
  await routes.create(
    SRE,
    newRouteOf({ target: { channel: 'webhook', url: receiver.url, signingSecret: `whsec_${'A'.repeat(32)}` } }),
  );
  world.findings = [FINDING];
  await sources.tick();
  receiver.answer = { status: 500 };
  await dispatcher.tick();
  await dispatcher.tick();
  expect(receiver.received).toHaveLength(1);
  receiver.answer = { status: 200 };
  await passTime();
  await dispatcher.tick();
  await passTime();
  await dispatcher.tick();
  const keys = receiver.received.map(({ headers }) => headers['idempotency-key']);
  expect(keys).toHaveLength(2);
  expect(new Set(keys).size).toBe(1);
  const [alert] = await alerts.open();
  expect(await alerts.notices(SRE, [alert?.id ?? ''])).toMatchObject([
    { state: 'sent', attempts: 2, error: 'the receiver answered 500' },
  ]);
  expect(dispatcher.figures()).toEqual({ sent: 1, failed: 1, dead: 0 });
});

test('Alertmanager hears of an open alert again and again, and of its end', async () => {
  const { routes, alerts, sources, dispatcher } = parts();
  const target = { channel: 'alertmanager', url: receiver.url, authorization: null } as const;
  await routes.create(SRE, newRouteOf({ target }));
  world.findings = [FINDING];
  await sources.tick();
  for (let at = 0; at < 3; at += 1) {
    await dispatcher.tick();
    await passTime();
  }
  const [alert] = await alerts.open();
  await alerts.resolve(alert?.id ?? '');
  await dispatcher.tick();
  await passTime();
  await dispatcher.tick();
  const ends = bodies().map(([one]) => Date.parse(one.endsAt) > Date.now());
  expect(ends).toEqual([true, true, true, false]);
});

test('alerts of one group are one message', async () => {
  const { routes, sources, dispatcher } = parts();
  await routes.create(SRE, newRouteOf({ groupBy: ['kind'], target: { channel: 'slack', url: receiver.url } }));
  world.findings = ['acme', 'globex', 'initech'].map((id) => ({ ...FINDING, tenantId: id as TenantId }));
  await sources.tick();
  await dispatcher.tick();
  expect(receiver.received).toHaveLength(1);
  expect(bodies()[0].blocks).toHaveLength(3);
});

test('the desk tries a route, says what came of it, and shows what was told', async () => {
  const { desk, sources, dispatcher } = parts();
  const { id } = await desk.createRoute(SRE, newRouteOf({ target: { channel: 'slack', url: receiver.url } }));
  expect(await desk.testRoute(id, ALERT_START)).toEqual({ sent: true, detail: 'the receiver took it' });
  receiver.answer = { status: 404 };
  expect(await desk.testRoute(id, ALERT_START)).toEqual({ sent: false, detail: 'the receiver answered 404' });
  expect(await desk.testRoute(randomUUID(), ALERT_START)).toBeUndefined();
  world.findings = [FINDING];
  await sources.tick();
  await dispatcher.tick();
  const window = { from: ALERT_START, to: Date.now() + 60_000 };
  const listed = await desk.list(SRE, { window, tenantId: FINDING.tenantId, status: 'open', limit: 10 });
  expect(listed).toMatchObject([{ kind: 'finding', notices: [{ routeId: id, state: 'dead' }] }]);
  expect(await desk.routes(SRE)).toMatchObject([{ id, health: { dead: 1, lastError: 'the receiver answered 404' } }]);
  await desk.acknowledge(SRE, listed[0]?.id ?? '');
  expect(await desk.list(SRE, { window, status: 'open', limit: 10 })).toEqual([]);
});
