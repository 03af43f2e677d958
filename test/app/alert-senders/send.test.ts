import { createHmac, timingSafeEqual } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addressGuard } from '../../../src/app/alert-senders/address-guard.ts';
import type { Delivery } from '../../../src/app/alert-senders/delivery.ts';
import { type Send, sender } from '../../../src/app/alert-senders/send.ts';
import type { AlertTarget } from '../../../src/domain/alert.ts';
import { ALERT_START, alertOf, type Received, type Receiver, startReceiver } from '../../support/alert-samples.ts';

let receiver: Receiver;
let send: Send;
beforeAll(async () => {
  receiver = await startReceiver();
  send = sender({
    guard: addressGuard(['127.0.0.1/32']),
    pagerDutyEndpoint: (region) => `${receiver.url}/${region}/v2/enqueue`,
  });
});
afterAll(() => receiver.close());
beforeEach(() => {
  receiver.received.length = 0;
});

const delivery = (changes: Partial<Delivery> = {}): Delivery => ({
  idempotencyKey: 'msg_1',
  answers: [],
  event: 'trigger',
  alerts: [alertOf()],
  linkOf: ({ link }) => `https://tenantry.example${link}`,
  now: ALERT_START + 30_000,
  ...changes,
});
const lastBody = () => JSON.parse(receiver.received.at(-1)?.body ?? 'null');
const LINK = `https://tenantry.example${alertOf().link}`;

describe('Slack', () => {
  const target = () => ({ channel: 'slack', url: `${receiver.url}/services/T/B/x` }) as const;

  test('a text for notifications and a section with title, link and reason', async () => {
    expect(await send(target(), delivery())).toEqual({ kind: 'sent' });
    expect(receiver.received[0]?.headers['content-type']).toBe('application/json');
    expect(lastBody()).toEqual({
      text: 'acme: requests at 4.1x its baseline',
      blocks: [
        {
          type: 'section',
          text: {
            type: 'mrkdwn',
            text: `:large_orange_circle: *<${LINK}|acme: requests at 4.1x its baseline>*\nacme sent 4.1x its usual requests (8,240 against 2,010)`,
          },
        },
      ],
    });
  });

  test('names cannot ping a channel, fake a link or break a block', async () => {
    const title = '<!channel> & <https://evil.example|click>';
    await send(target(), delivery({ alerts: [alertOf({ title, reason: 'x'.repeat(1_000) })] }));
    const { text, blocks } = lastBody();
    expect(text).toBe('&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;');
    expect(blocks[0].text.text).not.toContain('<!channel>');
    expect(blocks[0].text.text.length).toBeLessThan(3_000);
  });

  test('a hundred alerts are one message within the limits', async () => {
    await send(target(), delivery({ alerts: Array.from({ length: 100 }, () => alertOf()) }));
    expect(lastBody().blocks.length).toBeLessThanOrEqual(50);
    expect(lastBody().blocks.at(-1).text.text).toBe('… and 90 more');
    expect(receiver.received).toHaveLength(1);
  });

  test('who took it on, and that it is over', async () => {
    await send(target(), delivery({ event: 'acknowledge', alerts: [alertOf({ ackedBy: 'sam' })] }));
    expect(lastBody().blocks[0].text.text).toContain('*Acknowledged: ');
    expect(lastBody().blocks[0].text.text).toContain('by sam');
    await send(target(), delivery({ event: 'resolve' }));
    expect(lastBody().text).toBe('Resolved: acme: requests at 4.1x its baseline');
  });
});

describe('PagerDuty Events v2', () => {
  const target = { channel: 'pagerduty', routingKey: 'k'.repeat(32), region: 'eu' } as const;

  test('trigger', async () => {
    receiver.answer = { status: 202 };
    expect(await send(target, delivery())).toEqual({ kind: 'sent' });
    expect(receiver.received[0]?.path).toBe('/eu/v2/enqueue');
    expect(lastBody()).toMatchObject({
      ...{ routing_key: 'k'.repeat(32), event_action: 'trigger', dedup_key: alertOf().id, client_url: LINK },
      links: [{ href: LINK, text: 'What happened' }],
      payload: {
        summary: 'acme: requests at 4.1x its baseline',
        ...{ source: 'acme', severity: 'warning', class: 'finding', timestamp: '2026-06-15T12:00:00.000Z' },
      },
    });
  });

  test.each(['acknowledge', 'resolve'] as const)('%s names the same incident and nothing else', async (event) => {
    await send(target, delivery({ event }));
    expect(lastBody()).toEqual({ routing_key: 'k'.repeat(32), event_action: event, dedup_key: alertOf().id });
  });
});

describe('Alertmanager v2', () => {
  const target = () =>
    ({ channel: 'alertmanager', url: `${receiver.url}/am/`, authorization: 'Bearer token-of-am' }) as const;

  test('alerts that end by themselves unless they are told again', async () => {
    receiver.answer = { status: 200 };
    await send(target(), delivery());
    const [got] = receiver.received;
    expect([got?.path, got?.headers.authorization]).toEqual(['/am/api/v2/alerts', 'Bearer token-of-am']);
    expect(lastBody()).toEqual([
      {
        labels: {
          ...{ alertname: 'tenantry_finding', tenant_id: 'acme', alert_key: 'requests', alert_id: alertOf().id },
          plan: 'growth',
        },
        annotations: { summary: alertOf().title, description: alertOf().reason, severity: 'warning' },
        ...{ startsAt: '2026-06-15T12:00:00.000Z', endsAt: '2026-06-15T12:05:30.000Z', generatorURL: LINK },
      },
    ]);
  });

  test('the end has the same labels, which are the identity, whatever else changed', async () => {
    await send(target(), delivery());
    const [{ labels }] = lastBody();
    const over = alertOf({ severity: 'critical', title: 'x', endedAt: ALERT_START + 20_000 });
    await send(target(), delivery({ event: 'resolve', alerts: [over] }));
    expect(lastBody()[0]).toMatchObject({ labels, endsAt: '2026-06-15T12:00:20.000Z' });
  });
});

describe('signed webhook', () => {
  const key = Buffer.from('0123456789abcdef0123456789abcdef');
  const target = (): AlertTarget => ({
    channel: 'webhook',
    url: `${receiver.url}/hook`,
    signingSecret: `whsec_${key.toString('base64')}`,
  });

  /** A receiver's check, as the Standard Webhooks specification describes it. */
  function verifies(body: string): boolean {
    const headers = receiver.received.at(-1)?.headers ?? {};
    const [version, given = ''] = String(headers['webhook-signature']).split(',');
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const expected = createHmac('sha256', key).update(signed).digest();
    const actual = Buffer.from(given, 'base64');
    return version === 'v1' && actual.length === expected.length && timingSafeEqual(actual, expected);
  }

  test('carries id, time and a signature over them and the body', async () => {
    await send(target(), delivery());
    const { headers, body }: Pick<Received, 'headers' | 'body'> = receiver.received.at(-1) ?? { headers: {}, body: '' };
    expect(headers).toMatchObject({ 'webhook-id': 'msg_1', 'idempotency-key': 'msg_1' });
    expect(headers['webhook-timestamp']).toBe(String((ALERT_START + 30_000) / 1_000));
    expect(verifies(body)).toBe(true);
    expect(verifies(body.replace('acme', 'evil'))).toBe(false);
    expect(lastBody()).toMatchObject({
      type: 'alert.trigger',
      data: { alerts: [{ id: alertOf().id, tenant_id: 'acme', kind: 'finding', severity: 'warning', link: LINK }] },
    });
  });

  test('says what happened', async () => {
    await send(target(), delivery({ event: 'resolve', alerts: [alertOf({ endedAt: ALERT_START + 1_000 })] }));
    expect(lastBody()).toMatchObject({
      type: 'alert.resolve',
      data: { alerts: [{ ended_at: '2026-06-15T12:00:01.000Z' }] },
    });
  });
});
