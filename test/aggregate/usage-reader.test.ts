import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageReader } from '../../src/aggregate/usage-reader.ts';
import { UsageRollups } from '../../src/aggregate/usage-rollups.ts';
import { USAGE_STEPS, type UsageSource } from '../../src/aggregate/usage-source.ts';
import { ROLLUP_METRICS, type RollupMetric } from '../../src/aggregate/usage-sql.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { UsageKey } from '../../src/domain/usage.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Window } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { insertUsage, tenantId, USAGE_END, USAGE_START, usagePast, usageSent } from '../support/usage-samples.ts';

const METRICS = Object.keys(ROLLUP_METRICS) as RollupMetric[];
const TENANTS = ['acme', 'bolt', 'crane'];
const past = usagePast(3_000);
let store: TestClickHouse;
let reader: UsageReader;

beforeAll(async () => {
  store = await startTestClickHouse();
  reader = new UsageReader([new UsageRollups(store.clickhouse)]);
  await insertUsage(store, past);
});
afterAll(async () => store.stop());

const minute = (offset: number) => USAGE_START + Math.floor(offset / MINUTE_MS) * MINUTE_MS;
const WINDOWS: Window[] = [
  { from: USAGE_START, to: USAGE_END },
  { from: minute(17 * MINUTE_MS), to: minute(1.4 * DAY_MS) },
  { from: minute(1.31 * DAY_MS), to: minute(1.31 * DAY_MS) + 40 * MINUTE_MS },
  { from: Math.ceil(USAGE_START / DAY_MS) * DAY_MS, to: Math.ceil(USAGE_START / DAY_MS) * DAY_MS + 2 * DAY_MS },
  { from: minute(2.2 * DAY_MS), to: minute(3.9 * DAY_MS) },
];

/** Totals as text, so that a difference can be read. Zeros left out: what was sent does not say them. */
function plain(values: ReadonlyMap<UsageKey, bigint> | undefined): Record<string, string> {
  const positive = [...(values ?? [])].filter(([, value]) => value !== 0n);
  return Object.fromEntries(positive.map(([key, value]) => [key, String(value)]).toSorted());
}

async function totalsOf(
  window: Window,
  tenants?: readonly string[],
): Promise<Map<string, ReadonlyMap<UsageKey, bigint>>> {
  const answer = await reader.totals({ window, metrics: METRICS, tenants: tenants?.map(tenantId) });
  return new Map(answer.map((usage) => [usage.tenantId, usage.values]));
}

describe('totals', () => {
  it.each(WINDOWS)('are what was sent, from $from to $to', async (window) => {
    const totals = await totalsOf(window);
    for (const tenant of TENANTS) expect(plain(totals.get(tenant))).toEqual(plain(usageSent(past, tenant, window)));
  });

  it('are what the raw spans add up to', async () => {
    const window = WINDOWS[1] ?? { from: 0, to: 0 };
    const totals = await totalsOf(window);
    // Straight from the attributes as exported: none of the worked-out columns that rollups are made from.
    const rows = await store.clickhouse.inspect<Record<string, string>>(
      `SELECT TenantId AS tenant, toString(countIf(SpanKind = 'Server')) AS requests,
              toString(sumIf(Duration, SpanKind = 'Server')) AS busy_ns,
              toString(sum(toUInt64OrZero(SpanAttributes['http.response.body.size']))) AS response_bytes,
              toString(sum(toUInt64OrZero(SpanAttributes['db.response.returned_rows']))) AS db_rows,
              toString(countIf(SpanAttributes['db.system.name'] != '')) AS db_calls,
              toString(countIf(SpanAttributes['db.system.name'] != '' AND Duration >= 200000000)) AS db_slow_calls,
              toString(sum(toUInt64OrZero(SpanAttributes['tenantry.ai.search_units']))) AS ai_search_units,
              toString(countIf(SpanAttributes['tenantry.integration.outcome'] = 'error')) AS integration_errors
       FROM tenantry.otel_traces
       WHERE toUnixTimestamp64Milli(Timestamp) >= ${window.from} AND toUnixTimestamp64Milli(Timestamp) < ${window.to}
       GROUP BY TenantId`,
    );
    expect(rows).toHaveLength(TENANTS.length);
    for (const { tenant = '', ...sums } of rows) {
      const found = totals.get(tenant);
      for (const [metric, sum] of Object.entries(sums)) expect(String(found?.get(metric as UsageKey) ?? 0n)).toBe(sum);
    }
  });

  it('are exact beyond what a double can hold', async () => {
    const bytes = (await totalsOf({ from: USAGE_START, to: USAGE_END })).get('acme')?.get('response_bytes') ?? 0n;
    expect(bytes).toBeGreaterThan(2n ** 53n);
    expect(bytes).toBe(usageSent(past, 'acme', { from: USAGE_START, to: USAGE_END }).get('response_bytes'));
    expect(BigInt(Number(bytes))).not.toBe(bytes);
  });

  it('tell one tenant what they tell of it among all, and nobody else', async () => {
    const [window = { from: 0, to: 0 }] = WINDOWS;
    const everybody = await totalsOf(window);
    for (const tenant of TENANTS) {
      const own = await totalsOf(window, [tenant]);
      expect([...own.keys()]).toEqual([tenant]);
      expect(own.get(tenant)).toEqual(everybody.get(tenant));
    }
    expect([...(await totalsOf(window, ['crane', 'acme'])).keys()]).toEqual(['acme', 'crane']);
    expect(await totalsOf(window, [])).toEqual(new Map());
    expect(await totalsOf(window, ['nobody'])).toEqual(new Map());
  });

  it('have a zero where a service measures it, and nothing where none does', async () => {
    const totals = await totalsOf({ from: USAGE_START, to: USAGE_END });
    const { acme, bolt, crane } = Object.fromEntries(totals);
    // CPU time is reported by `web`, which bolt used and crane did not.
    expect(acme?.get('cpu_ns')).toBeGreaterThan(0n);
    expect(bolt?.get('cpu_ns')).toBe(0n);
    expect(crane?.has('cpu_ns')).toBe(false);
    // Rows are reported by `batch` alone; no span of any tenant has a request's size.
    expect(bolt?.has('db_rows')).toBe(false);
    expect(crane?.get('db_rows')).toBeGreaterThan(0n);
    expect(acme?.has('request_bytes')).toBe(false);
    // Who sends spans at all has its requests measured.
    expect(crane?.get('requests')).toBe(0n);
    expect(crane?.has('ai_calls')).toBe(false);
  });

  it('have only what was asked for', async () => {
    const window = { from: USAGE_START, to: USAGE_END };
    const [acme] = await reader.totals({ window, metrics: ['db_calls', 'meter:seats'], tenants: [tenantId('acme')] });
    expect([...(acme?.values.keys() ?? [])]).toEqual(['db_calls']);
  });

  it('are empty where nothing was sent', async () => {
    expect(await totalsOf({ from: USAGE_START - 9 * DAY_MS, to: USAGE_START - 8 * DAY_MS })).toEqual(new Map());
  });
});

describe('a series', () => {
  it.each(USAGE_STEPS)('of every %s adds up to the total', async (step) => {
    const window = step === 'minute' ? { from: minute(DAY_MS), to: minute(DAY_MS) + 5 * HOUR_MS } : WINDOWS[1];
    if (window === undefined) throw new Error('no window');
    const totals = await totalsOf(window);
    const series = await reader.series({ window, metrics: METRICS, step });
    expect(series.map(({ tenantId: tenant }) => tenant)).toEqual([...totals.keys()]);
    for (const { tenantId: tenant, steps } of series) {
      const sums = new Map<UsageKey, bigint>();
      for (const { values } of steps) for (const [key, value] of values) sums.set(key, (sums.get(key) ?? 0n) + value);
      expect(sums).toEqual(totals.get(tenant));
      const times = steps.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((left, right) => left - right));
      expect(new Set(times).size).toBe(times.length);
    }
  });

  it('has each step from its own spans', async () => {
    const from = Math.ceil(USAGE_START / DAY_MS) * DAY_MS;
    const window = { from: from + 90 * MINUTE_MS, to: from + DAY_MS + 61 * MINUTE_MS };
    for (const [step, length] of [
      ['hour', HOUR_MS],
      ['day', DAY_MS],
    ] as const) {
      const series = await reader.series({ window, metrics: METRICS, step });
      for (const { tenantId: tenant, steps } of series) {
        for (const { at, values } of steps) {
          expect(at % length).toBe(0);
          const part = { from: Math.max(at, window.from), to: Math.min(at + length, window.to) };
          expect(plain(values)).toEqual(plain(usageSent(past, tenant, part)));
        }
      }
    }
  });

  it('has months that begin with the month', async () => {
    const series = await reader.series({
      window: { from: USAGE_START, to: USAGE_END },
      metrics: ['spans'],
      step: 'month',
    });
    const starts = new Set(series.flatMap(({ steps }) => steps.map(({ at }) => new Date(at).toISOString().slice(7))));
    expect(starts).toEqual(new Set(['-01T00:00:00.000Z']));
  });

  it('has a zero in a step in which only others were heard of, and no step in which nobody was', async () => {
    const at = Math.floor(USAGE_START / DAY_MS) * DAY_MS - 5 * DAY_MS;
    const quiet = usagePast(1);
    const [sample] = quiet.samples;
    if (sample === undefined) throw new Error('no sample');
    const other = (tenant: string, time: number) => ({
      ...sample,
      tenant,
      at: time,
      span: { ...sample.span, start: time, attributes: { ...sample.span.attributes, tenant_id: tenant } },
    });
    const samples = [other('early', at), other('late', at + 2 * HOUR_MS), other('early', at + 2 * HOUR_MS)];
    await insertUsage(store, { samples: [...samples, other('late', at + 5 * HOUR_MS)], cpu: [] });
    const window = { from: at, to: at + 6 * HOUR_MS };
    const series = await reader.series({ window, metrics: ['spans'], step: 'hour' });
    const spans = series.map(({ tenantId: tenant, steps }) => [
      tenant,
      steps.map((step) => [(step.at - at) / HOUR_MS, step.values.get('spans')]),
    ]);
    expect(Object.fromEntries(spans)).toEqual({
      early: [
        [0, 1n],
        [2, 1n],
        [5, 0n],
      ],
      late: [
        [0, 0n],
        [2, 1n],
        [5, 1n],
      ],
    });
  });
});

describe('several sources', () => {
  const acme = 'acme' as TenantId;
  const fixed = (key: UsageKey, value: bigint, at = 0): UsageSource => ({
    answers: (metric) => metric === key,
    read: async ({ metrics }) => {
      expect(metrics).toEqual([key]);
      return [{ tenantId: acme, at, values: new Map([[key, value]]) }];
    },
  });

  it('are put together by tenant and step, and asked only for what they answer', async () => {
    const both = new UsageReader([
      fixed('storage_byte_hours', 5n),
      fixed('meter:seats', 7n),
      fixed('spans', 1n, 60_000),
    ]);
    const window = { from: 0, to: HOUR_MS };
    expect(await both.totals({ window, metrics: ['meter:seats', 'storage_byte_hours'] })).toEqual([
      {
        tenantId: acme,
        values: new Map([
          ['storage_byte_hours', 5n],
          ['meter:seats', 7n],
        ]),
      },
    ]);
    expect(await both.series({ window, step: 'minute', metrics: ['spans', 'meter:seats'] })).toEqual([
      {
        tenantId: acme,
        steps: [
          { at: 0, values: new Map([['meter:seats', 7n]]) },
          { at: 60_000, values: new Map([['spans', 1n]]) },
        ],
      },
    ]);
  });
});
