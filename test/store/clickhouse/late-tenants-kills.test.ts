import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { seededRandom } from '../../../src/demo/random.ts';
import { EmbeddedClickHouse } from '../../../src/store/clickhouse/embedded-clickhouse.ts';
import { LateTenants } from '../../../src/store/clickhouse/late-tenants.ts';
import { rollupsThatDiffer } from '../../support/clickhouse-recount.ts';
import { LATE_TENANT_VIEWS } from '../../support/embedded-clickhouse.ts';
import { Immortal } from '../../support/ingest-kill-processes.ts';
import { newTrace } from '../../support/late-tenant-world.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const LOADER = fileURLToPath(new URL('../../../dist/test/support/children/late-tenants-loader.js', import.meta.url));
const KILLS = 20;
const SEED = 7;
const SEGMENT_EVERY_MS = 50;
/** So few wait that each start comes to what waits for a tenant, instead of catching up with segments first. */
const MOST_QUEUED = 2;

let folder: string;
let loader: Immortal;
let traffic: NodeJS.Timeout | undefined;
let segments = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-late-kills-'));
  for (const name of ['open', 'sealed']) mkdirSync(join(folder, 'spool', name), { recursive: true });
});
afterAll(() => {
  clearInterval(traffic);
  loader.destroy();
  rmSync(folder, { recursive: true, force: true });
});

const queued = () => readdirSync(join(folder, 'spool/sealed'));

/** Two of four spans have their tenant from the third, one from nobody. Sealed as ingest does it. */
function seal(): void {
  if (queued().length >= MOST_QUEUED) return;
  segments += 1;
  const now = Date.now();
  const [trace, other] = [newTrace(), newTrace()];
  const span = (trace_id: Buffer, attributes = {}) =>
    otlpSpan({ name: `segment ${segments}`, kind: 2, start: now, attributes, more: { trace_id } });
  const spans = [span(trace), span(trace, { tenant_id: 'acme' }), span(trace), span(other)];
  const name = `${now}-${segments.toString(16).padStart(16, '0')}.otlp`;
  writeFileSync(join(folder, 'spool/open', name), segmentOf([otlpRequest(spans)], { receivedAt: now }));
  renameSync(join(folder, 'spool/open', name), join(folder, 'spool/sealed', name));
}

it(`stores every span once, with its tenant, over ${KILLS} kills at random instants`, {
  timeout: 240_000,
}, async () => {
  const random = seededRandom(SEED);
  loader = new Immortal(() => fork(LOADER, [folder], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
  traffic = setInterval(seal, SEGMENT_EVERY_MS);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await loader.ready();
    // Long enough for some batches, short enough to meet the first thing a start does as well.
    await delay(random() * 700);
    await loader.kill();
  }
  clearInterval(traffic);
  await loader.ready();
  await vi.waitFor(() => expect(queued()).toEqual([]), { timeout: 60_000 });
  expect(await loader.end((child) => child.send('stop'))).toBe(0);

  const clickhouse = new EmbeddedClickHouse({ path: join(folder, 'clickhouse') });
  try {
    const log = pino({ level: 'silent' });
    const rest = new LateTenants({
      clickhouse,
      owner: '00000000000000aa',
      waitMs: 0,
      settleMs: 0,
      log,
      now: () => Date.now() + 10_000,
    });
    await rest.adopt(Date.now() + 10_000);
    expect(rest.figures()).toMatchObject({ waitingSpans: 0, trouble: undefined });
    const found = await clickhouse.inspect<{ name: string; spans: string[] }>(
      `SELECT SpanName AS name, arraySort(groupArray(concat(TenantId, if(IsAdopted, ' adopted', '')))) AS spans
       FROM spans GROUP BY name HAVING spans != ['(unknown)', 'acme', 'acme adopted', 'acme adopted']`,
    );
    const [stored] = await clickhouse.inspect<{ n: number }>('SELECT toUInt32(uniqExact(SpanName)) AS n FROM spans');
    expect(found).toEqual([]);
    expect(stored?.n).toBe(segments);
    expect(await rollupsThatDiffer(clickhouse, LATE_TENANT_VIEWS)).toEqual([]);
  } finally {
    await clickhouse.close();
  }
});
