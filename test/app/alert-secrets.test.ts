import { describe, expect, test } from 'vitest';
import { AlertDesk } from '../../src/app/alert-desk.ts';
import { addressGuard } from '../../src/app/alert-senders/address-guard.ts';
import { sender } from '../../src/app/alert-senders/send.ts';
import { emailSender } from '../../src/app/alert-senders/smtp.ts';
import { alertVault } from '../../src/app/alert-vault.ts';
import type { AlertChannel } from '../../src/domain/alert.ts';
import { AlertMuteStore } from '../../src/store/postgres/alert-mute-store.ts';
import { AlertRouteStore } from '../../src/store/postgres/alert-route-store.ts';
import { startMailServer } from '../support/alert-mail-server.ts';
import { conditionOf, newRouteOf } from '../support/alert-samples.ts';
import {
  addRoute,
  alerts,
  database,
  dispatcher,
  linkOf,
  passTime,
  receiver,
  routes,
  SRE,
  send,
  sql,
  useAlertWorld,
  webhook,
} from '../support/alert-world.ts';

useAlertWorld();

describe('what was open before there was a key', () => {
  const PLAIN = { channel: 'slack', url: 'https://hooks.slack.com/services/T0/B0/very-secret' };
  const target = (id: string) =>
    sql<{ target: unknown; sealed: string }>(
      'select target, sealed_target as sealed from tenantry.alert_routes where id = $1',
      [id],
    );

  async function plainRoute(name: string): Promise<string> {
    const { target: _target, ...terms } = newRouteOf({ name });
    const [row] = await sql<{ id: string }>(
      `insert into tenantry.alert_routes (name, channel, target, terms, created_by)
       values ($1, 'slack', $2::jsonb, $3::jsonb, 'test') returning id`,
      [name, JSON.stringify(PLAIN), JSON.stringify(terms)],
    );
    return row?.id ?? '';
  }

  test('can be used, and is sealed once', async () => {
    const id = await plainRoute('from before');
    expect(await routes().targetOf(id)).toMatchObject({ target: PLAIN });
    expect(await routes().sealAll()).toEqual({ sealed: 1, unreadable: [] });
    expect(await routes().sealAll()).toEqual({ sealed: 0, unreadable: [] });
    expect(await target(id)).toMatchObject([{ target: null, sealed: expect.stringMatching(/^v1\.test\./) }]);
    expect(await routes().targetOf(id)).toMatchObject({ target: PLAIN });
    const made = await addRoute();
    const everything = JSON.stringify([await target(made.id), await target(id)]);
    expect(everything).not.toMatch(/very-secret|AAAAAAAA/);
  });

  test('a new key seals everything anew; a lost one costs its own routes and no other', async () => {
    const ring = (...bytes: readonly number[]) => {
      const keys = bytes.map((byte) => ({ id: `key-${byte}`, key: Buffer.alloc(32, byte) }));
      const [current = { id: '', key: Buffer.alloc(0) }] = keys;
      return alertVault({ current, all: new Map(keys.map(({ id, key }) => [id, key])), inFile: false });
    };
    const under = (...bytes: readonly number[]) => new AlertRouteStore(database.postgres, ring(...bytes));
    const old = await under(1).create(SRE, newRouteOf({ name: 'under the old key', target: webhook('/old') }));
    expect(await under(2, 1).sealAll()).toEqual({ sealed: 1, unreadable: [] });
    expect(await under(2).targetOf(old.id)).toMatchObject({ target: webhook('/old') });
    // The second key is lost, and another takes its place.
    const fresh = await under(3).create(SRE, newRouteOf({ name: 'under the third key', target: webhook('/fresh') }));
    expect(await under(3).sealAll()).toEqual({ sealed: 0, unreadable: ['under the old key'] });
    await alerts().raise(conditionOf());
    const results: unknown[] = [];
    await dispatcher({ routes: under(3), onResult: (result) => results.push(result) }).tick();
    expect(receiver.received.map(({ path }) => path)).toEqual(['/fresh']);
    expect(results).toContainEqual({ channel: 'webhook', kind: 'again', reason: 'setup' });
    const desk = new AlertDesk(
      { alerts: alerts(), routes: under(3), mutes: new AlertMuteStore(database.postgres) },
      { send, linkOf, hasMailServer: false },
    );
    const problems = new Map((await desk.routes(SRE)).map(({ id, health }) => [id, health.problem]));
    expect(problems.get(fresh.id)).toBeNull();
    expect(problems.get(old.id)).toMatch(/sealed under the key key-2, which is not here; put that key back/);
    expect(await desk.testRoute(old.id, 0)).toEqual({ sent: false, detail: problems.get(old.id) });
    // The key is found again.
    await passTime();
    await dispatcher({ routes: under(3, 2) }).tick();
    expect(receiver.received.map(({ path }) => path)).toEqual(['/fresh', '/old']);
  });
});

describe('by e-mail', () => {
  test('the end of an alert answers the message that told of it, over a restart', async () => {
    const mail = await startMailServer('never');
    const settings = {
      host: '127.0.0.1',
      port: mail.port,
      tls: 'never',
      from: 'alerts@tenantry.example',
      auth: undefined,
    } as const;
    const mailing = () => sender({ guard: addressGuard([]), email: emailSender(settings) });
    await addRoute({ target: { channel: 'email', to: ['ops@example.com'] } });
    const { id } = await alerts().raise(conditionOf());
    await dispatcher({ send: mailing() }).tick();
    await alerts().resolve(id);
    await dispatcher({ send: mailing() }).tick();
    const [first, end] = mail.received.map(({ headers }) => headers);
    expect(end?.get('in-reply-to')).toEqual(first?.get('message-id'));
    expect(end?.get('subject')?.[0]).toContain('Resolved: ');
    await mail.close();
  });

  test('without a mail server the route says so, and the alert waits', async () => {
    const { id } = await addRoute({ target: { channel: 'email', to: ['ops@example.com'] } });
    await alerts().raise(conditionOf());
    const results: { channel: AlertChannel; kind: string }[] = [];
    await dispatcher({ onResult: (result) => results.push(result) }).tick();
    expect(results).toEqual([{ channel: 'email', kind: 'again', reason: 'setup' }]);
    const desk = new AlertDesk(
      { alerts: alerts(), routes: routes(), mutes: new AlertMuteStore(database.postgres) },
      { send, linkOf, hasMailServer: false },
    );
    expect(await desk.routes(SRE)).toMatchObject([
      { id, health: { problem: expect.stringContaining('TENANTRY_SMTP_URL') } },
    ]);
  });
});
