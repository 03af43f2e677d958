/** What holds on every transport alike: what is stored, what is answered, what is limited. */

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counters } from '../../ingest/counters.ts';
import type { Taken } from '../../ingest/door.ts';
import { GrpcReceiver } from '../../ingest/grpc-receiver.ts';
import { MemoryBudget } from '../../ingest/memory-budget.ts';
import { Receiver } from '../../ingest/receiver.ts';
import { BodyReader } from '../../ingest/request-body.ts';
import { signalPipeline } from '../../ingest/signal-pipeline.ts';
import { ERRORS, type ErrorCode, TenantryError } from '../../src/domain/errors.ts';
import { IngestBench } from '../support/ingest-bench.ts';
import { otlpMetrics } from '../support/metrics.ts';
import { decodeLogsResponse, decodeMetricsRequest, encodeMetricsRequest } from '../support/otlp-metrics-proto.ts';
import { fullMetrics } from '../support/otlp-metrics-samples.ts';
import { decodeTraceRequest, decodeTraceResponse, encodeTraceRequest } from '../support/otlp-proto.ts';
import { fullSpan, sampleRequest, sampleSpan } from '../support/otlp-samples.ts';
import { sealedRecords } from '../support/otlp-segment.ts';
import { type Sending, type SentOver, sendOver, TRANSPORTS } from '../support/otlp-senders.ts';

const WAYS = TRANSPORTS.flatMap((over) => [false, true].map((gzip) => [over, gzip] as const));

describe('with a real ingest', () => {
  const MAX_BODY_BYTES = 256 * 1024;
  let bench: IngestBench;
  let ports: Sending['ports'];

  const start = async (settings: Record<string, string> = {}) => {
    await bench.start({ TENANTRY_MAX_BODY_BYTES: String(MAX_BODY_BYTES), ...settings });
    ports = { http: bench.port, grpc: bench.grpcPort };
  };
  beforeEach(() => {
    bench = new IngestBench();
  });
  afterEach(() => bench.end());

  it('the same traces and metrics are the same messages on the disk, however they came', async () => {
    await start();
    // Nothing is sent twice: the same bytes again would be recognised as a retry.
    const traces = WAYS.map(() => sampleRequest([fullSpan(), sampleSpan()]));
    const metrics = WAYS.map((_, index) => otlpMetrics(fullMetrics(1_700_000_000_000 + index)));
    for (const [index, [over, gzip]] of WAYS.entries()) {
      for (const [signal, requests] of [['traces', traces] as const, ['metrics', metrics] as const]) {
        const answer = await sendOver({ ports, over, gzip, signal, request: requests[index] ?? {} });
        expect([over, gzip, signal, answer.status]).toEqual([over, gzip, signal, undefined]);
      }
    }
    await bench.stop();
    const storedTraces = sealedRecords(bench.dir.spool, 'traces').map(({ request }) => request);
    expect(storedTraces).toEqual(traces.map((request) => decodeTraceRequest(encodeTraceRequest(request))));
    const storedMetrics = sealedRecords(bench.dir.spool, 'metrics');
    expect(storedMetrics.map(({ message }) => decodeMetricsRequest(message))).toEqual(
      metrics.map((request) => decodeMetricsRequest(encodeMetricsRequest(request))),
    );
  });

  it('the same bytes over another transport are recognised as the same request', async () => {
    await start();
    const request = encodeTraceRequest(sampleRequest(3));
    for (const over of ['http/protobuf', 'grpc'] as const) {
      for (const gzip of [false, true]) {
        expect(await sendOver({ ports, over, gzip, signal: 'traces', request })).toMatchObject({ status: undefined });
      }
    }
    expect(await bench.stored()).toHaveLength(1);
  });

  it('requests are counted by transport', async () => {
    await start();
    for (const over of TRANSPORTS) {
      await sendOver({ ports, over, gzip: false, signal: 'traces', request: sampleRequest(1) });
      await sendOver({ ports, over, gzip: false, signal: 'metrics', request: Buffer.from('junk') });
    }
    const page = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
    for (const over of TRANSPORTS) {
      expect(page).toContain(`{signal="traces",status="200",reason="ok",transport="${over}"} 1\n`);
      expect(page).toContain(`{signal="metrics",status="400",reason="OTLP_MALFORMED",transport="${over}"} 1\n`);
    }
  });

  it.each(WAYS)('logs over %s, gzip %s, are turned down with a partial success', async (over, gzip) => {
    await start();
    const records = Array.from({ length: 3 }, () => ({ body: { string_value: 'x' } }));
    const request = { resource_logs: [{ scope_logs: [{ log_records: records }] }] };
    const { status, response } = await sendOver({ ports, over, gzip, signal: 'logs', request });
    expect(status).toBeUndefined();
    expect(partialOf(over, response)).toEqual({ rejected: '3', message: expect.stringContaining('Logs are not kept') });
  });

  function partialOf(over: SentOver, response: Buffer) {
    if (over === 'http/json') {
      const { partialSuccess } = JSON.parse(String(response));
      return { rejected: partialSuccess.rejectedLogRecords, message: partialSuccess.errorMessage };
    }
    const { partial_success: partial } = decodeLogsResponse(response);
    return { rejected: partial?.rejected_log_records, message: partial?.error_message };
  }

  const noise = () => Buffer.from(Uint8Array.from({ length: MAX_BODY_BYTES + 1 }, (_, at) => (at * 7_919) >> 5));
  it.each<readonly [string, (over: SentOver) => Partial<Sending>, Record<string, string>, ErrorCode]>([
    ['a wrong key', () => ({ key: 'x' }), {}, 'STORE_UNAVAILABLE'],
    ['no key', () => ({ key: '' }), {}, 'UNAUTHENTICATED'],
    ['a body over the limit', () => ({ request: noise() }), {}, 'BODY_TOO_LARGE'],
    ['a body over the limit once it is decompressed', () => ({ request: noise(), gzip: true }), {}, 'BODY_TOO_LARGE'],
    ['junk', () => ({ request: Buffer.from('junk') }), {}, 'OTLP_MALFORMED'],
    ['a spool that is full', () => ({}), { TENANTRY_SPOOL_MAX_BYTES: '1' }, 'SPOOL_UNAVAILABLE'],
    ['too many attributes', () => ({ request: sampleRequest([manyAttributes()]) }), {}, 'OTLP_MALFORMED'],
    ['values that are nested too deep', () => ({ request: sampleRequest([deepValue()]) }), {}, 'OTLP_MALFORMED'],
  ])('%s is refused alike over every transport', async (_what, change, settings, code) => {
    await start(settings);
    for (const over of TRANSPORTS) {
      const base: Sending = { ports, over, gzip: false, signal: 'traces', request: sampleRequest(1) };
      const answer = await sendOver({ ...base, ...change(over) });
      const { status: http } = ERRORS[code];
      expect([over, answer.http]).toEqual([over, over === 'grpc' ? 200 : http]);
      expect([over, answer.status?.code]).toEqual([over, RPC_CODES[http]]);
      expect(answer.retryAfter !== undefined).toBe(http === 429 || http === 503);
    }
    expect(await bench.stored()).toEqual([]);
  });

  const manyAttributes = () =>
    sampleSpan('many', {
      attributes: Array.from({ length: 1_025 }, (_, at) => ({ key: `k${at}`, value: { int_value: at } })),
    });
  const deepValue = () => {
    let value: object = { int_value: 1 };
    for (let depth = 0; depth < 17; depth++) value = { array_value: { values: [value] } };
    return sampleSpan('deep', { attributes: [{ key: 'k', value }] });
  };
});

/** As google.rpc.Code numbers them. */
const RPC_CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  413: 8,
  415: 12,
  429: 8,
  500: 13,
  503: 14,
};

describe('each answer', () => {
  const log = pino({ level: 'silent' });
  let outcome: () => Promise<Taken>;
  let receiver: Receiver;
  let grpcReceiver: GrpcReceiver;
  let ports: Sending['ports'];

  beforeEach(async () => {
    const counters = new Counters();
    const pipeline = {
      keys: { verify: () => ({ keyId: 'k', tenantId: undefined, service: undefined }) },
      bodies: new BodyReader(1024 * 1024, new MemoryBudget(16 * 1024 * 1024)),
      door: { take: () => outcome() },
    };
    const refusals = { counters, log, discardBytes: 1024 * 1024 };
    const signals = { traces: signalPipeline('traces', pipeline) };
    receiver = new Receiver({ ...refusals, signals, health: () => ({}) });
    grpcReceiver = new GrpcReceiver({ ...refusals, pipeline });
    ports = { http: await receiver.listen('127.0.0.1', 0), grpc: await grpcReceiver.listen('127.0.0.1', 0) };
  });
  afterEach(() => Promise.all([receiver.stop(1_000), grpcReceiver.stop(1_000)]));

  const send = (over: SentOver, gzip: boolean) =>
    sendOver({ ports, over, gzip, signal: 'traces', request: sampleRequest(1) });
  const contentType = (over: SentOver) =>
    over === 'grpc' ? undefined : over === 'http/json' ? 'application/json' : 'application/x-protobuf';

  it.each(WAYS)(
    'of a success over %s, gzip %s, is an empty response in the type of the request',
    async (over, gzip) => {
      outcome = () => Promise.resolve({ items: 1, rejected: 0, reason: undefined });
      const answer = await send(over, gzip);
      expect(answer).toMatchObject({ http: 200, status: undefined, contentType: contentType(over) });
      expect(String(answer.response)).toBe(over === 'http/json' ? '{}' : '');
    },
  );

  it.each(WAYS)('of a partial success over %s, gzip %s, says how many and why', async (over, gzip) => {
    outcome = () => Promise.resolve({ items: 1, rejected: 70_000, reason: 'too many of them' });
    const { http, response } = await send(over, gzip);
    expect(http).toBe(200);
    const json = { partialSuccess: { rejectedSpans: '70000', errorMessage: 'too many of them' } };
    const protobuf = { partial_success: { rejected_spans: '70000', error_message: 'too many of them' } };
    if (over === 'http/json') expect(JSON.parse(String(response))).toEqual(json);
    else expect(decodeTraceResponse(response)).toEqual(protobuf);
  });

  const CODES = [
    'OTLP_MALFORMED',
    'UNAUTHENTICATED',
    'FORBIDDEN',
    'BODY_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'RATE_LIMITED',
    'SPOOL_UNAVAILABLE',
  ] as const;
  it.each(WAYS)(
    'of a refusal over %s, gzip %s, is the status that the specification has for it',
    async (over, gzip) => {
      for (const code of CODES) {
        outcome = () => Promise.reject(new TenantryError(code, `because of ${code}`, { hint: 'Do better ü.' }));
        const { status: http } = ERRORS[code];
        const answer = await send(over, gzip);
        expect(answer).toMatchObject({ http: over === 'grpc' ? 200 : http, contentType: contentType(over) });
        const isRetryable = code === 'RATE_LIMITED' || code === 'SPOOL_UNAVAILABLE';
        expect(answer.status).toEqual({
          code: RPC_CODES[http],
          message: `because of ${code}. Do better ü.`,
          violations: http === 400 ? [{ field: '', description: `because of ${code}` }] : [],
          retryAfter: isRetryable ? answer.retryAfter : undefined,
        });
        if (isRetryable) expect([1, 2, 3, 4, 5]).toContain(answer.retryAfter);
        else expect(answer.retryAfter).toBeUndefined();
      }
    },
  );

  it.each(WAYS)('of a failure that nobody foresaw over %s, gzip %s, gives nothing away', async (over, gzip) => {
    outcome = () => Promise.reject(new Error('secret /etc/passwd'));
    const answer = await send(over, gzip);
    expect(answer.http).toBe(over === 'grpc' ? 200 : 500);
    expect(answer.status).toEqual({ code: 13, message: 'Internal error', violations: [], retryAfter: undefined });
  });

  it('in JSON names the field that is wrong', async () => {
    const request = Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"x"}]}]}]}');
    const { status } = await sendOver({ ports, over: 'http/json', gzip: false, signal: 'traces', request });
    expect(status?.violations).toMatchObject([{ field: 'resourceSpans[0].scopeSpans[0].spans[0].kind' }]);
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON', 'application/json;charset="utf-8"'])(
    'to %s is in JSON',
    async (type) => {
      outcome = () => Promise.resolve({ items: 0, rejected: 0, reason: undefined });
      const response = await fetch(`http://127.0.0.1:${ports.http}/v1/traces`, {
        ...{ method: 'POST', body: '{}', headers: { 'content-type': type } },
      });
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    },
  );
});
