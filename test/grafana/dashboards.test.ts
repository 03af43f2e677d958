import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Figures, type MeasuredFigures } from '../../src/aggregate/figures.ts';
import { readMetricSeries } from '../../src/aggregate/metric-series-reader.ts';
import type { MetricName } from '../../src/api/contract.ts';
import { isReservedTenant, type TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { END, type Sample, samples, spansOf, useOf } from '../support/aggregate-samples.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { expandQuery, type QueryScope } from '../support/grafana-queries.ts';
import { metricsSegmentOf, otlpMetrics } from '../support/metrics.ts';
import { testCosts } from '../support/price-books.ts';
import { ROOT } from '../support/rules-cruise.ts';
import { selfCheckSegment } from '../support/self-check-segment.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

interface Target {
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly rawSql: string;
  readonly format: number;
  readonly refId: string;
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly thresholds?: object };
    readonly overrides: readonly { readonly matcher: { readonly id: string; readonly options: string } }[];
  };
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly multi: boolean;
  readonly query: string | { readonly rawSql: string };
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

const FOLDER = join(ROOT, 'dashboards/grafana');
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
const read = (file: string) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dashboard;
const isData = ({ type }: Panel) => type !== 'row';

const PLUGIN = 'grafana-clickhouse-datasource';
const TIMESERIES_FORMAT = 0;
const TABLE_FORMAT = 1;

describe.each(FILES)('%s', (file) => {
  const dashboard = read(file);

  it('is what Grafana imports: ids of its own, panels that do not overlap, the data source as a variable', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.uid).toMatch(/^tenantry-[a-z-]{1,31}$/);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, index) => `${x + (index % w)}/${y + Math.floor(index / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: PLUGIN });
  });

  it.each(dashboard.panels.filter(isData).map((panel) => [panel.title, panel] as const))(
    '"%s" says what it shows, in which unit, from the data source that was chosen',
    (_title, panel) => {
      const ours = { type: PLUGIN, uid: `$${'{datasource}'}` };
      expect(panel.description ?? '').toMatch(/\w.*\.$/s);
      expect(panel.datasource).toEqual(ours);
      expect(panel.targets).toHaveLength(1);
      const format = panel.type === 'timeseries' ? TIMESERIES_FORMAT : TABLE_FORMAT;
      expect(panel.targets?.[0]).toMatchObject({ datasource: ours, refId: 'A', format });
      expect(panel.fieldConfig?.defaults.thresholds).toBeDefined();
      if (panel.type !== 'table') expect(panel.fieldConfig?.defaults.unit).toBeDefined();
    },
  );
});

let store: TestClickHouse;
let figures: Figures;
const SINCE = END - DAY_MS;

beforeAll(async () => {
  store = await startTestClickHouse();
  figures = new Figures(store.clickhouse, testCosts(store.clickhouse));
  const recent = samples.filter(({ at }) => at >= SINCE);
  const byService = new Map<string, Sample[]>([
    ['shop', recent.filter((_, index) => index % 3 > 0)],
    ["o'clock", recent.filter((_, index) => index % 3 === 0)],
  ]);
  for (const [service, list] of byService) {
    const resource = { 'service.name': service };
    const spans = list.flatMap(spansOf).map(otlpSpan);
    await store.insert(segmentOf([otlpRequest(spans, resource)], { receivedAt: END }), `spans-${service.length}`);
  }
  // No panel shows it.
  await store.insert(selfCheckSegment(END), 'self-check');
  const use = metricsSegmentOf([otlpMetrics(useOf(byService.get('shop') ?? []))], { receivedAt: END });
  await store.insert(use, 'use', 'metrics');
});
afterAll(async () => store.stop());

const run = <Row extends object>(sql: string) => store.clickhouse.inspect<Row>(sql);
const ALL = '$__all';
const scope = (changes: Partial<QueryScope> = {}): QueryScope => ({
  ...{ from: END - 5 * HOUR_MS - 17_000, to: END - 7 * MINUTE_MS + 23_000, intervalSeconds: 300 },
  variables: { service: ALL, tenant: 'acme' },
  ...changes,
});
const SCOPES: readonly (readonly [string, QueryScope])[] = [
  ['all services', scope()],
  [
    'two services, one with a quote in its name',
    scope({ variables: { service: ['shop', "o'clock"], tenant: 'o.brien:1' } }),
  ],
  ['a window in which nothing happened', scope({ from: END + HOUR_MS, to: END + 2 * HOUR_MS })],
];
/** Panels of all dashboards, and how Grafana would ask for each. */
const PANELS = FILES.flatMap((file) =>
  read(file)
    .panels.filter(isData)
    .map((panel) => [`${file}: ${panel.title}`, panel] as const),
);
const sqlOf = (panel: Panel, asked: QueryScope) => expandQuery(panel.targets?.[0]?.rawSql ?? '', asked);

const isNumeric = (type: string) => /^(?:Nullable\()?(?:U?Int|Float|Decimal)/.test(type);
const isText = (type: string) => /^(?:LowCardinality\()?(?:Nullable\()?String/.test(type);

/** The types of columns depend on the text alone: one window is enough. */
async function checkColumns(panel: Panel, asked: QueryScope): Promise<void> {
  const sql = sqlOf(panel, asked);
  const columns = await run<{ name: string; type: string }>(`DESCRIBE TABLE (${sql})`);
  const [first, ...others] = columns;
  if (panel.type === 'timeseries') {
    expect(first).toMatchObject({ name: 'time', type: expect.stringMatching(/^DateTime/) });
    expect(others.some(({ type }) => isNumeric(type))).toBe(true);
    // Long frames become one line a value of their text columns; anything else would be drawn as nothing.
    expect(others.filter(({ type }) => !isNumeric(type) && !isText(type))).toEqual([]);
  }
  if (panel.type === 'stat') {
    expect(columns.map(({ type }) => isNumeric(type))).toEqual([true]);
  }
  const names = columns.map(({ name }) => name);
  const overridden = panel.fieldConfig?.overrides.map(({ matcher }) => matcher.options) ?? [];
  expect(names).toEqual(expect.arrayContaining(overridden));
  if (panel.type === 'table') expect(names.filter((name) => !overridden.includes(name))).toEqual([]);
}

describe.each(PANELS)('%s', (_name, panel) => {
  it('has the columns that its panel needs', () => checkColumns(panel, scope()));

  it.each(SCOPES)('answers with %s', async (_what, asked) => {
    const rows = await run(sqlOf(panel, asked));
    const isQuiet = asked.from > END;
    if (panel.type === 'stat') expect(rows).toHaveLength(1);
    else if (isQuiet) expect(rows).toEqual([]);
    else expect(rows.length).toBeGreaterThan(0);
  });
});

describe('variables', () => {
  it.each(
    FILES.flatMap((file) =>
      read(file)
        .templating.list.filter(({ type }) => type === 'query')
        .map((variable) => [file, variable.name, variable] as const),
    ),
  )('%s: $%s lists what there is', async (_file, name, { query }) => {
    const sql = typeof query === 'string' ? query : query.rawSql;
    const rows = await run<Record<string, string>>(expandQuery(sql, scope()));
    const values = rows.map((row) => Object.values(row)[0]);
    if (name === 'service') expect(values).toEqual(["o'clock", 'shop']);
    else expect(values.toSorted()).toEqual((await tenants(scope())).map((item) => item.tenant_id).toSorted());
    expect(values.some((value) => isReservedTenant(value))).toBe(false);
  });
});

/** What the API says of the same window. */
async function tenants({ from, to }: Pick<QueryScope, 'from' | 'to'>): Promise<readonly MeasuredFigures[]> {
  const { items } = await figures.tenants({
    ...{ window: { from, to }, sort: 'requests', order: 'desc', search: undefined, limit: 100, offset: 0 },
    onlyTenant: undefined,
  });
  return items.filter(({ tenant_id }) => !isReservedTenant(tenant_id));
}

const panelOf = (file: string, title: string): Panel => {
  const panel = read(file).panels.find((one) => one.title === title);
  if (panel === undefined) throw new Error(`${file} has no panel ${title}`);
  return panel;
};
const rowsOf = (file: string, title: string, asked: QueryScope) =>
  run<Readonly<Record<string, string | number | null>>>(sqlOf(panelOf(file, title), asked));
const close = (value: unknown, expected: number | null) => expect(Number(value)).toBeCloseTo(expected ?? Number.NaN, 6);

describe('what the panels say is what the API says', () => {
  it('of tenants by load', async () => {
    const rows = await rowsOf('noisy-neighbours.json', 'Tenants by load', scope());
    const items = await tenants(scope());
    expect(items.length).toBeGreaterThan(3);
    const dbAll = items.reduce((sum, item) => sum + item.db_ms, 0);
    for (const item of items) {
      const row = rows.find(({ tenant }) => tenant === item.tenant_id);
      expect(row, item.tenant_id).toBeDefined();
      close(row?.['requests'], item.requests);
      close(row?.['error_rate'], item.errors / item.requests);
      close(row?.['p95_ms'], item.p95_ms);
      close(row?.['db_share'], item.db_ms / dbAll);
    }
    close(
      rows.reduce((sum, row) => sum + Number(row['busy_share']), 0),
      1,
    );
  });

  it('of one tenant at a glance', async () => {
    const asked = scope();
    const item = (await tenants(asked)).find(({ tenant_id }) => tenant_id === 'acme');
    const value = async (title: string) => Object.values((await rowsOf('tenant.json', title, asked))[0] ?? {})[0];
    close(await value('Requests'), item?.requests ?? null);
    close(await value('Error rate'), (item?.errors ?? 0) / (item?.requests ?? 1));
    close(await value('P95'), item?.p95_ms ?? null);
    close(await value('Database calls'), item?.db_calls ?? null);
    close(await value('AI tokens'), (item?.ai_input_tokens ?? 0) + (item?.ai_output_tokens ?? 0));
    close(await value('Cache hits'), (item?.cache_hits ?? 0) / ((item?.cache_hits ?? 0) + (item?.cache_misses ?? 0)));
  });

  it.each([
    ['Requests and errors a second', 'requests', 'requests_per_second', 300],
    ['Requests and errors a second', 'errors', 'errors_per_second', 300],
    ['Latency', 'p95_ms', 'p95_ms', 1],
  ] as const)('of one tenant over time: %s, %s', async (title, metric, column, scale) => {
    const from = floorTo(END - 4 * HOUR_MS, 300_000);
    const window = { from, to: from + 3 * HOUR_MS };
    const rows = await rowsOf('tenant.json', title, scope(window));
    const question = { tenantId: 'acme' as TenantId, metric: metric as MetricName, window, stepSeconds: 300 };
    const { series } = await readMetricSeries(store.clickhouse, { ...question, groupBy: undefined }, END);
    const said = new Map(series[0]?.points.map(([at, value]) => [at, value]));
    expect(rows.length).toBeGreaterThan(5);
    for (const row of rows) {
      const at = Date.parse(`${String(row['time']).replace(' ', 'T')}Z`);
      close(Number(row[column]) * scale, said.get(at) ?? null);
    }
  });

  it('of what drives cost', async () => {
    const window = { from: floorTo(END - 20 * HOUR_MS, HOUR_MS), to: floorTo(END, HOUR_MS) };
    const asked = scope({ ...window, from: window.from + 11 * MINUTE_MS });
    const items = await tenants(window);
    const used = await rowsOf('cost.json', 'What each tenant used', asked);
    const tokens = await rowsOf('cost.json', 'Tokens by tenant and model', asked);
    for (const item of items) {
      const row = used.find(({ tenant }) => tenant === item.tenant_id);
      close(row?.['requests'], item.requests);
      close(row?.['db_seconds'], item.db_ms / 1_000);
      close(row?.['cpu_seconds'], item.cpu_seconds ?? 0);
      close(row?.['response_bytes'], item.response_bytes);
      const own = tokens.filter(({ tenant }) => tenant === item.tenant_id);
      close(
        own.reduce((sum, one) => sum + Number(one['input_tokens']), 0),
        item.ai_input_tokens,
      );
    }
    const [total] = await rowsOf('cost.json', 'Tokens', asked);
    const sum = items.reduce((all, item) => all + item.ai_input_tokens + item.ai_output_tokens, 0);
    close(total?.['tokens'], sum);
  });

  it('of the slowest requests: the spans themselves, the slowest first', async () => {
    const asked = scope();
    const rows = await rowsOf('tenant.json', 'Slowest requests', asked);
    const durations = rows.map((row) => Number(row['duration_ms']));
    expect(durations).toEqual(durations.toSorted((a, b) => b - a));
    const own = samples.filter(({ tenant, at }) => tenant === 'acme' && at >= asked.from && at <= asked.to);
    expect(rows).toHaveLength(Math.min(50, own.length));
    close(durations[0], Math.max(...own.map(({ durationMs }) => Math.round(durationMs * 1e6) / 1e6)));
  });
});

describe('the check', () => {
  it('notices a macro or variable that nobody replaces', () => {
    expect(() => expandQuery('SELECT $__timeGroup(Time)', scope())).toThrow('nobody replaces $__timeGroup');
    expect(() => expandQuery(`SELECT $${'{nobody:singlequote}'}`, scope())).toThrow('there is no variable nobody');
    expect(expandQuery(`SELECT 1 WHERE $__conditionalAll(a IN ($${'{service:singlequote}'}), $service)`, scope())).toBe(
      'SELECT 1 WHERE 1=1',
    );
  });
});
