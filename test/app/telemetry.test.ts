import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportDelay } from '../../src/aggregate/queries/across-tenants/export-delay.ts';
import { firstServices } from '../../src/aggregate/queries/across-tenants/first-services.ts';
import { servicesSeen } from '../../src/aggregate/queries/across-tenants/services-seen.ts';
import { setAside } from '../../src/aggregate/queries/across-tenants/set-aside.ts';
import { attributionDesk } from '../../src/app/attribution.ts';
import { RunLog } from '../../src/app/detector-runs.ts';
import { IngestHistory } from '../../src/app/ingest-health-history.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const MINUTE = 60_000;
const NOW = Math.floor(Date.now() / MINUTE) * MINUTE;
let store: TestClickHouse;

/** A span that ended 250 ms before it was received. */
function span(tenant: string | undefined, route: string, changes: object = {}) {
  const marks = tenant === undefined ? {} : { tenant_id: tenant, 'tenant_id.source': 'jwt' };
  const attributes = { ...marks, 'http.request.method': 'GET', 'http.route': route };
  return otlpSpan({ name: `GET ${route}`, kind: 2, start: NOW - 2 * MINUTE, durationMs: 10, attributes, ...changes });
}

beforeAll(async () => {
  store = await startTestClickHouse();
  const shop = [
    ...Array.from({ length: 6 }, () => span('acme', '/orders')),
    ...Array.from({ length: 3 }, () => span(undefined, '/health')),
    span(undefined, '/login'),
  ];
  const receivedAt = NOW - 2 * MINUTE + 260;
  const bad = span('acme', '/old', { start: NOW - 90 * 24 * 3_600_000 });
  const request = [
    otlpRequest(shop, { 'service.name': 'shop' }),
    otlpRequest([span('bolt', '/jobs'), bad], { 'service.name': 'jobs' }),
  ];
  await store.insert(segmentOf(request, { receivedAt }), 'telemetry-1');
});
afterAll(() => store.stop());

describe('questions about telemetry, to the real engine', () => {
  it('tell how much of each service names its tenant, how it was found, and where not', async () => {
    const window = { from: NOW - 60 * MINUTE, to: NOW + MINUTE };
    const { services } = await attributionDesk(store.clickhouse).look(window, 60);
    expect(services).toEqual([
      {
        ...{ service: 'shop', spans: 10, attributed: 6, adopted: 0, waiting: 0 },
        steps: [{ at: NOW - 2 * MINUTE, spans: 10, attributed: 6, adopted: 0 }],
        sources: [
          { source: 'jwt', spans: 6 },
          { source: null, spans: 4 },
        ],
        bareRoutes: [
          { route: 'GET /health', requests: 3 },
          { route: 'GET /login', requests: 1 },
        ],
      },
      expect.objectContaining({ service: 'jobs', spans: 1, attributed: 1, bareRoutes: [] }),
    ]);
    const hours = await attributionDesk(store.clickhouse).look(
      { from: NOW - 48 * 60 * MINUTE, to: NOW + MINUTE },
      3_600,
    );
    expect(hours.services.map(({ spans }) => spans)).toEqual([10, 1]);
  });

  it('tell who was heard of, how late spans come, and what was set aside', async () => {
    const seen = await store.clickhouse.rows(servicesSeen(NOW, 10));
    expect(seen).toMatchObject([
      { service: 'shop', at: NOW / 1_000 - 120, spans: expect.anything() },
      { service: 'jobs', at: NOW / 1_000 - 120 },
    ]);
    const first = await store.clickhouse.rows<{
      service: string;
      spans: unknown;
      attributed: unknown;
      example: string;
    }>(firstServices(NOW, 10));
    expect(first.map((row) => [row.service, Number(row.spans), Number(row.attributed), row.example])).toEqual([
      ['shop', 10, 6, 'acme'],
      ['jobs', 1, 1, 'bolt'],
    ]);
    const [delay] = await store.clickhouse.rows<{ p50_ms: number; p99_ms: number }>(exportDelay(NOW));
    expect(delay?.p50_ms).toBeCloseTo(250, 3);
    const aside = await store.clickhouse.rows(setAside({ from: NOW - 60 * MINUTE, to: NOW + MINUTE }, 10));
    expect(aside).toMatchObject([
      { kind: 'spans', service: 'jobs', example: 'GET /old', reason: expect.stringMatching(/./) },
    ]);
  });
});

describe('RunLog', () => {
  it('keeps what each run came to, counts what was skipped and failed, and passes errors on', async () => {
    let at = 1_000;
    const log = new RunLog(
      () => at,
      () => at,
    );
    const outcomes: (Error | string | null)[] = [
      null,
      'the data is old',
      new TenantryError('STORE_UNAVAILABLE', 'The store is down.'),
      new Error('secret text'),
    ];
    let now: (typeof outcomes)[number] = null;
    const run = log.watched(
      ...['owner-rule' as const, 5_000],
      async () => {
        at += 30;
        if (now instanceof Error) throw now;
      },
      () => ({ leader: true, skipped: now as string | null, series: 7, dataUntil: 900, findings: 1 }),
    );
    for (now of outcomes) {
      if (now instanceof Error) await expect(run()).rejects.toBe(now);
      else await run();
    }
    const [loop] = log.read();
    expect(loop).toMatchObject({ name: 'owner-rule', everyMs: 5_000, leader: true, total: 4, skipped: 1, failed: 2 });
    expect(loop?.runs.map(({ failure, skipped }) => failure ?? skipped)).toEqual([
      ...['The run failed; the log says why.', 'The store is down.', 'the data is old', null],
    ]);
    expect(loop?.runs[3]).toEqual({
      ...{ startedAt: 1_000, tookMs: 30, series: 7, dataUntil: 900, findings: 1, skipped: null, failure: null },
    });
  });

  it('says that another leads without calling that a run, and forgets the oldest', async () => {
    const log = new RunLog();
    let leader = false;
    const run = log.watched(
      'spend-caps',
      5_000,
      async () => {},
      () => ({ leader }),
    );
    await run();
    expect(log.read()[0]).toMatchObject({ leader: false, total: 0, runs: [] });
    leader = true;
    for (let n = 0; n < 300; n += 1) await run();
    expect(log.read()[0]).toMatchObject({ total: 300, runs: { length: 240 } });
  });
});

describe('IngestHistory', () => {
  const loader = {
    ...{ loadedSegments: 0, waitingSegments: 0, oldestWaitingMs: 40, lastLoadMs: undefined },
    ...{ trouble: undefined, troubleSince: undefined },
  };
  const intake = (buckets: { at: number; spans: number }[], bytes: number) => ({
    ...{ since: NOW - MINUTE, writtenAt: NOW, buckets: buckets.map((one) => ({ ...one, requests: 1, refused: 2 })) },
    standing: {
      ...{
        startedAt: 0,
        httpPort: 1,
        grpcPort: 2,
        requests: 0,
        spans: 0,
        dataPoints: 0,
        bytes: 0,
        logRecordsRejected: 0,
        retriesRecognized: 0,
      },
      ...{ rejected: {}, keys: [] },
      spool: { bytes, maxBytes: 1, sealedSegments: 0, oldestAt: null, refusal: null, tornBytes: 0, corruptBytes: 0 },
    },
  });

  it('keeps the most of the spool in a minute, and completes the counts of a minute once it is over', () => {
    const history = new IngestHistory(NOW);
    history.add(NOW + 20_000, intake([{ at: NOW, spans: 5 }], 900), loader);
    history.add(NOW + 50_000, undefined, loader);
    history.add(
      NOW + 70_000,
      intake(
        [
          { at: NOW, spans: 5 },
          { at: NOW + 50_000, spans: 6 },
        ],
        100,
      ),
      loader,
    );
    expect(history.read().minutes).toEqual([
      { at: NOW, spans: 11, refused: 4, spoolBytes: 900, waitingMs: 40 },
      { at: NOW + MINUTE, spans: 0, refused: 0, spoolBytes: 100, waitingMs: 40 },
    ]);
  });

  it('knows nothing of minutes without figures, and forgets after six hours', () => {
    const history = new IngestHistory(NOW);
    history.add(NOW + 5_000, undefined, loader);
    expect(history.read().minutes).toEqual([{ at: NOW, spans: null, refused: null, spoolBytes: null, waitingMs: 40 }]);
    history.add(NOW + 360 * MINUTE + 5_000, undefined, loader);
    expect(history.read().minutes.map(({ at }) => at)).toEqual([NOW + 360 * MINUTE]);
  });
});
