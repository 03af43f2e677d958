/** OTLP/gRPC at the receiver's door, called by the official client; what goes beyond a proper call goes over raw HTTP/2. */
import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counters } from '../../ingest/counters.ts';
import { GrpcReceiver } from '../../ingest/grpc-receiver.ts';
import { MemoryBudget } from '../../ingest/memory-budget.ts';
import { BodyReader } from '../../ingest/request-body.ts';
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
  it('are decompressed a few at a time, inside the memory budget', async () => {
    let peak = 0;
    class WatchedBudget extends MemoryBudget {
      override lease(owner: string) {
        const lease = super.lease(owner);
        const grow = (bytes: number) => {
          lease.grow(bytes);
          peak = Math.max(peak, this.used);
        };
        return { ...lease, grow };
      }
    }
    const receiver = new GrpcReceiver({
      ...{ counters: new Counters(), log: pino({ level: 'silent' }), discardBytes: MAX_BODY_BYTES },
      pipeline: {
        keys: { verify: () => ({ keyId: 'k', tenantId: undefined, service: undefined }) },
        bodies: new BodyReader(MAX_BODY_BYTES, new WatchedBudget(1024 * MAX_BODY_BYTES)),
        door: { take: () => Promise.reject(new Error('a bomb came through')) },
      },
    });
    // Just below what counts as a bomb, so that each is decompressed up to the limit.
    const dense = Buffer.alloc(
      MAX_BODY_BYTES + 1,
      Buffer.from(Array.from({ length: 1_500 }, (_, at) => (at * 31) % 251)),
    );
    const bomb = gzipSync(dense);
    const client = new GrpcBench(await receiver.listen('127.0.0.1', 0));
    const calls = Array.from({ length: 40 }, () => client.call(METHODS.traces, dense, { compression: 'gzip' }));
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    client.end();
    await receiver.stop(1_000);
    expect(new Set(codes)).toEqual(new Set([status.RESOURCE_EXHAUSTED]));
    // All at once they would be 40 times the limit.
    expect(peak).toBeGreaterThan(MAX_BODY_BYTES);
    expect(peak).toBeLessThan(5 * MAX_BODY_BYTES + 40 * bomb.length);
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
    // The client never ends its side: what it sent is let go of all the same.
    await new Promise((resolve) => stream.on('close', resolve));
    session.destroy();
    const page = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
    expect(page).toMatch(/^tenantry_ingest_bytes_in_work 0$/m);
    expect(page).toMatch(/status="408",reason="DEADLINE_EXCEEDED",transport="grpc"\} 1$/m);
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
