/** OTLP/gRPC at the receiver's door, called by the official client; what goes beyond a proper call goes over raw HTTP/2. */
import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INGEST_KEY, IngestBench } from '../support/ingest-bench.ts';
import { frame, GrpcBench, METHODS, rawCall } from '../support/ingest-grpc.ts';
import { tinyMessageBombs } from '../support/otlp-bombs.ts';
import { decodeLogsResponse, encodeLogsRequest } from '../support/otlp-metrics-proto.ts';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { fullSpan, sampleRequest, sampleSpan } from '../support/otlp-samples.ts';

const MAX_BODY_BYTES = 2 * 1024 * 1024;

let bench: IngestBench;
let grpc: GrpcBench;

beforeEach(async () => {
  bench = new IngestBench();
  await bench.start({ TENANTRY_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
  grpc = new GrpcBench(bench.grpcPort);
});

afterEach(async () => {
  grpc.end();
  await bench.end();
});

const good = () => encodeTraceRequest(sampleRequest([fullSpan()]));

/** After whatever went wrong: alive, takes a good request, and that is all that was stored. */
async function expectOnlyAGoodOneStored(): Promise<void> {
  const bytes = good();
  expect(await grpc.call(METHODS.traces, bytes)).toMatchObject({ code: status.OK });
  grpc.end();
  const stored = await bench.stored();
  expect(stored).toHaveLength(1);
  expect(stored[0]?.message.subarray(0, bytes.length).equals(Buffer.from(bytes))).toBe(true);
}

describe('a good call', () => {
  it.each(['identity', 'gzip', 'deflate'] as const)('is stored byte for byte when sent as %s', async (compression) => {
    const bytes = good();
    expect(await grpc.call(METHODS.traces, bytes, { compression })).toEqual({
      ...{ code: status.OK, message: '', details: undefined, response: Buffer.alloc(0) },
    });
    grpc.end();
    const [record, ...others] = await bench.stored();
    expect(others).toEqual([]);
    expect(record?.message.subarray(0, bytes.length).equals(Buffer.from(bytes))).toBe(true);
    expect(record).toMatchObject({ keyId: 'bootstrap', crcMatches: true });
  });

  it('takes the key from either header', async () => {
    const metadata = { 'x-tenantry-key': INGEST_KEY };
    expect(await grpc.call(METHODS.traces, good(), { metadata })).toMatchObject({ code: status.OK });
  });

  it('of nothing succeeds and stores nothing', async () => {
    expect(await grpc.call(METHODS.traces, new Uint8Array(0))).toMatchObject({ code: status.OK });
    await expectOnlyAGoodOneStored();
  });

  it('may be as large as the limit', async () => {
    const empty = encodeTraceRequest(sampleRequest([sampleSpan('')])).length;
    const bytes = encodeTraceRequest(sampleRequest([sampleSpan('x'.repeat(MAX_BODY_BYTES - empty - 200))]));
    expect(await grpc.call(METHODS.traces, bytes)).toMatchObject({ code: status.OK });
  });

  it('with logs is answered with a partial success that says how many were turned down', async () => {
    const records = Array.from({ length: 7 }, () => ({ body: { string_value: 'x' } }));
    const bytes = encodeLogsRequest({ resource_logs: [{ scope_logs: [{ log_records: records }] }] });
    const { code, response } = await grpc.call(METHODS.logs, bytes);
    expect([code, decodeLogsResponse(response)]).toEqual([
      status.OK,
      { partial_success: { rejected_log_records: '7', error_message: expect.stringContaining('Logs are not kept') } },
    ]);
  });
});

describe('a bad call', () => {
  const bytes = good();
  const zeros = Buffer.alloc(MAX_BODY_BYTES + 1);

  it.each<readonly [string, Uint8Array, number, string, Record<string, string>]>([
    ['cut off', frame(bytes.subarray(0, -1)), status.INVALID_ARGUMENT, 'not an ExportTraceServiceRequest', {}],
    ['of less than it says', frame(bytes, 0, bytes.length + 1), status.INVALID_ARGUMENT, 'ends before its message', {}],
    ['without a message', Buffer.alloc(0), status.INVALID_ARGUMENT, 'ends before its message', {}],
    ['of two messages', Buffer.concat([frame(bytes), frame(bytes)]), status.INVALID_ARGUMENT, 'more than one', {}],
    ['with a strange flag', frame(bytes, 7), status.INVALID_ARGUMENT, 'does not begin', {}],
    ['marked as compressed without saying how', frame(gzipSync(bytes), 1), status.INVALID_ARGUMENT, 'how', {}],
    [
      'of broken gzip',
      frame(gzipSync(bytes).subarray(0, -9), 1),
      ...([status.INVALID_ARGUMENT, 'the gzip stream is broken'] as const),
      { 'grpc-encoding': 'gzip' },
    ],
    [
      'of an unknown encoding',
      frame(bytes, 1),
      ...([status.UNIMPLEMENTED, 'gzip or none'] as const),
      { 'grpc-encoding': 'snappy' },
    ],
    ['over the limit', frame(zeros), status.RESOURCE_EXHAUSTED, `exceeds ${MAX_BODY_BYTES} bytes`, {}],
    [
      'that is a bomb',
      frame(gzipSync(zeros), 1),
      ...([status.RESOURCE_EXHAUSTED, 'expands to more than 200 times'] as const),
      { 'grpc-encoding': 'gzip' },
    ],
    ['with a timeout that is none', frame(bytes), status.INVALID_ARGUMENT, 'grpc-timeout', { 'grpc-timeout': 'soon' }],
    ['of no known method', frame(bytes), status.UNIMPLEMENTED, 'TraceService', { ':path': '/a.B/Export' }],
    ['of HTTP', bytes, status.UNIMPLEMENTED, 'TraceService', { ':path': '/v1/traces' }],
  ])('is refused with a clear status and stores nothing: %s', async (_what, body, code, message, headers) => {
    const answer = await rawCall(bench.grpcPort, body, headers);
    expect(answer).toEqual({ httpStatus: 200, code, message: expect.stringContaining(message) });
    await expectOnlyAGoodOneStored();
  });

  it.each([
    ['another content type', { 'content-type': 'application/x-protobuf' }, 415],
    ['JSON in a gRPC call', { 'content-type': 'application/grpc+json' }, 415],
    ['another verb', { ':method': 'PUT' }, 405],
  ])('that is none at all is answered in HTTP: %s', async (_what, headers, httpStatus) => {
    expect(await rawCall(bench.grpcPort, Buffer.alloc(0), headers)).toMatchObject({ httpStatus });
    await expectOnlyAGoodOneStored();
  });

  it('that is a bomb of tiny messages is refused as over HTTP', async () => {
    for (const [name, bomb] of tinyMessageBombs()) {
      const half = bomb.subarray(0, MAX_BODY_BYTES - 1_000);
      expect([name, (await grpc.call(METHODS.traces, half, { compression: 'gzip' })).code]).not.toEqual([
        name,
        status.OK,
      ]);
    }
    await expectOnlyAGoodOneStored();
  });

  it('says what is wrong in the details as well', async () => {
    const { details } = await grpc.call(METHODS.traces, bytes.subarray(0, -1));
    expect(details).toEqual({
      ...{ code: status.INVALID_ARGUMENT, message: expect.stringContaining('not an Export'), retryAfter: undefined },
      violations: [{ field: '', description: expect.stringContaining('bytes where') }],
    });
  });
});

describe('many bombs at once', () => {
  it('are stopped inside the memory budget, one after the other', async () => {
    // Just below what counts as a bomb, so that each is decompressed to the limit of its size.
    const dense = Buffer.alloc(
      MAX_BODY_BYTES + 1,
      Buffer.from(Array.from({ length: 1_500 }, (_, at) => (at * 31) % 251)),
    );
    const bomb = frame(gzipSync(dense), 1);
    const before = process.memoryUsage.rss();
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`);
    const headers = {
      ...{ ':method': 'POST', ':path': METHODS.traces, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' },
      ...{ te: 'trailers', authorization: `Bearer ${INGEST_KEY}` },
    };
    const codes = await Promise.all(
      Array.from({ length: 120 }, () => {
        const stream = session.request(headers);
        return new Promise<string>((resolve, reject) => {
          stream.on('response', (fields) => resolve(String(fields['grpc-status'])));
          stream.on('error', reject);
          stream.resume();
          stream.end(bomb);
        });
      }),
    );
    session.destroy();
    expect(new Set(codes)).toEqual(new Set([String(status.RESOURCE_EXHAUSTED)]));
    // 120 at once would be 240 MB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024);
    await expectOnlyAGoodOneStored();
  });
});

describe('a call without a key', () => {
  it('is refused before a byte of its message is read', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`);
    const headers = { ':method': 'POST', ':path': METHODS.traces, 'content-type': 'application/grpc' };
    const stream = session.request(headers);
    const code = await new Promise((resolve) => stream.on('response', (fields) => resolve(fields['grpc-status'])));
    session.destroy();
    expect(code).toBe(String(status.UNAUTHENTICATED));
    await expectOnlyAGoodOneStored();
  });

  it('learns nothing about which keys there are', async () => {
    // Until the list of keys is here any key may be good; a call without one is refused for good.
    const { code, details } = await grpc.call(METHODS.traces, good(), { metadata: { authorization: 'Bearer other' } });
    expect([code, details?.retryAfter]).toEqual([status.UNAVAILABLE, expect.any(Number)]);
    const none = await grpc.call(METHODS.traces, good(), { metadata: {} });
    expect([none.code, none.details?.retryAfter]).toEqual([status.UNAUTHENTICATED, undefined]);
  });
});

describe('a call that ends early', () => {
  it('is answered when its time is over, and its stream is not kept', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`);
    const stream = session.request({
      ...{ ':method': 'POST', ':path': METHODS.traces, 'content-type': 'application/grpc', te: 'trailers' },
      ...{ authorization: `Bearer ${INGEST_KEY}`, 'grpc-timeout': '50m' },
    });
    stream.write(frame(good()).subarray(0, 100));
    const code = await new Promise((resolve) => stream.on('response', (fields) => resolve(fields['grpc-status'])));
    expect(code).toBe(String(status.DEADLINE_EXCEEDED));
    session.destroy();
    await expectOnlyAGoodOneStored();
  });

  it('stores nothing when it is cancelled half way', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`);
    const stream = session.request({
      ...{ ':method': 'POST', ':path': METHODS.traces, 'content-type': 'application/grpc', te: 'trailers' },
      authorization: `Bearer ${INGEST_KEY}`,
    });
    stream.on('error', () => {});
    stream.write(frame(good()).subarray(0, 100));
    await new Promise((resolve) => session.ping(resolve));
    stream.close();
    await new Promise((resolve) => stream.on('close', resolve));
    session.destroy();
    await expectOnlyAGoodOneStored();
  });
});

describe('the connection', () => {
  it('of a client that floods it with pings is cut', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`, { maxOutstandingPings: 1_000 });
    const closed = new Promise<void>((resolve) => session.on('close', () => resolve()));
    session.on('error', () => {});
    await new Promise((resolve) => session.once('connect', resolve));
    for (let count = 0; count < 200; count++) session.ping(() => {});
    await closed;
    await expectOnlyAGoodOneStored();
  });

  it('may carry keepalive pings', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`);
    for (let count = 0; count < 6; count++) await new Promise((resolve) => session.ping(resolve));
    expect(session.destroyed).toBe(false);
    session.destroy();
  });

  it('is told how many calls it may have at a time', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    expect(session.remoteSettings.maxConcurrentStreams).toBe(128);
    session.destroy();
  });
});

describe('stopping', () => {
  it('lets running calls finish and loses nothing that was acknowledged', async () => {
    const answers = Array.from({ length: 60 }, (_, index) =>
      grpc.call(METHODS.traces, encodeTraceRequest(sampleRequest([sampleSpan(`span-${index}`)]))),
    );
    await Promise.race(answers);
    const stored = bench.stored();
    const codes = (await Promise.all(answers)).map(({ code }) => code);
    const acknowledged = codes.flatMap((code, index) => (code === status.OK ? [`span-${index}`] : []));
    grpc.end();
    const names = (await stored).flatMap(({ request }) =>
      (request.resource_spans ?? []).flatMap((resource) =>
        (resource.scope_spans ?? []).flatMap((scope) => (scope.spans ?? []).map(({ name }) => name ?? '')),
      ),
    );
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(names).toEqual(expect.arrayContaining(acknowledged));
    expect(new Set(names).size).toBe(names.length);
    // What was not acknowledged was told to come again.
    expect(codes.filter((code) => code !== status.OK).every((code) => code === status.UNAVAILABLE)).toBe(true);
  });

  it('does not wait for connections that carry nothing', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const closed = new Promise<void>((resolve) => session.on('close', () => resolve()));
    await bench.stop();
    await closed;
  });
});

it('a port that is taken is named with its setting', async () => {
  const second = new IngestBench();
  try {
    await expect(second.start({ TENANTRY_OTLP_GRPC_PORT: String(bench.grpcPort) })).rejects.toMatchObject({
      ...{ code: 'CONFIG_INVALID', hint: expect.stringContaining('TENANTRY_OTLP_GRPC_PORT') },
    });
  } finally {
    await second.end();
  }
});
