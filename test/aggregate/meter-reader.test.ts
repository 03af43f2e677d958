/** What a meter makes of the events that are there, in the real stores. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMeter, readRejected } from '../../src/aggregate/meter-reader.ts';
import { MeterUsageSource } from '../../src/aggregate/meter-usage-source.ts';
import type { MeterDefinition } from '../../src/domain/meter.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { cloudEvent, METER_NOW, type MeterWorld, startMeterWorld } from '../support/meter-world.ts';

const WINDOW = { from: METER_NOW - 30 * DAY_MS, to: METER_NOW + MINUTE_MS };
const ACME = 'acme' as TenantId;
const units = (n: number) => BigInt(n) * 1_000_000_000n;

let world: MeterWorld;
beforeAll(async () => {
  world = await startMeterWorld();
}, 60_000);
afterAll(() => world.stop());

function meter(changes: Partial<MeterDefinition> = {}): MeterDefinition {
  return {
    slug: 'tokens',
    eventType: 'prompt',
    aggregation: 'sum',
    valuePath: '$.tokens',
    groupBy: { model: '$.model' },
    unit: 'tokens',
    description: '',
    ...changes,
  };
}

describe('a meter', () => {
  it('counts what was there before it was defined, and says and lists what it could not use', async () => {
    await world.send([
      cloudEvent({ type: 'mixed', id: 'm-1', data: { tokens: 5 } }),
      cloudEvent({ type: 'mixed', id: 'm-2', data: { tokens: 'many' } }),
      cloudEvent({ type: 'mixed', id: 'm-3', data: { tokens: 1e30 } }),
      cloudEvent({ type: 'mixed', id: 'm-4', data: null, subject: 'globex' }),
      cloudEvent({ type: 'mixed', id: 'm-5', data: { tokens: [1] } }),
    ]);
    await world.load();
    const defined = meter({ eventType: 'mixed' });
    const question = { meter: defined, window: WINDOW, byTenant: true, groupBy: [] };
    const rows = await readMeter(world.store.clickhouse, question);
    expect(rows.map(({ tenantId, value, rejected }) => [tenantId, value, rejected])).toEqual([
      ['acme', units(5), 3],
      ['globex', 0n, 1],
    ]);
    const rejected = await readRejected(world.store.clickhouse, { meter: defined, window: WINDOW, limit: 10 });
    expect(rejected.map(({ id }) => id)).toEqual(['m-2', 'm-3', 'm-4', 'm-5']);
    const own = await readRejected(world.store.clickhouse, { meter: defined, window: WINDOW, limit: 10, tenant: ACME });
    expect(own.map(({ tenantId }) => tenantId)).toEqual(['acme', 'acme', 'acme']);
    const ownRows = await readMeter(world.store.clickhouse, { ...question, tenant: ACME });
    expect(ownRows.map(({ tenantId }) => tenantId)).toEqual(['acme']);
  });

  it('is usage that costs can be shared by: sums in billionths, counts as they are', async () => {
    const meters = [
      meter({ eventType: 'mixed' }),
      meter({ slug: 'calls', eventType: 'mixed', aggregation: 'count', valuePath: null }),
      meter({ slug: 'peak', aggregation: 'max' }),
    ];
    const source = new MeterUsageSource(world.store.clickhouse, async () => meters);
    expect(source.answers('meter:tokens')).toBe(true);
    expect(source.answers('requests')).toBe(false);
    const rows = await source.read({
      window: WINDOW,
      metrics: ['meter:tokens', 'meter:calls', 'meter:peak', 'meter:unknown'],
    });
    expect(new Map(rows.map(({ tenantId, values }) => [tenantId, new Map(values)]))).toEqual(
      new Map([
        [
          'acme',
          new Map([
            ['meter:tokens', units(5)],
            ['meter:calls', 4n],
          ]),
        ],
        [
          'globex',
          new Map([
            ['meter:tokens', 0n],
            ['meter:calls', 1n],
          ]),
        ],
      ]),
    );
    const days = await source.read({ window: WINDOW, metrics: ['meter:calls'], step: 'day', tenants: [ACME] });
    expect(days).toEqual([
      { tenantId: ACME, at: Math.floor(METER_NOW / DAY_MS) * DAY_MS, values: new Map([['meter:calls', 4n]]) },
    ]);
  });
});
