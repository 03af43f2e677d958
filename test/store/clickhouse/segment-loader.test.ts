import { EventEmitter, once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SegmentSignal, segmentSuffix } from '../../../src/domain/spool-format.ts';
import type { SegmentInsert } from '../../../src/store/clickhouse/clickhouse.ts';
import { SegmentLoader } from '../../../src/store/clickhouse/segment-loader.ts';
import { startTestClickHouse, type TestClickHouse } from '../../support/embedded-clickhouse.ts';
import { metricsSegmentOf, otlpMetrics, otlpSum } from '../../support/metrics.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const NOW = Date.now();
let store: TestClickHouse;
let spool = '';
let spools = 0;
let loader: SegmentLoader | undefined;
let segments = 0;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(async () => store.stop());
beforeEach(() => {
  spools += 1;
  spool = join(store.folder, `spool-${spools}`);
  for (const folder of ['open', 'sealed']) mkdirSync(join(spool, folder), { recursive: true });
});
afterEach(async () => loader?.stop());

/** Seals a segment the way ingest does: written elsewhere, then renamed into the folder. */
function seal(bytes: Uint8Array, signal: SegmentSignal = 'traces'): string {
  segments += 1;
  const name = `${NOW + segments}-${segments.toString(16).padStart(16, '0')}${segmentSuffix(signal)}`;
  writeFileSync(join(spool, 'open', name), bytes);
  renameSync(join(spool, 'open', name), join(spool, 'sealed', name));
  return name;
}

const requestNamed = (name: string) =>
  otlpRequest([otlpSpan({ name, start: NOW, attributes: { tenant_id: 'loader' } })]);
const segmentNamed = (...names: string[]) => segmentOf(names.map(requestNamed), { receivedAt: NOW });

const metricsNamed = (name: string) =>
  metricsSegmentOf([otlpMetrics([otlpSum(name, 's', [{ at: NOW, value: 1 }])])], { receivedAt: NOW });

async function start(insertSegment?: (segment: SegmentInsert) => Promise<void>): Promise<SegmentLoader> {
  loader = new SegmentLoader({
    spoolFolder: spool,
    clickhouse: {
      insertSegment: insertSegment ?? ((segment) => store.clickhouse.insertSegment(segment)),
      checkSegment: (segment) => store.clickhouse.checkSegment(segment),
    },
    log: pino({ level: 'silent' }),
    firstRetryMs: 20,
  });
  await loader.start();
  return loader;
}

async function spansNamed(pattern: string): Promise<number> {
  const [row] = await store.clickhouse.inspect<{ n: number }>(
    `SELECT count() AS n FROM tenantry.spans WHERE SpanName LIKE '${pattern}'`,
  );
  return row?.n ?? 0;
}

async function pointsNamed(pattern: string): Promise<number> {
  const [row] = await store.clickhouse.inspect<{ n: number }>(
    `SELECT count() AS n FROM tenantry.metric_points WHERE MetricName LIKE '${pattern}'`,
  );
  return row?.n ?? 0;
}

const isEmpty = () => expect(readdirSync(join(spool, 'sealed'))).toEqual([]);
const emptied = () => vi.waitFor(isEmpty, { timeout: 20_000, interval: 20 });

describe('loading', () => {
  it('loads what is there and what comes, in order of age, and deletes it', async () => {
    const order: string[] = [];
    seal(segmentNamed('first'));
    seal(segmentNamed('second'));
    const running = await start(async (segment) => {
      order.push(segment.token);
      await store.clickhouse.insertSegment(segment);
    });
    await emptied();
    seal(segmentNamed('third'));
    await emptied();
    expect(order).toEqual(order.toSorted());
    expect(order).toHaveLength(3);
    expect(await spansNamed('first')).toBe(1);
    expect(await spansNamed('third')).toBe(1);
    expect(running.figures()).toMatchObject({ loadedSegments: 3, waitingSegments: 0, oldestWaitingMs: 0 });
  });

  it('puts each segment where its name says it belongs', async () => {
    seal(segmentNamed('mixed-span'));
    seal(metricsNamed('mixed-metric'), 'metrics');
    seal(segmentNamed('mixed-span'));
    const running = await start();
    await emptied();
    expect(await spansNamed('mixed-span')).toBe(2);
    expect(await pointsNamed('mixed-metric')).toBe(1);
    expect(running.figures()).toMatchObject({ loadedSegments: 3, quarantinedRequests: 0 });
  });

  it('does not touch files that are no segments', async () => {
    writeFileSync(join(spool, 'sealed', 'notes.txt'), 'keep me');
    seal(segmentNamed('beside-notes'));
    await start();
    await vi.waitFor(() => expect(readdirSync(join(spool, 'sealed'))).toEqual(['notes.txt']), { timeout: 10_000 });
  });

  it('counts nothing twice when it dies between the insert and the deletion', async () => {
    const name = seal(segmentNamed('killed-in-between'));
    await store.clickhouse.insertSegment({
      signal: 'traces',
      path: join(spool, 'sealed', name),
      token: name.replace('.otlp', ''),
    });
    await start();
    await emptied();
    expect(await spansNamed('killed-in-between')).toBe(1);
  });
});

describe('trouble', () => {
  it('keeps the segment and tries again when the store fails, even if the insert had happened', async () => {
    let attempts = 0;
    seal(segmentNamed('answer-lost'));
    const running = await start(async (segment) => {
      attempts += 1;
      if (attempts === 1) throw new Error('connect ECONNREFUSED');
      await store.clickhouse.insertSegment(segment);
      if (attempts === 2) throw new Error('socket hang up');
    });
    await vi.waitFor(() => expect(running.figures().trouble).toContain('ECONNREFUSED'), {
      timeout: 5_000,
      interval: 5,
    });
    expect(running.figures()).toMatchObject({ waitingSegments: 1 });
    await emptied();
    expect(attempts).toBe(3);
    expect(await spansNamed('answer-lost')).toBe(1);
    await vi.waitFor(() => expect(running.figures().trouble).toBeUndefined());
  });

  it('loads the rest of a segment whose one request the engine refuses, and says why it was set apart', async () => {
    // A record whose message is cut short inside a nested field: the frame is whole, the protobuf in it is not.
    const broken = Buffer.from([4, 0x0a, 0x7f, 0x01, 0x02]);
    const name = seal(
      Buffer.concat([segmentNamed('good-1', 'good-2'), broken, segmentNamed('good-3', 'good-4', 'good-5')]),
    );
    const running = await start();
    await emptied();
    expect(await spansNamed('good-%')).toBe(5);
    expect(running.figures().quarantinedRequests).toBe(1);
    const kept = readdirSync(join(spool, 'quarantine'));
    const id = `${name.replace('.otlp', '')}_2`;
    expect(kept.toSorted()).toEqual([`${id}.json`, `${id}.otlp`]);
    expect(readFileSync(join(spool, 'quarantine', `${id}.otlp`))).toEqual(broken);
    expect(JSON.parse(readFileSync(join(spool, 'quarantine', `${id}.json`), 'utf8'))).toMatchObject({
      reason: expect.stringMatching(/Code: \d+/),
    });
  });

  it('does the same for metrics', async () => {
    const broken = Buffer.from([4, 0x0a, 0x7f, 0x01, 0x02]);
    const contents = Buffer.concat([metricsNamed('fine-1'), broken, metricsNamed('fine-2'), metricsNamed('fine-3')]);
    const name = seal(contents, 'metrics');
    const running = await start();
    await emptied();
    expect(await pointsNamed('fine-%')).toBe(3);
    expect(running.figures().quarantinedRequests).toBe(1);
    const id = `${name.replace('.otlp', '')}_1`;
    expect(readdirSync(join(spool, 'quarantine')).toSorted()).toEqual([`${id}.json`, `${id}.otlp`]);
  });

  it('repeats a bisection that was cut short without loading a part twice', async () => {
    const broken = Buffer.from([4, 0x0a, 0x7f, 0x01, 0x02]);
    seal(Buffer.concat([segmentNamed('again-1'), broken, segmentNamed('again-2', 'again-3')]));
    let inserts = 0;
    await start(async (segment) => {
      inserts += 1;
      await store.clickhouse.insertSegment(segment);
      if (inserts < 6) throw new Error('answer lost');
    });
    await emptied();
    expect(await spansNamed('again-%')).toBe(3);
  });

  it('stops after the segment in hand and leaves the others', async () => {
    seal(segmentNamed('in-hand'));
    seal(segmentNamed('left'));
    const gate = new EventEmitter();
    const entered = once(gate, 'entered');
    const leave = once(gate, 'leave');
    const running = await start(async (segment) => {
      gate.emit('entered');
      await leave;
      await store.clickhouse.insertSegment(segment);
    });
    await entered;
    const stopped = running.stop();
    gate.emit('leave');
    await stopped;
    expect(readdirSync(join(spool, 'sealed'))).toHaveLength(1);
    expect(existsSync(join(spool, 'quarantine'))).toBe(false);
  });
});
