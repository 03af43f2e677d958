import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Intake } from '../../ingest/intake.ts';
import { DataHealthReader } from '../../src/app/control-data-health.ts';
import type { AnalyticsReader } from '../../src/domain/analytics-query.ts';
import type { IngestStanding } from '../../src/domain/spool-format.ts';

const NOW = Date.UTC(2026, 10, 2, 12);
let folder: string;
let loaded: number;
let shares: { spans: number; attributed: number }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-intake-'));
  loaded = 1_000;
  shares = [
    { spans: 1_000, attributed: 950 },
    { spans: 9_000, attributed: 8_820 },
  ];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A store that has loaded what it says, and an ingest that took in what it wrote. */
function reader(): DataHealthReader {
  let asked = 0;
  const clickhouse: AnalyticsReader = {
    rows: async <Row extends object>({ question }: { readonly question: string }) => {
      const row = question === 'loaded-spans' ? { loaded, set_aside: 0 } : shares[asked++ % 2];
      return [row] as Row[];
    },
  };
  return new DataHealthReader({
    clickhouse,
    intakeFile: join(folder, 'intake.json'),
    schemaChangedAt: async () => null,
  });
}

const standing = (): IngestStanding => ({
  ...{
    startedAt: NOW,
    httpPort: 4318,
    grpcPort: 4317,
    requests: 0,
    spans: 0,
    dataPoints: 0,
    bytes: 0,
    logRecordsRejected: 0,
    retriesRecognized: 0,
  },
  ...{ rejected: {}, keys: [] },
  spool: { bytes: 0, maxBytes: 1, sealedSegments: 0, oldestAt: null, refusal: null, tornBytes: 0, corruptBytes: 0 },
});

/** What arrived in the two minutes before now, as the real writer puts it down. */
async function intake(spans: number, { requests = 100, refused = 0 } = {}): Promise<void> {
  let now = NOW - 300_000;
  const written = new Intake(folder, standing, () => now);
  now = NOW - 60_000;
  for (let n = 0; n < requests; n += 1) written.taken(now, spans / requests);
  for (let n = 0; n < refused; n += 1) written.refused();
  now = NOW;
  await written.stop();
}

const read = () => reader().read(NOW, NOW);

it('compares what arrived with what is loaded', async () => {
  await intake(1_000);
  expect(await read()).toEqual({
    ...{ dataUntil: NOW, completeShare: 1, rejectedShare: 0, schemaChangedAt: null },
    ...{ attributedShare: 0.95, usualAttributedShare: 0.98 },
  });
});

it.each([
  ['half is missing', 500, 0.5],
  ['everything was counted twice', 2_000, 0.5],
  ['nothing is there', 0, 0],
])('is incomplete when %s', async (_what, there, share) => {
  await intake(1_000);
  loaded = there;
  expect((await read()).completeShare).toBe(share);
});

it('says how much was refused at the door', async () => {
  await intake(900, { requests: 90, refused: 10 });
  expect((await read()).rejectedShare).toBe(0.1);
});

it('knows nothing of an ingest that is not here, that is long gone, or whose file is broken', async () => {
  expect(await read()).toMatchObject({ completeShare: null, rejectedShare: null });
  await intake(1_000);
  expect(await reader().read(NOW + 61_000, NOW + 61_000)).toMatchObject({ completeShare: null });
  writeFileSync(join(folder, 'intake.json'), '{"buckets":');
  expect(await read()).toMatchObject({ completeShare: null });
});

it('draws no conclusion from a handful of spans', async () => {
  await intake(99, { requests: 9 });
  loaded = 1;
  expect(await read()).toMatchObject({ completeShare: null, rejectedShare: null });
});

it('has no share of nothing', async () => {
  shares = [
    { spans: 0, attributed: 0 },
    { spans: 0, attributed: 0 },
  ];
  expect(await read()).toMatchObject({ attributedShare: null, usualAttributedShare: null });
});
