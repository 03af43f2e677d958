import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLoadSignals } from '../../src/aggregate/load-signals-reader.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const END = Math.floor(Date.now() / 60_000) * 60_000;
let store: TestClickHouse;
beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

it('says how much tenants send and which places say so', async () => {
  const spansOf = (tenant: string, count: number) =>
    Array.from({ length: count }, () => otlpSpan({ kind: 2, start: END - 30_000, attributes: { tenant_id: tenant } }));
  const requests = [otlpRequest([...spansOf('noisy', 120), ...spansOf('calm', 60)])];
  await store.insert(segmentOf(requests, { receivedAt: END - 29_000 }), 'load');
  const window = { from: END - 60_000, to: END };
  const load = await readLoadSignals(store.clickhouse, { window, tenants: ['noisy', 'silent'] });
  expect(load.requestsPerSecond).toBe(3);
  expect([...load.tenants.keys()]).toEqual(['noisy']);
  expect(load.tenants.get('noisy')?.requestsPerSecond).toBe(2);
  expect(load.tenants.get('noisy')?.sources).toHaveLength(1);
});
