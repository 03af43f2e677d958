/** Between the loader and a ClickHouse server anything may break: each segment is in once, and none is set apart for it. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LoaderFigures, SegmentLoader } from '../../../src/store/clickhouse/segment-loader.ts';
import { ServerClickHouse } from '../../../src/store/clickhouse/server-clickhouse.ts';
import { exception, type FaultProxy, type InsertFault, startFaultProxy } from '../../support/clickhouse-faults.ts';
import { REQUESTS_AT, segmentFor } from '../../support/clickhouse-segments.ts';
import { type ServerStore, startServerStore } from '../../support/clickhouse-server.ts';

/** Long enough for an insert on a busy machine, as each is waited out once. */
const TIMEOUTS = { idleMs: 2_500, insertMs: 3_500 };
const FIRST_RETRY_MS = 40;

let store: ServerStore;
let proxy: FaultProxy;
let throughProxy: ServerClickHouse;
let impatient: ServerClickHouse;
let loader: SegmentLoader | undefined;
let spools = 0;

beforeAll(async () => {
  store = await startServerStore({ isMigrated: true });
  proxy = await startFaultProxy(store.server.port);
  const url = store.server.url.replace(/:\d+$/, `:${proxy.port}`);
  throughProxy = new ServerClickHouse({ url });
  impatient = new ServerClickHouse({ url, timeouts: TIMEOUTS });
});
afterEach(async () => loader?.stop());
afterAll(async () => {
  await throughProxy.close();
  await impatient.close();
  await proxy.close();
  await store.stop();
});

function spoolWith(segments: readonly Buffer[]): string {
  spools += 1;
  const spool = join(store.server.folder, `spool-${spools}`);
  mkdirSync(join(spool, 'sealed'), { recursive: true });
  segments.forEach((segment, index) => {
    const name = `${REQUESTS_AT + spools * 100 + index}-${spools.toString(16).padStart(16, '0')}.otlp`;
    writeFileSync(join(spool, 'sealed', name), segment);
  });
  return spool;
}

/** Failures that the loader told of, as they were logged. */
async function start(
  spoolFolder: string,
  clickhouse = throughProxy,
): Promise<{ readonly loader: SegmentLoader; readonly told: string[] }> {
  const told: string[] = [];
  const log = pino({ base: null }, { write: (line) => told.push(line) });
  loader = new SegmentLoader({
    ...{ spoolFolder, clickhouse, log, firstRetryMs: FIRST_RETRY_MS, random: () => 0.5 },
  });
  await loader.start();
  return { loader, told };
}

const emptied = (spool: string) =>
  vi.waitFor(() => expect(readdirSync(join(spool, 'sealed'))).toEqual([]), { timeout: 110_000, interval: 10 });

/** These, and then nothing more. */
function spoilOnce(...faults: readonly InsertFault[]): void {
  const left = [...faults];
  proxy.spoil(() => left.shift() ?? 'none');
}

const FAULTS: readonly (readonly [string, InsertFault, RegExp])[] = [
  ['a refused connection', 'refused', /socket hang up|ECONNRESET/],
  ['a connection reset in mid-insert', 'reset in mid-insert', /socket hang up|ECONNRESET|EPIPE/],
  ['an answer lost after the commit', 'answer lost', /socket hang up|ECONNRESET/],
  ['half an answer after the commit', 'half an answer', /aborted|ECONNRESET|Premature close/],
  ['500 without a word', { status: 500, body: '' }, /./],
  ['503 of a proxy', { status: 503, body: '<h1>Service Unavailable</h1>' }, /Service Unavailable/],
  ['429 of a proxy', { status: 429, body: 'Too Many Requests' }, /Too Many Requests/],
  ['a redirect', { status: 302, body: '', headers: { location: '/login' } }, /./],
  ['200 of something that is no ClickHouse', { status: 200, body: '' }, /not from ClickHouse/],
  ['200 with a page in it', { status: 200, body: '<h1>Welcome</h1>' }, /Welcome/],
  [
    'an exception in the body after a 200',
    {
      status: 200,
      body: 'Code: 243. DB::Exception: Cannot reserve 1.00 MiB. (NOT_ENOUGH_SPACE)',
      headers: { 'x-clickhouse-query-id': 'q' },
    },
    /Cannot reserve/,
  ],
  [
    'an exception in the header of a 200',
    { status: 200, body: '', headers: { 'x-clickhouse-exception-code': '241', 'x-clickhouse-query-id': 'q' } },
    /./,
  ],
  ['READONLY', exception(164, 'READONLY'), /as the server says it/],
  ['TABLE_IS_READ_ONLY', exception(242, 'TABLE_IS_READ_ONLY'), /as the server says it/],
  ['TOO_MANY_PARTS', exception(252, 'TOO_MANY_PARTS'), /as the server says it/],
  ['MEMORY_LIMIT_EXCEEDED', exception(241, 'MEMORY_LIMIT_EXCEEDED'), /as the server says it/],
  ['NOT_ENOUGH_SPACE', exception(243, 'NOT_ENOUGH_SPACE'), /as the server says it/],
  ['TOO_MANY_SIMULTANEOUS_QUERIES', exception(202, 'TOO_MANY_SIMULTANEOUS_QUERIES'), /as the server says it/],
  ['wrong credentials', exception(516, 'AUTHENTICATION_FAILED', 403), /as the server says it/],
  ["another version's settings", exception(115, 'UNKNOWN_SETTING', 404), /as the server says it/],
];

describe('a segment', () => {
  interface Outcome {
    readonly tenant: string;
    readonly spans: number;
    readonly requests: number;
  }
  let told: string[] = [];
  let figures: LoaderFigures;
  let inserts = 0;
  const outcomes = new Map<string, Outcome>();
  const tenantOf = (what: string) => `fault-${FAULTS.findIndex(([name]) => name === what)}`;

  // One after the other through one loader: every segment meets its fault, and then nothing more.
  beforeAll(async () => {
    const spool = spoolWith(FAULTS.map(([what]) => segmentFor([tenantOf(what)], 3)));
    const before = proxy.inserts.length;
    spoilOnce(...FAULTS.flatMap(([, fault]): InsertFault[] => [fault, 'none']));
    const running = await start(spool);
    await emptied(spool);
    await running.loader.stop();
    ({ told } = running);
    figures = running.loader.figures();
    inserts = proxy.inserts.length - before;
    const rows = await store.clickhouse.inspect<Outcome>(
      `SELECT TenantId AS tenant, toUInt32(count()) AS spans, any(Requests) AS requests FROM tenantry.spans
        LEFT JOIN (SELECT TenantId, toUInt32(sum(Requests)) AS Requests FROM tenantry.requests_by_minute GROUP BY TenantId)
          AS rollup USING TenantId
        WHERE TenantId LIKE 'fault-%' GROUP BY TenantId`,
    );
    for (const row of rows) outcomes.set(row.tenant, row);
  }, 120_000);

  it.each(FAULTS)('whose insert meets %s is tried again, and counts once', (what, _fault, words) => {
    expect(told[FAULTS.findIndex(([name]) => name === what)]).toMatch(words);
    const tenant = tenantOf(what);
    expect(outcomes.get(tenant)).toEqual({ tenant, spans: 6, requests: 3 });
  });

  it('is tried once more and not oftener, and is never set apart for a fault of the store', () => {
    expect(inserts).toBe(2 * FAULTS.length);
    expect(figures).toMatchObject({ loadedSegments: FAULTS.length, quarantinedRequests: 0 });
  });
});

describe('one segment', () => {
  it.each([
    ['that hangs in mid-insert', 'hangs', /Timeout error/],
    ['whose answer trickles for ever', 'trickles', /did not answer an insert within 3.5 s/],
  ] as const)('is not left with a server %s', async (_what, fault, words) => {
    const spool = spoolWith([segmentFor([`not-${fault}`])]);
    spoilOnce(fault);
    const { told } = await start(spool, impatient);
    await emptied(spool);
    expect(told[0]).toMatch(words);
    expect(await store.countOf('spans', `TenantId = 'not-${fault}'`)).toBe(2);
  });

  it('whose body is cut off on its way is not taken for one that is broken', async () => {
    const spool = spoolWith([segmentFor(['cut-off'], 3)]);
    // The insert and the first look for what is wrong: what a server says of a body that a proxy in between cut off.
    spoilOnce(exception(33, 'CANNOT_READ_ALL_DATA'), exception(33, 'CANNOT_READ_ALL_DATA'));
    const { loader: running } = await start(spool);
    await emptied(spool);
    expect(await store.countOf('spans', "TenantId = 'cut-off'")).toBe(6);
    expect(running.figures()).toMatchObject({ loadedSegments: 1, quarantinedRequests: 0 });
  });
});

describe('a server that keeps failing', () => {
  it('is asked less and less often, and all is loaded once it recovers', async () => {
    const spool = spoolWith([segmentFor(['long-away-1']), segmentFor(['long-away-2'])]);
    const before = proxy.inserts.length;
    proxy.spoil(() => exception(202, 'TOO_MANY_SIMULTANEOUS_QUERIES'));
    const { loader: running } = await start(spool);
    await vi.waitFor(() => expect(proxy.inserts.length - before).toBeGreaterThanOrEqual(5), {
      ...{ timeout: 60_000, interval: 5 },
    });
    const times = proxy.inserts.slice(before, before + 5);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    // Three quarters of 40, 80, 160 … ms: half of the jitter. Timers may be a millisecond early.
    for (const [index, gap] of gaps.entries())
      expect(gap).toBeGreaterThanOrEqual(0.75 * FIRST_RETRY_MS * 2 ** index - 2);
    expect(running.figures()).toMatchObject({ loadedSegments: 0, waitingSegments: 2, quarantinedRequests: 0 });
    expect(running.figures().trouble).toContain('as the server says it');
    proxy.spoil(() => 'none');
    await emptied(spool);
    expect(await store.countOf('spans', "TenantId LIKE 'long-away-%'")).toBe(4);
  });

  it('and takes an insert now and again is not asked less often for it', async () => {
    const segments = Array.from({ length: 4 }, (_, index) => segmentFor([`now-and-again-${index}`]));
    const spool = spoolWith(segments);
    let inserts = 0;
    // Three of four fail: were the waits to grow until all went well, the last ones would take seconds each.
    proxy.spoil(() => {
      inserts += 1;
      return inserts % 4 === 0 ? 'none' : { status: 503, body: 'busy' };
    });
    const { told } = await start(spool);
    await emptied(spool);
    const waits = told.map((line) => (JSON.parse(line) as { retryMs?: number }).retryMs ?? 0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(FIRST_RETRY_MS * 4);
    expect(await store.countOf('spans', "TenantId LIKE 'now-and-again-%'")).toBe(8);
  });
});
