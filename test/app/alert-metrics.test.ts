import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { AlertMetrics } from '../../src/app/alert-metrics.ts';

const lines = async (registry: Registry) =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith('tenantry_alert') && !line.endsWith(' 0'));

test('what was sent, what failed and why, what was given up, and what waits since when', async () => {
  const registry = new Registry();
  const metrics = new AlertMetrics(registry, async () => ({ waiting: 7, oldestSeconds: 90.5 }));
  metrics.count({ channel: 'email', kind: 'sent' });
  metrics.count({ channel: 'email', kind: 'again', reason: 'timeout' });
  metrics.count({ channel: 'slack', kind: 'dead', reason: 'answer' });
  expect(await lines(registry)).toEqual([
    'tenantry_alert_notices_sent_total{channel="email"} 1',
    'tenantry_alert_notices_failed_total{channel="email",reason="timeout"} 1',
    'tenantry_alert_notices_failed_total{channel="slack",reason="answer"} 1',
    'tenantry_alert_notices_dead_total{channel="slack",reason="answer"} 1',
    'tenantry_alert_outbox_notices 7',
    'tenantry_alert_outbox_oldest_seconds 90.5',
  ]);
});

test('every channel is there from the start, and a database that is down costs no other figure', async () => {
  const registry = new Registry();
  const metrics = new AlertMetrics(registry, () => Promise.reject(new Error('the database is down')));
  metrics.count({ channel: 'webhook', kind: 'sent' });
  const text = await registry.metrics();
  for (const channel of ['slack', 'pagerduty', 'alertmanager', 'email']) {
    expect(text).toContain(`tenantry_alert_notices_sent_total{channel="${channel}"} 0`);
  }
  expect(text).toContain('tenantry_alert_notices_sent_total{channel="webhook"} 1');
  expect(text).toContain('tenantry_alert_outbox_notices Nan');
});
