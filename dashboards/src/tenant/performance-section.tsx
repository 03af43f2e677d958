import { useMemo } from 'preact/hooks';
import type { MetricSeries } from '../../../src/api/contract.ts';
import { serverNow, tenantMetric } from '../shared/api-client.ts';
import { Chart } from '../shared/chart.tsx';
import { onlyPoints } from '../shared/chart-data.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount, formatDuration, formatPercent } from '../shared/format.ts';
import type { Zone } from '../shared/time-format.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { useThemeKey } from '../shared/use-theme-key.ts';
import { type RouteRow, routeRows } from './performance-model.ts';

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
const DAYS = 7;
const INTERVAL_MS = 60_000;

interface Performance {
  readonly window: RangeWindow;
  readonly p50: MetricSeries;
  readonly p95: MetricSeries;
  readonly errorRate: MetricSeries;
  readonly routes: readonly RouteRow[];
}

async function loadPerformance(tenantId: string, signal: AbortSignal): Promise<Performance> {
  const now = serverNow();
  const dayMs = DAY_SECONDS * 1_000;
  const window = { from: Math.floor(now / dayMs) * dayMs - (DAYS - 1) * dayMs, to: now };
  const hourly = (metric: 'p50_ms' | 'p95_ms' | 'error_rate') =>
    tenantMetric(tenantId, { metric, window, stepSeconds: HOUR_SECONDS }, signal);
  const byRoute = (metric: 'requests' | 'errors' | 'p95_ms') =>
    tenantMetric(tenantId, { metric, window, stepSeconds: DAY_SECONDS, groupBy: 'route' }, signal);
  const [p50, p95, errorRate, requests, errors, p95ByRoute] = await Promise.all([
    hourly('p50_ms'),
    hourly('p95_ms'),
    hourly('error_rate'),
    byRoute('requests'),
    byRoute('errors'),
    byRoute('p95_ms'),
  ]);
  return { window, p50, p95, errorRate, routes: routeRows({ requests, errors, p95: p95ByRoute }) };
}

const COLUMNS: readonly TableColumn<RouteRow>[] = [
  { id: 'route', label: 'Route', align: 'left', value: ({ route }) => route },
  { id: 'requests', label: 'Requests', value: (row) => row.requests, cell: (row) => formatCount(row.requests) },
  {
    id: 'errors',
    label: 'Failed',
    value: (row) => row.errors,
    cell: (row) => (
      <span class={row.errors > 0 ? 'bad-text' : 'muted'} title={formatPercent(row.errorRate)}>
        {formatCount(row.errors)}
      </span>
    ),
  },
  {
    id: 'p95_ms',
    label: 'P95',
    about: 'Answered within this time: 95 of 100 requests of the last day (UTC) on which the route was called',
    value: (row) => row.p95Ms,
    cell: (row) => formatDuration(row.p95Ms),
  },
];

/** How fast the tenant's own requests were answered, and which failed: the last seven days. */
export function PerformanceSection(props: { tenantId: string; zone: Zone }) {
  const { tenantId, zone } = props;
  const themeKey = useThemeKey();
  const { data, error } = useLive(
    `performance ${tenantId}`,
    (signal) => loadPerformance(tenantId, signal),
    INTERVAL_MS,
  );
  const lines = useMemo(
    () =>
      data === undefined
        ? undefined
        : {
            latency: [
              { label: 'Half of all within (P50)', points: onlyPoints(data.p50) },
              { label: '95 of 100 within (P95)', points: onlyPoints(data.p95) },
            ],
            errors: [{ label: 'Failed', points: onlyPoints(data.errorRate) }],
          },
    [data],
  );
  if (data !== undefined && data.routes.length === 0) return null;
  const shared = { stepSeconds: HOUR_SECONDS, zone, themeKey, onSelect: () => undefined, empty: 'No requests' };
  return (
    <section class="usage-section" aria-labelledby="performance-title">
      <h2 id="performance-title">
        Speed and errors <span class="muted">last {DAYS} days</span>
      </h2>
      {data === undefined && (
        <p class={error ? 'bad-text' : 'loading'} role="status">
          {error ? `No figures: ${error.message}` : 'Loading …'}
        </p>
      )}
      {data !== undefined && lines !== undefined && (
        <>
          <div class="charts">
            <Chart
              {...shared}
              title="Response time"
              unit="by hour"
              window={data.window}
              lines={lines.latency}
              palette={[2, 0]}
              format={formatDuration}
              testId="chart-own-latency"
            />
            <Chart
              {...shared}
              title="Failed requests"
              unit="share by hour"
              window={data.window}
              lines={lines.errors}
              palette={[5]}
              format={formatPercent}
              testId="chart-own-errors"
            />
          </div>
          <DataTable
            id="own-routes"
            caption="Own routes of the last seven days"
            columns={COLUMNS}
            rows={data.routes}
            rowKey={({ route }) => route}
            defaultSort="-requests"
            empty="No route was called."
          />
        </>
      )}
    </section>
  );
}
