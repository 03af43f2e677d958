/** Metrics and logs at the receiver's door; what holds for every signal alike is shown with traces in receiver.test.ts. */
import { gzipSync } from 'node:zlib';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takenAnswer } from '../../ingest/otlp-answer.ts';
import { INGEST_KEY, IngestBench } from '../support/ingest-bench.ts';
import { otlpMetrics } from '../support/metrics.ts';
import {
  decodeLogsResponse,
  decodeMetricsRequest,
  decodeMetricsResponse,
  encodeLogsRequest,
  encodeMetricsRequest,
  metricsOf,
} from '../support/otlp-metrics-proto.ts';
import { fullMetrics } from '../support/otlp-metrics-samples.ts';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { sampleRequest } from '../support/otlp-samples.ts';
import { sealedRecords } from '../support/otlp-segment.ts';

let bench: IngestBench;

beforeEach(async () => {
  bench = new IngestBench();
  await bench.start();
});

afterEach(() => bench.end());

const good = () => encodeMetricsRequest(otlpMetrics(fullMetrics(Date.now())));
const post = (path: string, body: Uint8Array, headers: Record<string, string | undefined> = {}) =>
  bench.send('POST', path, body, headers);

async function storedMetrics() {
  await bench.stop();
  return sealedRecords(bench.dir.spool, 'metrics');
}

describe('metrics', () => {
  it.each([
    ['as they are', (bytes: Uint8Array) => bytes, {}],
    ['gzipped', (bytes: Uint8Array) => gzipSync(bytes), { 'content-encoding': 'gzip' }],
  ])('are stored byte for byte when sent %s, beside traces and not among them', async (_how, encode, headers) => {
    const bytes = good();
    const answer = await post('/v1/metrics', encode(bytes), headers);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-protobuf' } });
    expect(decodeMetricsResponse(answer.body)).toEqual({});
    expect(await bench.post(encodeTraceRequest(sampleRequest(2)))).toMatchObject({ status: 200 });
    const page = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
    expect(page).toMatch(/^tenantry_ingest_data_points_accepted_total 6$/m);
    expect(page).toMatch(/^tenantry_ingest_spans_accepted_total 2$/m);

    const [record, ...others] = await storedMetrics();
    expect(others).toEqual([]);
    expect(record?.message.subarray(0, bytes.length).equals(Buffer.from(bytes))).toBe(true);
    expect(record).toMatchObject({ keyId: 'bootstrap', keyTenant: undefined, crcMatches: true });
    expect(sealedRecords(bench.dir.spool, 'traces')).toHaveLength(1);
  });

  it.each([
    ['an empty body', new Uint8Array(0)],
    ['a metric without points', encodeMetricsRequest(otlpMetrics([{ name: 'nothing', gauge: {} }]))],
  ])('without a point succeed and store nothing: %s', async (_what, body) => {
    expect(await post('/v1/metrics', body)).toMatchObject({ status: 200 });
    expect(await storedMetrics()).toEqual([]);
  });

  const bytes = good();
  it.each<readonly [string, Uint8Array, Record<string, string | undefined>, number, string]>([
    ['cut off', bytes.subarray(0, -1), {}, 400, 'not an ExportMetricsServiceRequest'],
    ['traces at the wrong door', encodeTraceRequest(sampleRequest(1)), {}, 400, 'not an ExportMetricsServiceRequest'],
    ['gzip without saying so', gzipSync(bytes), {}, 400, 'not an ExportMetricsServiceRequest'],
    ['broken gzip', gzipSync(bytes).subarray(0, -9), { 'content-encoding': 'gzip' }, 400, 'the gzip stream is broken'],
    ['another content type', bytes, { 'content-type': 'text/plain' }, 415, 'http/protobuf'],
    ['no key', bytes, { authorization: undefined }, 401, 'no valid ingest key'],
  ])('that are bad are refused before they are spooled: %s', async (_what, body, headers, status, message) => {
    const answer = await post('/v1/metrics', body, headers);
    expect([answer.status, answer.message]).toEqual([status, expect.stringContaining(message)]);
    expect(await post('/v1/metrics', bytes)).toMatchObject({ status: 200 });
    expect(await storedMetrics()).toHaveLength(1);
  });

  it('of the official exporter are stored as the SDK counted them', async () => {
    const exporter = new OTLPMetricExporter({
      url: `${bench.url}/v1/metrics`,
      headers: { authorization: `Bearer ${INGEST_KEY}` },
      temporalityPreference: AggregationTemporality.DELTA,
      compression: 'gzip' as never,
    });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const counter = provider.getMeter('signals-test').createCounter('tenantry.cpu.time', { unit: 's' });
    for (let index = 0; index < 1_000; index++) counter.add(0.25, { tenant_id: `tenant-${index % 4}` });
    await provider.forceFlush();
    await provider.shutdown();
    const metrics = (await storedMetrics()).flatMap(({ message }) => metricsOf(decodeMetricsRequest(message)));
    expect(metrics).toHaveLength(1);
    expect(metrics[0]).toMatchObject({
      name: 'tenantry.cpu.time',
      sum: { aggregation_temporality: 1, is_monotonic: true },
    });
    expect(metrics[0]?.sum?.data_points?.map((point) => point.as_double)).toEqual([62.5, 62.5, 62.5, 62.5]);
  });
});

describe('logs', () => {
  const records = (count: number) =>
    encodeLogsRequest({
      resource_logs: [
        { scope_logs: [{ log_records: Array.from({ length: count }, () => ({ body: { string_value: 'secret' } })) }] },
      ],
    });

  it('are turned down with a partial success that says how many and why, and are never stored', async () => {
    const answer = await post('/v1/logs', gzipSync(records(300)), { 'content-encoding': 'gzip' });
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-protobuf' } });
    expect(decodeLogsResponse(answer.body)).toEqual({
      partial_success: {
        rejected_log_records: '300',
        error_message: expect.stringMatching(/^Logs are not kept here.*OTEL_LOGS_EXPORTER=none/),
      },
    });
    const page = (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
    expect(page).toMatch(/^tenantry_ingest_log_records_rejected_total 300$/m);
    expect(await bench.stored()).toEqual([]);
  });

  it('are a success when there are none, as OTLP says', async () => {
    const answer = await post('/v1/logs', new Uint8Array(0));
    expect([answer.status, decodeLogsResponse(answer.body)]).toEqual([200, {}]);
  });

  it.each<readonly [string, Uint8Array, Record<string, string | undefined>, number, string]>([
    ['cut off', records(1).subarray(0, -1), {}, 400, 'not an ExportLogsServiceRequest'],
    ['without a key', records(1), { authorization: undefined }, 401, 'no valid ingest key'],
    ['of another content type', records(1), { 'content-type': 'text/plain' }, 415, 'http/protobuf'],
  ])('that are bad are refused like any signal: %s', async (_what, body, headers, status, message) => {
    const answer = await post('/v1/logs', body, headers);
    expect([answer.status, answer.message]).toEqual([status, expect.stringContaining(message)]);
  });
});

it('answers a partial success in the words of each signal and encoding', () => {
  const json = takenAnswer('metrics', { items: 1, rejected: 3, reason: 'why' }, 'application/json');
  expect(JSON.parse(Buffer.from(json.body).toString())).toEqual({
    partialSuccess: { rejectedDataPoints: '3', errorMessage: 'why' },
  });
  const protobuf = takenAnswer('metrics', { items: 1, rejected: 70_000, reason: 'why' }, 'application/x-protobuf');
  expect(decodeMetricsResponse(protobuf.body)).toEqual({
    partial_success: { rejected_data_points: '70000', error_message: 'why' },
  });
});
