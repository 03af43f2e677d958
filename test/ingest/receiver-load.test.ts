import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INGEST_KEY, IngestBench } from '../support/ingest-bench.ts';
import { tinyMessageBombs } from '../support/otlp-bombs.ts';
import { encodeTraceRequest, spansOf } from '../support/otlp-proto.ts';
import { fullSpan, sampleRequest, sampleSpan } from '../support/otlp-samples.ts';

let bench: IngestBench;

beforeEach(async () => {
  bench = new IngestBench();
  await bench.start({ TENANTRY_MAX_BODY_BYTES: String(5 * 1024 * 1024) });
});

afterEach(() => bench.end());

const good = () => encodeTraceRequest(sampleRequest([fullSpan()]));

/** Alive, takes a good request, and that is all that was stored. */
async function expectOnlyAGoodOneStored(): Promise<void> {
  expect(await bench.post(good())).toMatchObject({ status: 200 });
  expect(await bench.stored()).toHaveLength(1);
}

describe('bombs', () => {
  it('of tiny messages are refused', async () => {
    for (const [kind, bomb] of tinyMessageBombs()) {
      const answer = await bench.post(bomb);
      expect([answer.status, answer.message], kind).toEqual([400, expect.stringContaining('more than')]);
    }
    await expectOnlyAGoodOneStored();
  });

  it('of gzip cost no memory, twenty at a time', async () => {
    const inflatedBytes = 256 * 1024 * 1024;
    const bomb = gzipSync(Buffer.alloc(inflatedBytes));
    const gzip = { 'content-encoding': 'gzip' };
    await bench.post(bomb, gzip);
    const before = process.memoryUsage().rss;
    let peak = before;
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => bench.post(bomb, gzip)));
      expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(413));
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    // Twenty bodies at the limit of 5 MiB may be in memory, and freed pages stay with the process for a while; inflating
    // even one of the sixty bombs whole would show.
    expect(peak - before).toBeLessThan(inflatedBytes);
    await expectOnlyAGoodOneStored();
  });
});

describe('pages', () => {
  it('tell health and figures', async () => {
    const none = new Uint8Array(0);
    await bench.post(encodeTraceRequest(sampleRequest(3)));
    await bench.post(Buffer.from('x'));
    const health = await bench.send('GET', '/healthz', none);
    expect(JSON.parse(health.body.toString())).toEqual({ status: 'ok', accepting: true, grpcPort: bench.grpcPort });
    const text = (await bench.send('GET', '/metrics', none)).body.toString();
    expect(text).toMatch(/^tenantry_ingest_spans_accepted_total 3$/m);
    expect(text).toMatch(
      /^tenantry_ingest_requests_total\{signal="traces",status="200",reason="ok",transport="http\/protobuf"\} 1$/m,
    );
    expect(text).toMatch(/^tenantry_ingest_rejected_total\{reason="OTLP_MALFORMED"\} 1$/m);
    expect(text).toMatch(/^tenantry_ingest_spool_open_bytes [1-9]\d+$/m);
    expect(text).toMatch(/^tenantry_ingest_fsync_seconds_count 1$/m);
    expect(text).toMatch(/^tenantry_ingest_bytes_in_work 0$/m);
  });
});

describe('the log', () => {
  it('holds neither keys nor attribute values', async () => {
    await bench.post(
      encodeTraceRequest(
        sampleRequest([sampleSpan('n', { attributes: [{ key: 'secret', value: { string_value: 'hush' } }] })]),
      ),
    );
    await bench.post(Buffer.from('hush'));
    await bench.post(good(), { authorization: 'Bearer wrong-key-hush' });
    await bench.stored();
    expect(bench.logLines.length).toBeGreaterThan(2);
    expect(bench.logLines.join('')).not.toMatch(new RegExp(`hush|${INGEST_KEY}`));
  });
});

describe('many at once', () => {
  it('are all stored exactly once, with fewer fsyncs than requests', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `span ${index}`);
    const answers = await Promise.all(
      names.map((name) =>
        bench.post(gzipSync(encodeTraceRequest(sampleRequest([sampleSpan(name)]))), { 'content-encoding': 'gzip' }),
      ),
    );
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    const figures = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
    expect(Number(/fsync_seconds_count (\d+)/.exec(figures)?.[1])).toBeLessThan(names.length);
    const stored = (await bench.stored()).flatMap((record) => spansOf(record.request)).map((span) => span.name);
    expect(stored.sort()).toEqual(names.sort());
  });
});
