import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readActivity } from '../../src/aggregate/activity-reader.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const END = Math.floor(Date.now() / 10_000) * 10_000;
let store: TestClickHouse;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());

async function receive(
  receivedAt: number,
  tenant: string | undefined,
  count: number,
  claimedTime = receivedAt,
): Promise<void> {
  const attributes = tenant === undefined ? {} : { tenant_id: tenant };
  const spans = Array.from({ length: count }, () => otlpSpan({ kind: 2, start: claimedTime, attributes }));
  const call = otlpSpan({
    kind: 3,
    start: claimedTime,
    attributes: {
      ...attributes,
      'gen_ai.operation.name': 'chat',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 5,
    },
  });
  await store.insert(segmentOf([otlpRequest([...spans, call])], { receivedAt }), `${tenant}-${receivedAt}`);
}

describe('recent activity', () => {
  it('counts by the time of arrival, knows zero from missing, and leaves the unknown tenant out', async () => {
    await receive(END - 40_000, 'a', 3);
    await receive(END - 20_000, 'b', 2, END - 3_600_000);
    await receive(END - 10_000, undefined, 9);
    await receive(END, 'a', 7);
    const table = await readActivity(store.clickhouse, { intervalSeconds: 10, intervals: 5, end: END });
    expect(table.end).toBe(END);
    expect([...table.tenants.keys()].toSorted()).toEqual(['a', 'b']);
    const of = (name: string) => [...table.tenants].find(([tenant]) => tenant === name)?.[1];
    // Interval 0: nothing arrived from anybody; interval 3: b only; 4: an unknown tenant only, so it was measured.
    expect(of('a')).toEqual({ requests: [null, 3, null, 0, 0], aiTokens: [null, 105, null, 0, 0] });
    expect(of('b')).toEqual({ requests: [null, 0, null, 2, 0], aiTokens: [null, 0, null, 105, 0] });
  });
});
