import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMinuteValues } from '../../src/aggregate/minute-values-reader.ts';
import { firstMinute } from '../../src/aggregate/queries/across-tenants/first-minute.ts';
import { type SpanStore, startSpanStore } from '../support/span-store.ts';
import { otlpRequest, otlpSpan } from '../support/spans.ts';

const MINUTE = 60_000;
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE;
let store: SpanStore;

beforeAll(async () => {
  store = await startSpanStore(START + 9 * MINUTE);
});
afterAll(async () => store.stop());

it('tells what every tenant did in each measured minute, by metric, routes with enough of it beside the whole', async () => {
  const request = (tenant: string, minute: number, route: string, error = false) =>
    otlpSpan({
      kind: 2,
      start: START + minute * MINUTE + 1_000,
      ...(error ? { more: { status: { code: 2 } } } : {}),
      attributes: { tenant_id: tenant, 'http.route': route },
    });
  const query = otlpSpan({
    kind: 3,
    start: START + 1_500,
    attributes: { tenant_id: 'acme', 'db.system.name': 'postgresql' },
  });
  const call = otlpSpan({
    kind: 3,
    start: START + 2_000,
    attributes: {
      tenant_id: 'acme',
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 5,
    },
  });
  const spans = [
    ...Array.from({ length: 39 }, () => request('acme', 0, '/orders')),
    request('acme', 0, '/rare', true),
    query,
    call,
    request('bolt', 2, '/'),
    otlpSpan({ kind: 2, start: START + 2 * MINUTE, attributes: {} }),
  ];
  await store.take([otlpRequest(spans)]);
  const minutes = await readMinuteValues(store.clickhouse, { from: START, to: START + 5 * MINUTE });
  expect(minutes.map(({ minute }) => minute)).toEqual([START / MINUTE, START / MINUTE + 2]);
  const [first, third] = minutes;
  expect([...(third?.tenants.keys() ?? [])]).toEqual(['bolt']);
  const acme = Object.fromEntries(first?.tenants.get('acme') ?? []);
  expect(acme).toMatchObject({
    requests: 40,
    'requests on /orders': 39,
    error_rate: 1 / 40,
    db_calls: 1,
    ai_calls: 1,
    ai_tokens: 105,
  });
  expect(acme['p95_ms']).toBeGreaterThan(0);
  expect(acme).not.toHaveProperty('requests on /rare');
  expect(acme).not.toHaveProperty('cpu_ms');
  const before = { from: START - 60 * MINUTE, to: START };
  const firsts = [
    { ...before, to: START + 5 * MINUTE },
    { ...before, from: START + MINUTE, to: START + 5 * MINUTE },
    before,
  ];
  expect(await Promise.all(firsts.map((window) => store.clickhouse.rows(firstMinute(window))))).toMatchObject([
    [{ first: START / 1_000 }],
    [{ first: (START + 2 * MINUTE) / 1_000 }],
    [{ first: null }],
  ]);
});
