/** Limits at the real doors: exact on every transport, said in the words of each, counted, and never at the cost of others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INTAKE_FILE, type IntakeFigures } from '../../src/domain/spool-format.ts';
import { encoded, spansOfTenants, spanWith } from '../support/ingest-admission.ts';
import { IngestBench } from '../support/ingest-bench.ts';
import { otlpMetrics, otlpPoint } from '../support/metrics.ts';
import { decodeTraceResponse, type OtlpSpan, spansOf } from '../support/otlp-proto.ts';
import { sampleRequest } from '../support/otlp-samples.ts';
import { sendOver, TRANSPORTS, type TransportAnswer } from '../support/otlp-senders.ts';

const WAYS = TRANSPORTS.flatMap((over) => [false, true].map((gzip) => [over, gzip] as const));
/** Buckets of so many, which do not fill again while a test runs. */
const bucketOf = (setting: string, units: number) => ({
  [setting]: String(units / 1e6),
  TENANTRY_LIMIT_BURST_SECONDS: '1000000',
});
const BOUND = { id: 'bound', key: 'bound-key-0123456789', tenantId: 'acme', service: 'shop' };

let bench: IngestBench;
beforeEach(() => {
  bench = new IngestBench();
});
afterEach(() => bench.end());

const ports = () => ({ http: bench.port, grpc: bench.grpcPort });
const metrics = async () => (await bench.send('GET', '/metrics', new Uint8Array(0))).body.toString();
const post = (spans: OtlpSpan[], key?: string) =>
  bench.post(encoded(spans), key === undefined ? {} : { authorization: `Bearer ${key}` });

/** What a sender is told was rejected, on whichever transport. */
function rejectedIn(over: (typeof TRANSPORTS)[number], { response }: TransportAnswer): number {
  if (over === 'http/json') return Number(JSON.parse(String(response)).partialSuccess?.rejectedSpans ?? 0);
  return Number(decodeTraceResponse(response).partial_success?.rejected_spans ?? 0);
}

describe.each(WAYS)('over %s, gzip %s', (over, gzip) => {
  it('a tenant gets its limit to the span, and is told of the rest; the others lose nothing', async () => {
    await bench.start(bucketOf('TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND', 100));
    const send = (counts: Record<string, number>) =>
      sendOver({ ports: ports(), over, gzip, signal: 'traces', request: sampleRequest(spansOfTenants(counts)) });
    const answers = [
      await send({ noisy: 60, quiet: 10 }),
      await send({ noisy: 60, quiet: 20 }),
      await send({ noisy: 1, quiet: 30 }),
    ];
    expect(answers.map((answer) => rejectedIn(over, answer))).toEqual([0, 20, 1]);
    const refused = await send({ noisy: 5 });
    expect(refused).toMatchObject({ status: { code: 8, retryAfter: 5 } });
    expect(refused.status?.message).toMatch(/^1 tenant is over its limit of 0.0001 spans and data points a second/);
    if (over !== 'grpc') expect(refused).toMatchObject({ http: 429, retryAfter: 5 });
    expect(await metrics()).toMatch(/^tenantry_ingest_limited_total\{limit="tenant_spans"\} 26$/m);
    const stored = (await bench.stored()).flatMap(({ request }) => spansOf(request));
    const ofNoisy = stored.filter((span) => span.attributes?.[0]?.value?.string_value === 'noisy');
    expect([ofNoisy.length, stored.length]).toEqual([100, 160]);
  });

  it('a key gets its requests, and the rest is refused unread with an honest time to come again', async () => {
    await bench.start({ ...bucketOf('TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND', 3) });
    const send = () => sendOver({ ports: ports(), over, gzip, signal: 'traces', request: sampleRequest(1) });
    const answers: TransportAnswer[] = [];
    for (let request = 0; request < 5; request++) answers.push(await send());
    expect(answers.map(({ status }) => status?.code)).toEqual([undefined, undefined, undefined, 8, 8]);
    expect(answers[3]?.status).toMatchObject({
      retryAfter: 5,
      message: expect.stringContaining('this key is over its limit'),
    });
    expect(await bench.stored()).toHaveLength(3);
  });

  it('what a span holds too much is cut and marked', async () => {
    await bench.start({ TENANTRY_LIMIT_ATTRIBUTE_VALUE_BYTES: '10' });
    const request = sampleRequest([spanWith({ long: 'x'.repeat(50), 'http.route': '/a' })]);
    const answer = await sendOver({ ports: ports(), over, gzip, signal: 'traces', request });
    expect([answer.status, rejectedIn(over, answer)]).toEqual([undefined, 0]);
    const [record] = await bench.stored();
    expect(spansOf(record?.request ?? {})[0]?.attributes).toEqual([
      { key: 'long', value: { string_value: 'x'.repeat(10) } },
      { key: 'http.route', value: { string_value: '/a' } },
      { key: 'tenantry.limited', value: { string_value: 'values' } },
    ]);
  });
});

it('data points are limited like spans', async () => {
  await bench.start(bucketOf('TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND', 2));
  const point = (tenant: string) => otlpPoint({ at: Date.now(), value: 1, attributes: { tenant_id: tenant } });
  const points = ['a', 'a', 'a', 'b'].map(point);
  const request = otlpMetrics([{ name: 'm', sum: { data_points: points, aggregation_temporality: 1 } }]);
  const answer = await sendOver({ ports: ports(), over: 'http/json', gzip: false, signal: 'metrics', request });
  expect(JSON.parse(String(answer.response))).toMatchObject({ partialSuccess: { rejectedDataPoints: '1' } });
});

it("a retry takes nothing from anybody's limit, and is told the same again", async () => {
  await bench.start({
    ...bucketOf('TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND', 10),
    TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND: '0.000003',
  });
  const body = encoded(spansOfTenants({ noisy: 12, quiet: 4 }));
  const answers = [await bench.post(body), await bench.post(body), await bench.post(body), await bench.post(body)];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(new Set(answers.map((answer) => answer.body.toString('hex'))).size).toBe(1);
  expect(decodeTraceResponse(answers[0]?.body ?? Buffer.alloc(0)).partial_success?.rejected_spans).toBe('2');
  expect((await post(spansOfTenants({ quiet: 6 }))).status).toBe(200);
  expect(await bench.stored()).toHaveLength(2);
});

it('a bound key speaks for its tenant and its service alone, and what it claims besides is counted', async () => {
  await bench.start();
  await bench.publishKeys([BOUND]);
  const headers = { authorization: `Bearer ${BOUND.key}` };
  await bench.post(encoded(spansOfTenants({ acme: 2, victim: 3 }), { 'service.name': 'elsewhere' }), headers);
  await bench.post(encoded(spansOfTenants({ acme: 1 }), { 'service.name': 'shop' }), headers);
  const page = await metrics();
  expect(page).toMatch(/^tenantry_ingest_tenant_mismatches_total 3$/m);
  expect(page).toMatch(/^tenantry_ingest_service_mismatches_total 5$/m);
  const stored = await bench.stored();
  expect(stored.map(({ keyTenant, keyService, crcMatches }) => [keyTenant, keyService, crcMatches])).toEqual([
    ['acme', 'shop', true],
    ['acme', 'shop', true],
  ]);
  const { standing }: IntakeFigures = JSON.parse(readFileSync(join(bench.dir.spool, INTAKE_FILE), 'utf8'));
  expect(standing.keys).toEqual([
    expect.objectContaining({ keyId: 'bound', tenantMismatches: 3, serviceMismatches: 5, limited: 0 }),
  ]);
});

it('what the limits did stands in the figures for the server', async () => {
  await bench.start({
    ...bucketOf('TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND', 1),
    TENANTRY_LIMIT_ATTRIBUTES_PER_SPAN: '2',
  });
  await post([...spansOfTenants({ a: 2 }), spanWith({ tenant_id: 'b', x: 1, y: 2 })]);
  await bench.stop();
  const { standing }: IntakeFigures = JSON.parse(readFileSync(join(bench.dir.spool, INTAKE_FILE), 'utf8'));
  expect(standing.limited).toEqual({ tenant_spans: 1, attributes_per_span: 1 });
  expect(standing).toMatchObject({ spans: 2, keys: [{ limited: 2 }] });
});

it('one key far above its limit costs twenty others no request', async () => {
  const perSecond = 20;
  const keys = Array.from({ length: 21 }, (_, index) => ({
    id: `key-${index}`,
    key: `flood-test-key-0123456789-${index}`,
  }));
  const [flood, ...others] = keys;
  await bench.start({ TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND: String(perSecond), TENANTRY_LIMIT_BURST_SECONDS: '1' });
  await bench.publishKeys(keys);
  const startedAt = performance.now();
  const floodAnswers: number[] = [];
  let isOver = false;
  let requests = 0;
  const flooding = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      requests++;
      floodAnswers.push((await post([...spansOfTenants({ flood: 50 }), spanWith({ n: requests })], flood?.key)).status);
    }
  });
  const calm = others.map(async ({ key }, index) => {
    const statuses: number[] = [];
    for (let sent = 0; sent < 12; sent++)
      statuses.push((await post([spanWith({ tenant_id: `t${index}`, n: sent })], key)).status);
    return statuses;
  });
  const calmAnswers = (await Promise.all(calm)).flat();
  while (floodAnswers.length < 50 * perSecond) await Promise.race([...flooding, new Promise(setImmediate)]);
  isOver = true;
  await Promise.all(flooding);
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(calmAnswers).toEqual(Array.from({ length: 240 }, () => 200));
  const taken = floodAnswers.filter((status) => status === 200).length;
  expect(taken).toBeGreaterThanOrEqual(perSecond);
  expect(taken).toBeLessThanOrEqual(perSecond * (seconds + 1) + 1);
  expect(floodAnswers.every((status) => status === 200 || status === 429)).toBe(true);
});
