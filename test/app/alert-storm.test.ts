/** Alerts when everything goes wrong at once: thousands of findings, receivers that misbehave, workers and keys that are gone. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { AlertDispatcherOptions } from '../../src/app/alert-dispatcher.ts';
import { addressGuard } from '../../src/app/alert-senders/address-guard.ts';
import type { Delivery } from '../../src/app/alert-senders/delivery.ts';
import { type Send, sender } from '../../src/app/alert-senders/send.ts';
import type { SendOutcome } from '../../src/control/alert-retry.ts';
import { AlertOutbox } from '../../src/store/postgres/alert-outbox.ts';
import { conditionOf, type Received } from '../support/alert-samples.ts';
import {
  addRoute,
  alerts,
  database,
  dispatcher,
  linkOf,
  passTime,
  receiver,
  routes,
  SECRET,
  SRE,
  sql,
  useAlertWorld,
} from '../support/alert-world.ts';

useAlertWorld();

/** As if so many tenants were found out of line in the same second, each a group of its own. */
async function storm(routeId: string, tenants: number): Promise<void> {
  await sql(
    `with raised as (
       insert into tenantry.alerts (tenant_id, kind, key, severity, title, reason, link, started_at)
       select 'tenant-' || n, 'finding', 'requests', 'warning', 'tenant-' || n || ' is loud', 'so it is', '/', now()
       from generate_series(1, $2::int) n returning id, tenant_id)
     insert into tenantry.alert_notices (tenant_id, alert_id, route_id, group_key, event, due_at, first_due_at)
     select tenant_id, id, $1, '["' || tenant_id || '"]', 'trigger', now(), now() from raised`,
    [routeId, tenants],
  );
}

describe('thousands of findings at once', () => {
  // 10,000 take the same way and half a minute.
  const TENANTS = 3_000;

  test('are told whole, in a bounded number of messages: the first ones alone, the others together', async () => {
    const { id } = await addRoute();
    await storm(id, TENANTS);
    let now = 0;
    const worker = dispatcher({ now: () => now });
    const told: string[] = [];
    const perMinute = new Map<number, number>();
    for (let tick = 0; tick < 600 && told.length < TENANTS; tick += 1, now += 1_000) {
      await worker.tick();
      for (const { body } of receiver.received.splice(0)) {
        const { data } = JSON.parse(body) as { data: { alerts: { tenant_id: string }[] } };
        told.push(...data.alerts.map(({ tenant_id: tenant }) => tenant));
        const minute = Math.floor(now / 60_000);
        perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
      }
    }
    expect(told).toHaveLength(TENANTS);
    expect(new Set(told).size).toBe(TENANTS);
    // A burst of 60 and 120 a minute; a claim may round up to one message more.
    expect(Math.max(...perMinute.values())).toBeLessThanOrEqual(60 + 120 + 1);
    expect([...perMinute.values()].reduce((sum, count) => sum + count)).toBeLessThan(TENANTS / 20);
    expect(await new AlertOutbox(database.postgres).depth()).toEqual({ waiting: 0, oldestSeconds: 0 });
  }, 60_000);

  test.each([
    ['email', { channel: 'email', to: ['ops@example.com'] }, 11],
    ['slack', { channel: 'slack', url: 'https://hooks.example.com/' }, 21],
    ['pagerduty', { channel: 'pagerduty', routingKey: 'k'.repeat(32), region: 'us' }, 100],
  ] as const)('%s: so many messages in the first minute, not a thousand', async (_channel, target, most) => {
    const { id } = await addRoute({ target });
    await storm(id, 1_000);
    let messages = 0;
    const counting: Send = async () => {
      messages += 1;
      return { kind: 'sent' };
    };
    const worker = dispatcher({ send: counting, now: () => 0 });
    for (let tick = 0; tick < 5; tick += 1) await worker.tick();
    expect(messages).toBeGreaterThan(5);
    expect(messages).toBeLessThanOrEqual(most);
  });
});

describe('a worker that dies in the middle of telling', () => {
  /** Tells for real and never says so, as one that is killed after the receiver took it. */
  const killed = (more: Partial<AlertDispatcherOptions> = {}) => {
    const outbox = new AlertOutbox(database.postgres);
    return dispatcher({
      outbox: { claim: (...claim) => outbox.claim(...claim), finishAll: () => Promise.reject(new Error('killed')) },
      ...more,
    });
  };

  test('leaves the very same messages to the next: nothing lost, one duplicate a death, each under its own key', async () => {
    await addRoute({ groupBy: ['tenant'] });
    for (const tenant of ['acme', 'globex', 'initech', 'acme'])
      await alerts().raise(conditionOf({ tenantId: tenant, key: randomUUID() }));
    await expect(killed().tick()).rejects.toThrow('killed');
    // Company that comes in between does not change what was told.
    await alerts().raise(conditionOf({ tenantId: 'acme', key: 'later' }));
    await passTime();
    await dispatcher().tick();
    await passTime();
    await dispatcher().tick();
    const byKey = new Map<string, Received[]>();
    for (const one of receiver.received) {
      const key = String(one.headers['idempotency-key']);
      byKey.set(key, [...(byKey.get(key) ?? []), one]);
    }
    const idsIn = ({ body }: Received) =>
      (JSON.parse(body) as { data: { alerts: { id: string }[] } }).data.alerts.map(({ id }) => id).sort();
    const bodies = [...byKey.values()].map((sent) => sent.map(idsIn));
    expect(bodies.map((sent) => sent.length).sort()).toEqual([1, 2, 2, 2]);
    for (const sent of bodies) expect(new Set(sent.map((ids) => JSON.stringify(ids))).size).toBe(1);
    const ids = new Set(bodies.flat(2));
    expect(ids.size).toBe(5);
    expect((await sql(`select from tenantry.alert_notices where state <> 'sent'`)).length).toBe(0);
  });
});

describe('receivers that misbehave', () => {
  const outcomeFor = async (url: string, more: Partial<Parameters<typeof sender>[0]> = {}): Promise<SendOutcome> => {
    const delivery: Delivery = {
      ...{ idempotencyKey: 'msg_1', answers: [], event: 'trigger', alerts: [], linkOf, now: 0 },
    };
    const one = sender({ guard: addressGuard(['127.0.0.1/32']), timeoutMs: 300, ...more });
    return one({ channel: 'webhook', url, signingSecret: SECRET }, delivery);
  };

  /** Answers with these bytes, whatever it is asked; undefined: with nothing, for ever. */
  async function rude(answer: Buffer | undefined): Promise<{ url: string; server: Server }> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      if (answer !== undefined) socket.end(answer);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return { server, url: `http://127.0.0.1:${(server.address() as { port: number }).port}/secret-path` };
  }

  test.each([
    ['hangs', undefined, 'timeout'],
    ['hangs up', Buffer.alloc(0), 'connection'],
    ['speaks no HTTP', Buffer.from('\u0000\u0001garbage\r\n\r\n'), 'connection'],
    ['answers 500 with a page', Buffer.from('HTTP/1.1 500 x\r\ncontent-length: 3\r\n\r\n<p>'), 'answer'],
    ['sends headers without end', Buffer.from(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`), 'connection'],
  ])('one that %s is tried again, and its words are not repeated', async (_what, answer, reason) => {
    const { url, server } = await rude(answer);
    const outcome = await outcomeFor(url);
    await new Promise((resolve) => server.close(resolve));
    expect(outcome).toMatchObject({ kind: 'retry', reason });
    expect(JSON.stringify(outcome)).not.toMatch(/secret-path|<p>|garbage/);
  });

  test('one that points to the metadata service is not followed, nor one whose name turns there', async () => {
    receiver.answer = { status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data/' } };
    expect(await outcomeFor(receiver.url)).toEqual({
      ...{ kind: 'refused', reason: 'answer', detail: 'the receiver answered 302' },
    });
    const metadata = async () => [{ address: '169.254.169.254', family: 4 }];
    expect(await outcomeFor('https://rebound.example/', { resolve: metadata })).toMatchObject({
      ...{ kind: 'refused', reason: 'address' },
    });
  });

  test('one that hangs keeps nobody else waiting, and everything arrives in the end', async () => {
    const { url, server } = await rude(undefined);
    const hanging = await addRoute({ target: { channel: 'webhook', url, signingSecret: SECRET } });
    const good = await addRoute();
    await alerts().raise(conditionOf());
    const worker = dispatcher({ send: sender({ guard: addressGuard(['127.0.0.1/32']), timeoutMs: 200 }) });
    await worker.tick();
    expect(receiver.received).toHaveLength(1);
    const health = await routes().health(SRE);
    expect(health.get(good.id)).toMatchObject({ lastError: null });
    expect(health.get(hanging.id)).toMatchObject({ lastError: 'the receiver did not answer in time' });
    await new Promise((resolve) => server.close(resolve));
  });
});
