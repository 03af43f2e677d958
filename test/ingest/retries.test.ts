import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IngestBench } from '../support/ingest-bench.ts';
import { requestNamed } from '../support/ingest-spool.ts';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { sampleRequest } from '../support/otlp-samples.ts';
import { sealedRecords } from '../support/otlp-segment.ts';

let bench: IngestBench;

beforeEach(() => {
  bench = new IngestBench();
});

afterEach(() => bench.end());

async function recognized(): Promise<number> {
  const text = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
  const lines = text.split('\n').filter((line) => line.startsWith('tenantry_ingest_retries_recognized_total{'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('a request that is sent again', () => {
  it('is answered as the first time and stored once, compressed or not', async () => {
    await bench.start();
    const body = encodeTraceRequest(sampleRequest(3));
    const first = await bench.post(body);
    const again = await bench.post(body);
    const compressed = await bench.post(gzipSync(body), { 'content-encoding': 'gzip' });
    expect([first, again, compressed].map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([again.body, compressed.body]).toEqual([first.body, first.body]);
    expect((await bench.post(encodeTraceRequest(sampleRequest(3)))).status).toBe(200);
    expect(await recognized()).toBe(2);
    expect(await bench.stored()).toHaveLength(2);
  });

  it('is stored once when many send it at once', async () => {
    await bench.start();
    const body = encodeTraceRequest(sampleRequest(3));
    const answers = await Promise.all(Array.from({ length: 20 }, () => bench.post(body)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await recognized()).toBe(19);
    expect(await bench.stored()).toHaveLength(1);
  });

  it('is known to the next process, of metrics too', async () => {
    const [spans, points] = [encodeTraceRequest(sampleRequest(3)), requestNamed('a metric', 'metrics')];
    const sendBoth = async () => [
      (await bench.post(spans)).status,
      (await bench.send('POST', '/v1/metrics', points)).status,
    ];
    await bench.start();
    await sendBoth();
    await bench.stop();
    await bench.start();
    expect(await sendBoth()).toEqual([200, 200]);
    expect(await recognized()).toBe(2);
    expect(await bench.stored()).toHaveLength(1);
    expect(sealedRecords(bench.dir.spool, 'metrics')).toHaveLength(1);
  });

  it('is another request when another key sends it', async () => {
    await bench.start();
    const body = encodeTraceRequest(sampleRequest(1));
    const other = { authorization: 'Bearer another-ingest-key-0123456789' };
    await bench.post(body, other);
    await bench.publishKey('another-ingest-key-0123456789', 'acme');
    await bench.post(body);
    await expect.poll(async () => (await bench.post(body, other)).status).toBe(200);
    expect((await bench.stored()).map(({ keyTenant }) => keyTenant)).toEqual([undefined, 'acme']);
  });

  it('is refused again when it was refused, and taken once it is good', async () => {
    await bench.start();
    const garbage = Buffer.from('not a request');
    expect([(await bench.post(garbage)).status, (await bench.post(garbage)).status]).toEqual([400, 400]);
    expect(await recognized()).toBe(0);
  });

  it('is stored again where the window is 0', async () => {
    await bench.start({ TENANTRY_RETRY_WINDOW_SECONDS: '0' });
    const body = encodeTraceRequest(sampleRequest(1));
    await bench.post(body);
    await bench.post(body);
    expect(await recognized()).toBe(0);
    expect(await bench.stored()).toHaveLength(2);
  });
});
