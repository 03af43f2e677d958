import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { Counters } from '../../ingest/counters.ts';
import { lateRowsCounter } from '../../src/app/deletion-late.ts';
import { LoadLag } from '../../src/app/load-lag.ts';
import { ownMetrics } from '../../src/app/own-metrics.ts';
import { startSelfCheck } from '../../src/app/self-check.ts';
import { silentLog } from '../support/postgres.ts';
import { AGREED, differences, tableBetween } from '../support/rules-markdown.ts';

const README = new URL('../../README.md', import.meta.url);
const never = () => {
  throw new Error('figures are not asked for');
};

/** Names of all metrics about the way of telemetry: ingest's own, the loader's, the detector's, the self-check's, deletion's. */
function realNames(): readonly string[] {
  const counters = new Counters();
  counters.observe({ spool: never, keysRevision: never, bytesInWork: never, now: Date.now });
  const registry = ownMetrics({ spoolFolder: '', loader: never, detector: never });
  new LoadLag().register(registry);
  lateRowsCounter(registry);
  startSelfCheck({
    config: {
      ...{ TENANTRY_HOST: '127.0.0.1', TENANTRY_SELF_CHECK_SECONDS: 10 },
      ...{ TENANTRY_DETECT_RESOLUTION_SECONDS: 10, TENANTRY_SEGMENT_AGE_MS: 1_000 },
    },
    ...{ spoolFolder: '', clickhouse: { rows: never }, registry, log: silentLog },
  });
  return Registry.merge([counters.registry, registry])
    .getMetricsAsArray()
    .map(({ name }) => name);
}

it('README lists every metric about the way of telemetry, and no other', () => {
  const written = tableBetween(readFileSync(README, 'utf8'), 'metrics').map(([name = '']) => name);
  expect(differences(written, realNames())).toEqual(AGREED);
});
