import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { LoadLag } from '../../src/app/load-lag.ts';
import { selfCheckTenant } from '../../src/domain/tenant-id.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const NOW = 1_750_000_000_000;
let folder: string;
let path: string;
let lag: LoadLag;
let registry: Registry;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-lag-'));
  path = join(folder, 'segment.otlp');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  registry = new Registry();
  lag = new LoadLag();
  lag.register(registry);
});

const spans = (count: number, endedAt: number) =>
  otlpRequest(
    Array.from({ length: count }, () =>
      otlpSpan({ start: endedAt - 50, durationMs: 50, attributes: { a: 1, b: 'x' } }),
    ),
  );

/** Sum and count of a histogram. */
async function sums(name: string) {
  const text = await registry.getSingleMetricAsString(`tenantry_lag_${name}_seconds`);
  const of = (what: string) => Number(new RegExp(`_${what} ([\\d.]+)$`, 'm').exec(text)?.[1]);
  return { sum: of('sum'), count: of('count') };
}

it('measures from the ends of spans and from their receipt to the end of the insert', async () => {
  writeFileSync(
    path,
    Buffer.concat([
      segmentOf([spans(2, NOW - 5_000)], { receivedAt: NOW - 2_000 }),
      segmentOf([spans(1, NOW - 3_000)], { receivedAt: NOW - 1_000 }),
    ]),
  );
  await lag.loaded(path, 'traces', NOW);
  expect(await sums('end_to_end')).toEqual({ sum: 13, count: 3 });
  expect(await sums('receipt_to_queryable')).toEqual({ sum: 5, count: 3 });
});

it('takes a span that ends in the future for one that took no time', async () => {
  writeFileSync(path, segmentOf([spans(1, NOW + 60_000)], { receivedAt: NOW }));
  await lag.loaded(path, 'traces', NOW);
  expect(await sums('end_to_end')).toEqual({ sum: 0, count: 1 });
});

it('leaves out the self-check and metrics', async () => {
  const own = segmentOf([spans(3, NOW - 9_000)], { receivedAt: NOW, keyTenant: selfCheckTenant('00000001') });
  writeFileSync(path, own);
  await lag.loaded(path, 'traces', NOW);
  writeFileSync(path, segmentOf([spans(3, NOW - 9_000)], { receivedAt: NOW }));
  await lag.loaded(path, 'metrics', NOW);
  expect((await sums('end_to_end')).count).toBe(0);
});

it.each([
  ['many requests', () => Array.from({ length: 200 }, () => spans(1, NOW - 4_000))],
  ['one request that is larger than what is read of a segment', () => [spans(5_000, NOW - 4_000)]],
])('takes a bounded sample of %s', async (_what, requests) => {
  writeFileSync(path, segmentOf(requests(), { receivedAt: NOW - 1_000 }));
  await lag.loaded(path, 'traces', NOW);
  expect(await sums('end_to_end')).toEqual({ sum: 256, count: 64 });
  expect(await sums('receipt_to_queryable')).toEqual({ sum: 64, count: 64 });
});

it('makes nothing of bytes that are no segment', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(200, 0xff), Buffer.from('not a segment at all')]) {
    writeFileSync(path, bytes);
    await lag.loaded(path, 'traces', NOW);
  }
  expect((await sums('end_to_end')).count).toBe(0);
});
