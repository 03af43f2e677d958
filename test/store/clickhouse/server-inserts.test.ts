/** Segments on their way to a server: whole, once, and past requests that it refuses. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { SegmentLoader } from '../../../src/store/clickhouse/segment-loader.ts';
import type { ServerClickHouse } from '../../../src/store/clickhouse/server-clickhouse.ts';
import { REQUESTS_AT, segmentFor } from '../../support/clickhouse-segments.ts';
import { type ClickHouseServer, type ServerStore, startServerStore } from '../../support/clickhouse-server.ts';
import { metricsSegmentOf, otlpMetrics, otlpSum } from '../../support/metrics.ts';

let store: ServerStore;
let server: ClickHouseServer;
let clickhouse: ServerClickHouse;

beforeAll(async () => {
  store = await startServerStore({ isMigrated: true });
  ({ server, clickhouse } = store);
});
afterAll(() => store.stop());

describe('a segment', () => {
  it('goes in as the bytes of its file, and counts once however often it is sent with one token', async () => {
    const path = store.fileOf(segmentFor(['once'], 50));
    for (let attempt = 0; attempt < 3; attempt += 1)
      await clickhouse.insertSegment({ signal: 'traces', path, token: 'once' });
    expect(await store.countOf('spans', "TenantId = 'once'")).toBe(100);
    expect(await store.countOf('requests_by_minute', "TenantId = 'once'", 'sum(Requests)')).toBe(50);
    expect(await store.countOf('db_calls_by_minute', "TenantId = 'once'", 'sum(Calls)')).toBe(50);
    await clickhouse.insertSegment({ signal: 'traces', path, token: 'twice' });
    expect(await store.countOf('spans', "TenantId = 'once'")).toBe(200);
  });

  it('of metrics goes into its own tables, once as well', async () => {
    const point = { at: REQUESTS_AT, value: 0.25, attributes: { tenant_id: 'metered' } };
    const segment = metricsSegmentOf([otlpMetrics([otlpSum('tenantry.cpu.time', 's', [point, point])])], {
      receivedAt: REQUESTS_AT,
    });
    for (let attempt = 0; attempt < 2; attempt += 1) await store.insert(segment, 'metered', 'metrics');
    expect(await store.countOf('metric_points', "TenantId = 'metered'")).toBe(2);
    expect(await store.countOf('resource_use_by_day', "TenantId = 'metered'", 'sum(CpuNs)')).toBe(500_000_000);
  });

  it('larger than any buffer on the way arrives whole', async () => {
    const path = store.fileOf(segmentFor(['large'], 20_000));
    await clickhouse.insertSegment({ signal: 'traces', path, token: 'large' });
    expect(await store.countOf('spans', "TenantId = 'large'")).toBe(40_000);
  }, 60_000);

  it('whose file is gone fails, and the next one goes in', async () => {
    await expect(clickhouse.insertSegment({ signal: 'traces', path: '/nowhere.otlp', token: 'gone' })).rejects.toThrow(
      /ENOENT/,
    );
    await store.insert(segmentFor(['after-gone']), 'after-gone');
    expect(await store.countOf('spans', "TenantId = 'after-gone'")).toBe(2);
  });
});

describe('the loader', () => {
  let loader: SegmentLoader | undefined;
  afterEach(() => loader?.stop());

  function spoolWith(name: string, segments: readonly Buffer[]): string {
    const spool = join(server.folder, name);
    mkdirSync(join(spool, 'sealed'), { recursive: true });
    segments.forEach((segment, index) => {
      writeFileSync(
        join(spool, 'sealed', `${REQUESTS_AT + index}-${index.toString(16).padStart(16, '0')}.otlp`),
        segment,
      );
    });
    return spool;
  }

  async function start(spoolFolder: string): Promise<SegmentLoader> {
    loader = new SegmentLoader({ spoolFolder, clickhouse, log: pino({ level: 'silent' }) });
    await loader.start();
    return loader;
  }

  const emptied = (spool: string) =>
    vi.waitFor(() => expect(readdirSync(join(spool, 'sealed'))).toEqual([]), { timeout: 20_000, interval: 20 });

  it('counts once what the server had committed when it died before it could answer', async () => {
    const spool = spoolWith('dies', [segmentFor(['dies'], 20), segmentFor(['dies-too'], 20)]);
    await server.dieAfterNextInsert();
    const running = await start(spool);
    await vi.waitFor(() => expect(running.figures().trouble).toBeDefined(), { timeout: 20_000, interval: 5 });
    expect(readdirSync(join(spool, 'sealed'))).toHaveLength(2);
    await server.restart();
    expect(await store.countOf('spans', "TenantId = 'dies'")).toBe(40);
    await emptied(spool);
    for (const tenant of ['dies', 'dies-too']) {
      expect([tenant, await store.countOf('spans', `TenantId = '${tenant}'`)]).toEqual([tenant, 40]);
      const requests = await store.countOf('requests_by_minute', `TenantId = '${tenant}'`, 'sum(Requests)');
      expect([tenant, requests]).toEqual([tenant, 20]);
    }
    expect(running.figures()).toMatchObject({ loadedSegments: 2, quarantinedRequests: 0 });
  }, 60_000);

  it('sets apart the one request that the server refuses', async () => {
    const broken = Buffer.from([4, 0x0a, 0x7f, 0x01, 0x02]);
    const spool = spoolWith('refused', [Buffer.concat([segmentFor(['good-1']), broken, segmentFor(['good-2'])])]);
    const running = await start(spool);
    await emptied(spool);
    expect(running.figures().quarantinedRequests).toBe(1);
    expect(await store.countOf('spans', "TenantId IN ('good-1', 'good-2')")).toBe(4);
  }, 30_000);
});
