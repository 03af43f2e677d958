import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INGEST_KEY, IngestBench } from '../support/ingest-bench.ts';
import { decodeRpcStatus, decodeTraceResponse, encodeTraceRequest } from '../support/otlp-proto.ts';
import { fullSpan, sampleRequest, sampleSpan } from '../support/otlp-samples.ts';

const MAX_BODY_BYTES = 5 * 1024 * 1024;

let bench: IngestBench;

beforeEach(async () => {
  bench = new IngestBench();
  await bench.start({ TENANTRY_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
});

afterEach(() => bench.end());

const good = () => encodeTraceRequest(sampleRequest([fullSpan()]));

/** After whatever went wrong: alive, takes a good request, and that is all that was stored. */
async function expectOnlyAGoodOneStored(): Promise<void> {
  const bytes = good();
  expect(await bench.post(bytes)).toMatchObject({ status: 200 });
  const stored = await bench.stored();
  expect(stored).toHaveLength(1);
  expect(stored[0]?.message.subarray(0, bytes.length).equals(Buffer.from(bytes))).toBe(true);
}

describe('a good request', () => {
  it.each([
    ['as it is', (bytes: Uint8Array) => bytes, {}],
    ['with identity encoding', (bytes: Uint8Array) => bytes, { 'content-encoding': 'identity' }],
    ['gzipped', (bytes: Uint8Array) => gzipSync(bytes), { 'content-encoding': 'gzip' }],
    [
      'in two gzip members',
      (bytes: Uint8Array) => Buffer.concat([gzipSync(bytes.subarray(0, 50)), gzipSync(bytes.subarray(50))]),
      { 'content-encoding': 'GZIP' },
    ],
    ['with a charset', (bytes: Uint8Array) => bytes, { 'content-type': 'Application/X-Protobuf; charset=utf-8' }],
    ['with the key header', (bytes: Uint8Array) => bytes, { authorization: undefined, 'x-tenantry-key': INGEST_KEY }],
    ['in chunks', (bytes: Uint8Array) => bytes, { 'transfer-encoding': 'chunked' }],
  ])('is stored byte for byte when sent %s', async (_how, encode, headers) => {
    const bytes = good();
    const before = Date.now();
    const answer = await bench.post(encode(bytes), headers);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/x-protobuf');
    expect(decodeTraceResponse(answer.body)).toEqual({});
    const [record] = await bench.stored();
    expect(record?.message.subarray(0, bytes.length).equals(Buffer.from(bytes))).toBe(true);
    expect(record).toMatchObject({ keyId: 'bootstrap', keyTenant: undefined, crcMatches: true });
    const receivedAtMs = Number(BigInt(record?.receivedAtNs ?? 0) / 1_000_000n);
    expect(receivedAtMs).toBeGreaterThanOrEqual(before);
    expect(receivedAtMs).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['an empty body', new Uint8Array(0), {}],
    ['an empty body called gzip', new Uint8Array(0), { 'content-encoding': 'gzip' }],
    ['a gzipped empty body', gzipSync(''), { 'content-encoding': 'gzip' }],
    ['a resource without spans', encodeTraceRequest({ resource_spans: [{}] }), {}],
  ])('with nothing in it succeeds and stores nothing: %s', async (_what, body, headers) => {
    expect(await bench.post(body, headers)).toMatchObject({ status: 200 });
    await expectOnlyAGoodOneStored();
  });

  it('may be as large as the limit', async () => {
    const empty = encodeTraceRequest(sampleRequest([sampleSpan('')])).length;
    const bytes = encodeTraceRequest(sampleRequest([sampleSpan('x'.repeat(MAX_BODY_BYTES - empty - 200))]));
    expect(bytes.length).toBeGreaterThan(MAX_BODY_BYTES - 300);
    expect(await bench.post(bytes)).toMatchObject({ status: 200 });
  });
});

describe('a bad request', () => {
  const bytes = good();
  const gzipped = gzipSync(bytes);
  const gzip = { 'content-encoding': 'gzip' };
  const zeros = Buffer.alloc(MAX_BODY_BYTES + 1);
  const noise = Buffer.from(Uint8Array.from({ length: MAX_BODY_BYTES + 1 }, (_, index) => (index * 7_919) >> 5));

  it.each<readonly [string, Uint8Array, Record<string, string | undefined>, number, string]>([
    ['a truncated message', bytes.subarray(0, -1), {}, 400, 'not an ExportTraceServiceRequest'],
    [
      'junk behind the message',
      Buffer.concat([bytes, Buffer.from('junk')]),
      {},
      400,
      'not an ExportTraceServiceRequest',
    ],
    ['JSON under the name of protobuf', Buffer.from('{"resourceSpans":[]}'), {}, 400, 'Send the protobuf encoding'],
    ['gzip without saying so', gzipped, {}, 400, 'not an ExportTraceServiceRequest'],
    ['plain bytes called gzip', bytes, gzip, 400, 'the gzip stream is broken'],
    ['a gzip stream that is cut off', gzipped.subarray(0, -9), gzip, 400, 'the gzip stream is broken'],
    [
      'a gzip stream with a wrong checksum',
      flipped(gzipped, gzipped.length - 6),
      gzip,
      400,
      'the gzip stream is broken',
    ],
    [
      'junk behind the gzip stream',
      Buffer.concat([gzipped, Buffer.from('junk')]),
      gzip,
      400,
      'the gzip stream is broken',
    ],
    ['zeros behind the gzip stream', Buffer.concat([gzipped, Buffer.alloc(9)]), gzip, 400, 'bytes follow its end'],
    ['gzip in gzip', gzipSync(gzipped), gzip, 400, 'not an ExportTraceServiceRequest'],
    ['two layers of encoding', gzipSync(gzipped), { 'content-encoding': 'gzip, gzip' }, 415, 'gzip or none'],
    ['an unknown encoding', bytes, { 'content-encoding': 'br' }, 415, 'gzip or none'],
    ['JSON by another name', Buffer.from('{}'), { 'content-type': 'text/plain' }, 415, 'http/json'],
    ['no content type', bytes, { 'content-type': undefined }, 415, 'http/protobuf'],
    ['no key', bytes, { authorization: undefined }, 401, 'no valid ingest key'],
    [
      'a key that may be good once the list is here',
      bytes,
      { authorization: 'Bearer other' },
      503,
      'has not arrived yet',
    ],
    ['a body over the limit', zeros, {}, 413, `exceeds ${MAX_BODY_BYTES} bytes`],
    [
      'a body over the limit in chunks',
      zeros,
      { 'transfer-encoding': 'chunked' },
      413,
      `exceeds ${MAX_BODY_BYTES} bytes`,
    ],
    ['a body over the limit once decompressed', gzipSync(noise), gzip, 413, `exceeds ${MAX_BODY_BYTES} bytes`],
    ['a small gzip bomb', gzipSync(zeros), gzip, 413, 'expands to more than'],
  ])('is refused with a clear message and stores nothing: %s', async (_what, body, headers, status, message) => {
    const answer = await bench.post(body, headers);
    expect([answer.status, answer.message]).toEqual([status, expect.stringContaining(message)]);
    expect(answer.headers['content-type']).toBe('application/x-protobuf');
    const retryAfter = answer.headers['retry-after'];
    if (status === 503) expect(['1', '2', '3', '4', '5']).toContain(retryAfter);
    else expect(retryAfter).toBeUndefined();
    await expectOnlyAGoodOneStored();
  });

  function flipped(buffer: Buffer, at: number): Buffer {
    const copy = Buffer.from(buffer);
    copy[at] = (copy[at] ?? 0) ^ 0xff;
    return copy;
  }

  it('is answered in JSON when it came in JSON', async () => {
    const answer = await bench.post(Buffer.from('{}'), {
      'content-type': 'application/json',
      authorization: 'Bearer x',
    });
    expect(answer.status).toBe(503);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      code: 14,
      message: expect.stringContaining('list of keys'),
    });
  });

  it.each([
    ['GET', '/v1/traces', 405, 'Use POST'],
    ['PUT', '/v1/traces', 405, 'Use POST'],
    ['GET', '/v1/metrics', 405, 'Use POST'],
    ['GET', '/v1/logs', 405, 'Use POST'],
    ['POST', '/v1/profiles', 404, '/v1/metrics'],
    ['POST', '/', 404, '/v1/traces'],
    ['POST', '/v1/traces/v1/traces', 404, '/v1/traces'],
    ['POST', '/healthz', 405, 'Use GET'],
  ])('%s %s is answered %i', async (method, path, status, message) => {
    const answer = await bench.send(method, path, new Uint8Array(0));
    expect([answer.status, answer.message]).toEqual([status, expect.stringContaining(message)]);
    expect(answer.headers['allow']).toBe(
      status === 405 ? message.replace('Use ', '').replace('GET', 'GET, HEAD') : undefined,
    );
  });

  it.each([
    [
      'both lengths',
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['headers without end', `POST / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('of broken HTTP gets a status, and its connection is closed: %s', async (_what, text, status) => {
    const answer = await raw(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    expect(decodeRpcStatus(Buffer.from(body, 'latin1')).message).not.toBe('');
    await expectOnlyAGoodOneStored();
  });

  function raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(bench.port, '127.0.0.1', () => socket.write(text, 'latin1'));
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        answer += chunk;
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
    });
  }

  it('gets to read its answer even when it listens only after it has sent everything', async () => {
    const body = Buffer.alloc(3 * MAX_BODY_BYTES);
    const head = `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nAuthorization: Bearer ${INGEST_KEY}\r\n`;
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(bench.port, '127.0.0.1', () => {
        socket.write(`${head}Content-Length: ${body.length}\r\n\r\n`);
        socket.write(body, (error) => {
          if (error) reject(error);
          else socket.once('data', (chunk) => resolve(String(chunk)));
        });
      });
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    await expectOnlyAGoodOneStored();
  });

  it('that is broken off half way stores nothing', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(bench.port, '127.0.0.1', () => {
        const head = `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: ${bytes.length}\r\n`;
        socket.write(`${head}Authorization: Bearer ${INGEST_KEY}\r\n\r\n`);
        socket.write(bytes.subarray(0, 100), () => socket.destroy());
      });
      socket.on('close', () => resolve());
    });
    await expectOnlyAGoodOneStored();
  });
});
