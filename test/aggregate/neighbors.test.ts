import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPoolUse, readServices } from '../../src/aggregate/pool-use-reader.ts';
import { Neighbors } from '../../src/app/neighbors.ts';
import { MINUTE_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const MINUTES = 30;
const TROUBLE = 26;
const NOW = Date.now();
const START = Math.floor(NOW / MINUTE_MS) * MINUTE_MS - MINUTES * MINUTE_MS;
const TENANTS = ['acme', 'birch', 'cedar', 'delta'];
let store: TestClickHouse;

/** Half an hour of a service: requests with one database call each; from minute 26 on acme's calls crush everybody. */
function spansOf(): ReturnType<typeof otlpSpan>[] {
  return Array.from({ length: MINUTES }, (_, minute) =>
    TENANTS.flatMap((tenant) => {
      const trouble = minute >= TROUBLE;
      const noisy = trouble && tenant === 'acme';
      return Array.from({ length: noisy ? 60 : 12 }, (_unused, index) => {
        const start = START + minute * MINUTE_MS + index * 900;
        const attributes = { tenant_id: tenant };
        return [
          otlpSpan({ kind: 2, start, durationMs: trouble ? 400 : 100, attributes }),
          otlpSpan({ kind: 3, start, durationMs: 30, attributes: { ...attributes, 'db.system.name': 'postgresql' } }),
        ];
      }).flat();
    }),
  ).flat();
}

beforeAll(async () => {
  store = await startTestClickHouse();
  await store.insert(segmentOf([otlpRequest(spansOf(), { 'service.name': 'shop-api' })], { receivedAt: NOW }), 'pool');
});
afterAll(async () => store.stop());

const window = { from: START + 20 * MINUTE_MS, to: START + MINUTES * MINUTE_MS };

describe('use of a shared service', () => {
  it('is read minute by minute from all that meter it', async () => {
    expect(await readServices(store.clickhouse, window)).toEqual(['shop-api']);
    const minutes = await readPoolUse(store.clickhouse, { service: 'shop-api', window, newest: window });
    expect(minutes.map(({ at }) => (at - START) / MINUTE_MS)).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    const [first] = minutes;
    expect([...(first?.uses.keys() ?? [])].toSorted()).toEqual(TENANTS);
    expect(first?.uses.get('birch')).toMatchObject({ requests: 12, dbMs: 360, cpuMs: 0 });
    expect(Math.abs((first?.uses.get('birch')?.p95Ms ?? 0) - 100)).toBeLessThan(1);
    expect(minutes.at(-1)?.uses.get('acme')).toMatchObject({ requests: 60, dbMs: 1_800 });
  });

  it('leads to who did it, with victims, evidence and a reason', async () => {
    const { service, verdicts } = await new Neighbors(store.clickhouse).look({ service: undefined, window });
    expect(service).toBe('shop-api');
    const last = verdicts.at(-1);
    expect(last).toMatchObject({
      kind: 'culprit',
      at: START + 29 * MINUTE_MS,
      suspects: [{ tenantId: 'acme', meter: 'db' }],
    });
    expect(last?.victims.map(({ tenantId }) => tenantId).toSorted()).toEqual(['birch', 'cedar', 'delta']);
    expect(last?.reason).toMatch(
      /^3 tenants are slow, \w+ worst \(P95 4\d\d ms, usually 1?\d\d(\.\d)? ms\)\. acme uses 1\.\d s in the database a minute, \d\.\dx its usual/,
    );
  });

  it('of a service that nobody used is nothing', async () => {
    const view = await new Neighbors(store.clickhouse).look({ service: 'other-api', window });
    expect(view).toEqual({ service: 'other-api', services: ['shop-api'], verdicts: [] });
  });
});
