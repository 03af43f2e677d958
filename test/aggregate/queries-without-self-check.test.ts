import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { activity } from '../../src/aggregate/queries/across-tenants/activity.ts';
import { aiUsageColumns } from '../../src/aggregate/queries/across-tenants/ai-usage-columns.ts';
import { aiUsageHours } from '../../src/aggregate/queries/across-tenants/ai-usage-hours.ts';
import { attributionSteps } from '../../src/aggregate/queries/across-tenants/attribution-steps.ts';
import { clockSkew } from '../../src/aggregate/queries/across-tenants/clock-skew.ts';
import { coverage } from '../../src/aggregate/queries/across-tenants/coverage.ts';
import { dedicatedPoolDays } from '../../src/aggregate/queries/across-tenants/dedicated-pool-days.ts';
import { exportDelay } from '../../src/aggregate/queries/across-tenants/export-delay.ts';
import { figures } from '../../src/aggregate/queries/across-tenants/figures.ts';
import { firstMinute } from '../../src/aggregate/queries/across-tenants/first-minute.ts';
import { firstServices } from '../../src/aggregate/queries/across-tenants/first-services.ts';
import { lastSeen } from '../../src/aggregate/queries/across-tenants/last-seen.ts';
import { loadSignals } from '../../src/aggregate/queries/across-tenants/load-signals.ts';
import { loadedSpans } from '../../src/aggregate/queries/across-tenants/loaded-spans.ts';
import { featureUse } from '../../src/aggregate/queries/across-tenants/margin-feature-use.ts';
import { minuteValues } from '../../src/aggregate/queries/across-tenants/minute-values.ts';
import { poolUse } from '../../src/aggregate/queries/across-tenants/pool-use.ts';
import { queryVolume } from '../../src/aggregate/queries/across-tenants/query-volume.ts';
import { ranking } from '../../src/aggregate/queries/across-tenants/ranking.ts';
import { requestsOverTime } from '../../src/aggregate/queries/across-tenants/requests-over-time.ts';
import { routesWithoutTenant } from '../../src/aggregate/queries/across-tenants/routes-without-tenant.ts';
import { seenTenants } from '../../src/aggregate/queries/across-tenants/seen-tenants.ts';
import { services } from '../../src/aggregate/queries/across-tenants/services.ts';
import { servicesSeen } from '../../src/aggregate/queries/across-tenants/services-seen.ts';
import { setAside } from '../../src/aggregate/queries/across-tenants/set-aside.ts';
import { tenantSources } from '../../src/aggregate/queries/across-tenants/tenant-sources.ts';
import { tenantTop } from '../../src/aggregate/queries/across-tenants/tenant-top.ts';
import { traceOtherSpans } from '../../src/aggregate/queries/across-tenants/trace-other-spans.ts';
import { usage } from '../../src/aggregate/queries/across-tenants/usage.ts';
import { usageCompute } from '../../src/aggregate/queries/across-tenants/usage-compute.ts';
import { usageServices } from '../../src/aggregate/queries/across-tenants/usage-services.ts';
import { usageSteps } from '../../src/aggregate/queries/across-tenants/usage-steps.ts';
import { waitingSpans } from '../../src/aggregate/queries/across-tenants/waiting-spans.ts';
import type { AnalyticsQuery } from '../../src/domain/analytics-query.ts';
import { knownSpans } from '../../src/domain/self-check.ts';
import { selfCheckTenant, type TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { ROOT } from '../support/rules-cruise.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

const FOLDER = 'src/aggregate/queries/across-tenants';
/** About events and gauges, which no self-check sends. */
const NOT_ABOUT_TELEMETRY = [
  ...['meter-rejected.ts', 'meter-values.ts', 'storage-byte-hours.ts', 'storage-holders.ts', 'storage.ts'],
];
const TRACE = '0123456789abcdef0123456789abcdef';
const ME = selfCheckTenant('0a1b2c3d');
const ACME = 'acme' as TenantId;
/** Also asked about by name: naming it must not help. */
const NAMED = [ACME, ME];

const now = Date.now();
const minutes = { from: floorTo(now, MINUTE_MS) - 30 * MINUTE_MS, to: floorTo(now, MINUTE_MS) + MINUTE_MS };
const hours = { from: floorTo(now, HOUR_MS) - 2 * HOUR_MS, to: floorTo(now, HOUR_MS) + HOUR_MS };
const days = { from: floorTo(now, DAY_MS) - DAY_MS, to: floorTo(now, DAY_MS) + DAY_MS };
const METRICS = ['requests', 'errors', 'db_calls', 'cache_hits'] as const;

const QUESTIONS: Readonly<Record<string, readonly AnalyticsQuery[]>> = {
  'activity.ts': [activity(minutes, 10)],
  'ai-usage-columns.ts': [aiUsageColumns({ window: hours }), aiUsageColumns({ window: hours, tenants: NAMED })],
  'ai-usage-hours.ts': [aiUsageHours(hours, NAMED)],
  'attribution-steps.ts': [attributionSteps(hours, 60)],
  'clock-skew.ts': [clockSkew(now + MINUTE_MS, 10)],
  'coverage.ts': [coverage(hours)],
  'dedicated-pool-days.ts': [dedicatedPoolDays(days, { percent: 0 }), dedicatedPoolDays(days, { tenants: NAMED })],
  'export-delay.ts': [exportDelay(now + MINUTE_MS)],
  'figures.ts': [figures(hours, NAMED)],
  'first-minute.ts': [firstMinute(minutes)],
  'first-services.ts': [firstServices(now + MINUTE_MS, 10)],
  'last-seen.ts': [lastSeen(NAMED, now + MINUTE_MS)],
  'load-signals.ts': [loadSignals(minutes, NAMED)],
  'loaded-spans.ts': [loadedSpans(minutes)],
  'margin-feature-use.ts': [featureUse(hours, { services: [''], routes: [''] }, 'requests')],
  'minute-values.ts': [minuteValues(minutes)],
  'pool-use.ts': [poolUse('shop', minutes, minutes, 10), poolUse('tenantry-self-check', minutes, minutes, 10)],
  'query-volume.ts': (['tenant', 'query'] as const).map((by) =>
    queryVolume({ window: hours, sort: 'calls', limit: 10 }, by),
  ),
  'ranking.ts': (['requests', 'p95_ms', 'tenant_id'] as const).map((sort) =>
    ranking({ window: hours, sort, order: 'desc', search: undefined, limit: 10, offset: 0 }),
  ),
  'requests-over-time.ts': [requestsOverTime(hours, 60, NAMED)],
  'routes-without-tenant.ts': [routesWithoutTenant(hours, 5, 10)],
  'seen-tenants.ts': [seenTenants(2)],
  'services-seen.ts': [servicesSeen(now + MINUTE_MS, 10)],
  'services.ts': [services(minutes, 10)],
  'set-aside.ts': [setAside(hours, 10)],
  'tenant-sources.ts': [tenantSources(hours, 10)],
  'tenant-top.ts': [tenantTop(hours, [ACME]), tenantTop(hours, NAMED)],
  'trace-other-spans.ts': [traceOtherSpans(ACME, TRACE, hours)],
  'usage-compute.ts': [usageCompute(hours, 'everybody'), usageCompute(hours, { tenants: NAMED })],
  'usage-services.ts': [usageServices(hours, METRICS)],
  'usage-steps.ts': [usageSteps(days, 'minute'), usageSteps(days, 'day')],
  'usage.ts': [
    usage({ window: hours, metrics: METRICS, whose: 'everybody', step: undefined }),
    usage({ window: hours, metrics: METRICS, whose: { search: 'self' }, step: 'hour' }),
  ],
  'waiting-spans.ts': [waitingSpans(10)],
};

let store: TestClickHouse;

beforeAll(async () => {
  store = await startTestClickHouse();
});
afterAll(() => store.stop());

const KINDS = { internal: 1, server: 2, client: 3 } as const;

/** What a self-check sends, as one segment; also a span that cannot be placed. */
async function insert(keyTenant: string, service: string, at: number): Promise<void> {
  const more = { trace_id: Buffer.from(TRACE, 'hex') };
  const spans = knownSpans(1, at).map(({ name, kind, startMs, durationMs, attributes }) =>
    otlpSpan({ name, kind: KINDS[kind], start: startMs, durationMs, attributes, more }),
  );
  const farAhead = otlpSpan({ name: 'far ahead', start: at + DAY_MS });
  const request = otlpRequest([...spans, farAhead], { 'service.name': service });
  await store.insert(segmentOf([request], { receivedAt: at, keyTenant }), service);
}

const answers = async () =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(QUESTIONS).map(async ([file, queries]) => {
        return [file, await Promise.all(queries.map((query) => store.clickhouse.rows(query)))] as const;
      }),
    ),
  );

it('asks every question about all tenants', () => {
  const files = readdirSync(join(ROOT, FOLDER)).filter((file) => !NOT_ABOUT_TELEMETRY.includes(file));
  expect(Object.keys(QUESTIONS)).toEqual(files.toSorted());
});

it('no answer about all tenants changes for what a self-check sent, though it is named', async () => {
  await insert(ACME, 'shop', now - 120_000);
  const before = await answers();
  await insert(ME, 'tenantry-self-check', now - 1_000);
  const [stored] = await store.clickhouse.inspect(
    `SELECT count() AS spans, uniqExact(TenantId) AS tenants FROM tenantry.spans`,
  );
  expect(stored).toEqual({ spans: 10, tenants: 2 });
  expect(await answers()).toEqual(before);
  expect(JSON.stringify(before)).toContain(ACME);
});
