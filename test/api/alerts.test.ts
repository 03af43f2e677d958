import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type {
  alertItemSchema,
  alertListSchema,
  alertRouteListSchema,
  alertRouteSchema,
  alertRouteTestSchema,
  muteListSchema,
  muteSchema,
  newMuteSchema,
} from '../../src/api/alert-schemas.ts';
import type * as contract from '../../src/api/contract.ts';
import { alertOf } from '../support/alert-samples.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

/** True only for the very same type, in both directions, with optional marks. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has makes one of them `false`. */
const AGREEMENTS: {
  alert: Agree<typeof alertItemSchema, contract.AlertItem>;
  alerts: Agree<typeof alertListSchema, contract.AlertList>;
  route: Agree<typeof alertRouteSchema, contract.AlertRouteItem>;
  routes: Agree<typeof alertRouteListSchema, contract.AlertRouteList>;
  tested: Agree<typeof alertRouteTestSchema, contract.AlertRouteTestResult>;
  mute: Agree<typeof muteSchema, contract.MuteItem>;
  mutes: Agree<typeof muteListSchema, contract.MuteList>;
  newMute: Agree<typeof newMuteSchema, contract.NewMute>;
} = { alert: true, alerts: true, route: true, routes: true, tested: true, mute: true, mutes: true, newMute: true };

const SECRET = 'very-secret-0123456789abcdef0123';
const WEBHOOK = {
  channel: 'webhook',
  url: `https://hooks.example.com/${SECRET}`,
  signing_secret: `whsec_${'A'.repeat(32)}`,
};

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

async function ask(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
  const answer = await api.app.inject({
    ...{ method, url, headers: bearer(ADMIN_TOKEN) },
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, text: answer.body, json: answer.body === '' ? undefined : answer.json() };
}

describe('routes', () => {
  test('are made, shown, tried and deleted, and their secrets are nowhere', async () => {
    const made = await ask('POST', '/v1/alert-routes', {
      ...{ name: 'on call', target: WEBHOOK, match: { plans: ['enterprise'], min_severity: 'warning' } },
      quiet_hours: { time_zone: 'Europe/Berlin', from: '22:00', to: '07:05' },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      ...{ name: 'on call', channel: 'webhook', group_by: ['tenant'], escalation: null },
      match: { tenants: [], plans: ['enterprise'], kinds: [], min_severity: 'warning' },
      quiet_hours: { time_zone: 'Europe/Berlin', from: '22:00', to: '07:05', except_from: 'critical' },
    });
    expect(api.ports.alerting.held[0]).toMatchObject({
      target: { url: WEBHOOK.url },
      quietHours: { from: 1_320, to: 425 },
    });
    const url = `/v1/alert-routes/${made.json.id}`;
    const answers = [made, await ask('GET', '/v1/alert-routes'), await ask('POST', `${url}/test`)];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200]);
    expect((await ask('DELETE', url)).status).toBe(204);
    expect((await ask('DELETE', url)).status).toBe(404);
    for (const text of [...answers.map((answer) => answer.text), ...api.logLines]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(WEBHOOK.signing_secret);
    }
  });

  test.each([
    ['an address that is none', { channel: 'slack', url: 'hooks.slack.com' }],
    ['another scheme', { channel: 'slack', url: 'file:///etc/passwd' }],
    ['a password in the address', { channel: 'slack', url: `https://u:${SECRET}@example.com/` }],
    ['a short signing secret', { ...WEBHOOK, signing_secret: `whsec_${SECRET.slice(0, 8)}` }],
    ['a routing key of another form', { channel: 'pagerduty', routing_key: `${SECRET}!` }],
    [
      'a header that breaks out',
      { channel: 'alertmanager', url: 'https://am.example', authorization: `x\r\nhost: ${SECRET}` },
    ],
    ['a channel that does not exist', { channel: 'email', to: 'a@example.com' }],
  ])('%s is refused, and not repeated', async (_what, target) => {
    const { status, text } = await ask('POST', '/v1/alert-routes', { name: 'x', target });
    expect(status).toBe(400);
    expect(text).not.toContain(SECRET.slice(0, 8));
    expect(api.ports.alerting.held).toEqual([]);
  });

  test('by e-mail take addresses and no more, and do not give them back', async () => {
    const to = ['Ops@example.com', 'ops@example.com', 'Ops@example.com'];
    const made = await ask('POST', '/v1/alert-routes', { name: 'mail', target: { channel: 'email', to } });
    expect([made.status, made.json.channel, made.json.health.problem]).toEqual([201, 'email', null]);
    expect(made.text).not.toContain('ops@');
    expect(api.ports.alerting.held.at(-1)?.target).toEqual({ channel: 'email', to: to.slice(0, 2) });
    for (const bad of ['ops', 'ops@example.com\r\nBcc: x@example.com', 'Ops <ops@example.com>', 'a@b.c,d@e.f', '']) {
      const answer = await ask('POST', '/v1/alert-routes', { name: 'x', target: { channel: 'email', to: [bad] } });
      expect([answer.status, bad]).toEqual([400, bad]);
    }
    for (const list of [[], Array.from({ length: 51 }, (_, index) => `a${index}@example.com`)]) {
      const answer = await ask('POST', '/v1/alert-routes', { name: 'x', target: { channel: 'email', to: list } });
      expect(answer.status).toBe(400);
    }
  });

  test.each([
    ['time_zone', { time_zone: '+02:00', from: '22:00', to: '07:00' }],
    ['from', { time_zone: 'UTC', from: '24:00', to: '07:00' }],
    ['days', { time_zone: 'UTC', from: '22:00', to: '07:00', days: [7] }],
  ])('quiet hours with a bad %s are refused', async (_what, quiet) => {
    const target = { channel: 'slack', url: 'https://hooks.example.com/' };
    expect((await ask('POST', '/v1/alert-routes', { name: 'x', target, quiet_hours: quiet })).status).toBe(400);
  });
});

describe('alerts', () => {
  test('are listed by tenant and kind, and taken on once they are open', async () => {
    const alert = alertOf({ tenantId: OWN });
    api.ports.alerting.alerts.push(alert, alertOf({ id: 'over', tenantId: OTHER, kind: 'page', endedAt: 1 }));
    const mine = await ask('GET', `/v1/alerts?tenant_id=${OWN}`);
    expect(mine.json.items).toMatchObject([{ id: alert.id, status: 'open', link: alert.link, ended_at: null }]);
    expect((await ask('GET', '/v1/alerts?kind=page')).json.items).toMatchObject([{ id: 'over', status: 'ended' }]);
    const acked = await ask('POST', `/v1/alerts/${alert.id}/ack`);
    expect(acked.json).toMatchObject({ status: 'acknowledged', acknowledged_by: expect.any(String) });
    expect((await ask('POST', '/v1/alerts/over/ack')).json).toMatchObject({ code: 'NOT_FOUND' });
    expect((await ask('GET', '/v1/alerts?status=loud')).status).toBe(400);
  });
});

test('a tenant is muted for a while, and let speak again', async () => {
  const body = { tenant_id: OWN, expires_in_seconds: 3_600, reason: 'their load test' };
  const made = await ask('POST', '/v1/mutes', body);
  expect(made.json).toMatchObject({ tenant_id: OWN, kind: null, reason: 'their load test' });
  expect(Date.parse(made.json.expires_at) - Date.parse(made.json.created_at)).toBe(3_600_000);
  expect((await ask('GET', '/v1/mutes')).json.items).toEqual([made.json]);
  expect((await ask('DELETE', `/v1/mutes/${made.json.id}`)).status).toBe(204);
  expect((await ask('DELETE', `/v1/mutes/${made.json.id}`)).status).toBe(404);
  expect((await ask('POST', '/v1/mutes', { ...body, expires_in_seconds: 2_592_001 })).status).toBe(400);
  expect(AGREEMENTS.mute).toBe(true);
});
