/** The connections that OTLP/gRPC is called over: what abuses them, and how they end. */
import { connect } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IngestBench } from '../support/ingest-bench.ts';
import { GrpcBench, METHODS } from '../support/ingest-grpc.ts';
import { encodeTraceRequest, spansOf } from '../support/otlp-proto.ts';
import { sampleRequest, sampleSpan } from '../support/otlp-samples.ts';

let bench: IngestBench;
let grpc: GrpcBench;

beforeEach(async () => {
  bench = new IngestBench();
  await bench.start();
  grpc = new GrpcBench(bench.grpcPort);
});

afterEach(async () => {
  grpc.end();
  await bench.end();
});

describe('the connection', () => {
  it('of a client that floods it with pings is cut', async () => {
    const session = connect(`http://127.0.0.1:${bench.grpcPort}`, { maxOutstandingPings: 1_000 });
    const closed = new Promise<void>((resolve) => session.on('close', () => resolve()));
    session.on('error', () => {});
    await new Promise((resolve) => session.once('connect', resolve));
    for (let count = 0; count < 200; count++) session.ping(() => {});
    await closed;
    expect(await grpc.call(METHODS.traces, encodeTraceRequest(sampleRequest(1)))).toMatchObject({ code: status.OK });
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
    const names = (await stored).flatMap(({ request }) => spansOf(request).map(({ name }) => name ?? ''));
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
