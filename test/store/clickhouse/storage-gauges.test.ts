import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readStorage, readStorageHolders, storageUsageSource } from '../../../src/aggregate/storage-reader.ts';
import { UsageReader } from '../../../src/aggregate/usage-reader.ts';
import type { StorageGauge } from '../../../src/domain/storage.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Window } from '../../../src/domain/window.ts';
import { StorageGauges } from '../../../src/store/clickhouse/storage-gauges.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';

const MONDAY = Date.UTC(2026, 9, 5);
let db: TestClickHouse;
let gauges: StorageGauges;
let written: StorageGauge[] = [];
let tokens = 0;

beforeAll(async () => {
  db = await startTestClickHouse();
  gauges = new StorageGauges(db.clickhouse);
}, 60_000);

afterAll(() => db.stop());

beforeEach(async () => {
  written = [];
  for (const table of ['storage_gauges', 'storage_by_hour', 'storage_by_day']) {
    await db.clickhouse.command(`TRUNCATE TABLE tenantry.${table}`);
  }
});

function gauge(tenant: string, at: number, bytes: bigint, changes: Partial<StorageGauge> = {}): StorageGauge {
  const kind = 'postgres' as const;
  const held = { holdMs: 3 * HOUR_MS, errorBytes: 10n, objects: 2n, method: 'index count' };
  return { tenantId: tenant as TenantId, store: 'orders-db', kind, at, bytes, ...held, ...changes };
}

async function write(...all: StorageGauge[]): Promise<void> {
  tokens += 1;
  written.push(...all);
  await gauges.insert(all, `test-${tokens}`, MONDAY + tokens);
}

/** Byte-milliseconds by walking every value from its moment to its end: an independent way to the same figure. */
function expected(tenant: string, window: Window, now: number): bigint {
  let sum = 0n;
  for (const store of new Set(written.map((one) => one.store))) {
    const byTime = new Map(
      written.filter((one) => one.tenantId === tenant && one.store === store).map((one) => [one.at, one]),
    );
    const series = [...byTime.values()].toSorted((left, right) => left.at - right.at);
    for (const [index, { at, bytes, holdMs }] of series.entries()) {
      const until = Math.min(series[index + 1]?.at ?? Number.POSITIVE_INFINITY, at + holdMs, now, window.to);
      const from = Math.max(at, window.from);
      if (until > from) sum += bytes * BigInt(until - from);
    }
  }
  return sum;
}

const reader = () => new UsageReader([storageUsageSource(db.clickhouse)]);

async function byteHours(window: Window): Promise<Record<string, bigint | undefined>> {
  const totals = await reader().totals({ window, metrics: ['storage_byte_hours'] });
  return Object.fromEntries(totals.map(({ tenantId, values }) => [tenantId, values.get('storage_byte_hours')]));
}

describe('byte-hours', () => {
  it('are the value times how long it was so, until the next one', async () => {
    await write(gauge('acme', MONDAY, 6_000n), gauge('acme', MONDAY + 2 * HOUR_MS + 30 * MINUTE_MS, 1_000n));
    await gauges.recount({ from: MONDAY, to: MONDAY + 4 * HOUR_MS });
    expect(await byteHours({ from: MONDAY, to: MONDAY + 4 * HOUR_MS })).toEqual({ acme: 15_000n + 1_500n });
  });

  it('stop where a value is believed no more, and coverage says so', async () => {
    await write(gauge('acme', MONDAY, 8_000n, { holdMs: 3 * HOUR_MS }), gauge('acme', MONDAY + 20 * HOUR_MS, 8_000n));
    await gauges.recount({ from: MONDAY, to: MONDAY + DAY_MS });
    const window = { from: MONDAY, to: MONDAY + DAY_MS };
    expect(await byteHours(window)).toEqual({ acme: 8_000n * 6n });
    const { items } = await readStorage(db.clickhouse, {
      ...{ window, tenantId: undefined, store: undefined, limit: 10, offset: 0 },
    });
    expect(items).toMatchObject([{ tenantId: 'acme', byteHours: 48_000n, coveredShare: 0.25, bytes: 8_000n }]);
  });

  it('are not zero but absent where nothing was measured', async () => {
    await write(gauge('acme', MONDAY, 0n));
    await gauges.recount({ from: MONDAY, to: MONDAY + HOUR_MS });
    expect(await byteHours({ from: MONDAY, to: MONDAY + HOUR_MS })).toEqual({ acme: 0n });
    expect(await byteHours({ from: MONDAY - DAY_MS, to: MONDAY })).toEqual({});
  });

  it('are the same however often and in which pieces they are counted', async () => {
    const end = MONDAY + 40 * HOUR_MS;
    const all: StorageGauge[] = [];
    for (let at = MONDAY; at < end; at += 97 * MINUTE_MS) {
      all.push(gauge('acme', at, BigInt(at % 10_007)), gauge('globex', at + MINUTE_MS, 2n ** 60n));
    }
    await write(...all);
    const window = { from: MONDAY, to: end };
    await gauges.recount(window);
    const once = await byteHours(window);
    for (let at = MONDAY; at < end; at += 7 * HOUR_MS)
      await gauges.recount({ from: at, to: Math.min(end, at + 9 * HOUR_MS) });
    await gauges.recount(window);
    expect(await byteHours(window)).toEqual(once);
    const hour = BigInt(HOUR_MS);
    expect(once).toEqual({
      acme: expected('acme', window, end) / hour,
      globex: expected('globex', window, end) / hour,
    });
  }, 60_000);

  it('follow a value that comes late, or takes the place of another', async () => {
    const window = { from: MONDAY, to: MONDAY + 6 * HOUR_MS };
    await write(gauge('acme', MONDAY, 5_000n, { holdMs: DAY_MS }));
    await gauges.recount(window);
    expect(await byteHours(window)).toEqual({ acme: 30_000n });
    await write(gauge('acme', MONDAY + HOUR_MS, 9_000n, { holdMs: HOUR_MS }));
    await gauges.recount({ from: MONDAY + HOUR_MS, to: window.to });
    // One hour of 5,000, one of 9,000; then nothing is known, and the rows of before are gone.
    expect(await byteHours(window)).toEqual({ acme: 14_000n });
    await write(gauge('acme', MONDAY, 1_000n, { holdMs: DAY_MS }));
    await gauges.recount(window);
    expect(await byteHours(window)).toEqual({ acme: 10_000n });
  });

  it('are written once when the same insert is repeated', async () => {
    const one = gauge('acme', MONDAY, 5_000n);
    await gauges.insert([one], 'repeated', MONDAY);
    await gauges.insert([one], 'repeated', MONDAY);
    const [row] = await db.clickhouse.inspect<{ n: number }>('SELECT count() AS n FROM tenantry.storage_gauges');
    expect(Number(row?.n)).toBe(1);
  });

  it('add up step by step to the total, over days and at ragged edges', async () => {
    const end = MONDAY + 75 * HOUR_MS;
    const all: StorageGauge[] = [];
    for (let at = MONDAY; at < end; at += 67 * MINUTE_MS) {
      all.push(gauge('acme', at, 1_000_003n + BigInt(at % 7_919)), gauge('acme', at, 77n, { store: 'files:STANDARD' }));
    }
    await write(...all);
    await gauges.recount({ from: MONDAY, to: end });
    const window = { from: MONDAY + 10 * HOUR_MS + 13 * MINUTE_MS, to: MONDAY + 74 * HOUR_MS + 48 * MINUTE_MS };
    const total = (await byteHours(window))['acme'];
    for (const step of ['hour', 'day', 'month'] as const) {
      const [series] = await reader().series({ window, metrics: ['storage_byte_hours'], step });
      const sum = series?.steps.reduce((all, { values }) => all + (values.get('storage_byte_hours') ?? 0n), 0n);
      expect(sum).toBe(total);
    }
    // Within the hours at the edges bytes are taken to be stored evenly, which is off by what changed within them.
    const exact = expected('acme', window, end) / BigInt(HOUR_MS);
    expect(Math.abs(Number((total ?? 0n) - exact))).toBeLessThan(8_000);
  }, 60_000);
});

describe('the list', () => {
  it('is by store, the largest first, page by page, of one tenant where one asks', async () => {
    await write(
      gauge('acme', MONDAY, 5_000n),
      gauge('acme', MONDAY, 900n, { store: 'orders-db:vector', kind: 'vector' }),
      gauge('globex', MONDAY, 7_000n),
      gauge('initech', MONDAY, 1n, { store: 'files' }),
    );
    await gauges.recount({ from: MONDAY, to: MONDAY + HOUR_MS });
    const question = { window: { from: MONDAY, to: MONDAY + HOUR_MS }, limit: 2, offset: 0 };
    const first = await readStorage(db.clickhouse, { ...question, tenantId: undefined, store: undefined });
    expect(first.total).toBe(4);
    expect(first.items.map(({ tenantId, store }) => `${tenantId} ${store}`)).toEqual([
      'globex orders-db',
      'acme orders-db',
    ]);
    const own = await readStorage(db.clickhouse, { ...question, tenantId: 'acme' as TenantId, store: 'orders-db' });
    expect(own.items).toMatchObject([
      { store: 'orders-db', kind: 'postgres', bytes: 5_000n, errorBytes: 10n, objects: 2n, method: 'index count' },
      { store: 'orders-db:vector', kind: 'vector', bytes: 900n, measuredAt: MONDAY },
    ]);
  });

  it('knows who has anything in a store and its parts, by the newest values', async () => {
    await write(
      gauge('acme', MONDAY, 5n),
      gauge('globex', MONDAY, 5n),
      gauge('globex', MONDAY + HOUR_MS, 0n),
      gauge('initech', MONDAY, 5n, { store: 'orders-db:vector' }),
      gauge('hooli', MONDAY, 5n, { store: 'orders-db-2' }),
    );
    const holders = await readStorageHolders(db.clickhouse, 'orders-db', MONDAY + 2 * HOUR_MS);
    expect(holders.map(({ tenantId }) => tenantId).toSorted()).toEqual(['acme', 'initech']);
  });
});
