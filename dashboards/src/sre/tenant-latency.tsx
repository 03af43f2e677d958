import { useMemo } from 'preact/hooks';
import type { LatencyHeatMap, RouteLatencyItem } from '../../../src/api/traces-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount, formatDuration, formatPercent, ratioOf } from '../shared/format.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import { Sparkline } from '../shared/sparkline.tsx';
import type { SectionProps } from './chart-section.tsx';
import { HeatMap, type HeatPick } from './heat-map.tsx';
import { Part } from './tenant-sections.tsx';
import { latencyHeat } from './trace-api.ts';
import { tracesHref, tracesOfWindow } from './trace-filter.ts';
import { LatencySection } from './traffic-charts.tsx';
import { useTenantList } from './use-tenant-list.ts';

/** Latency from three sides: percentiles over time, every request by time and latency, and route by route. */
export function TenantLatency(props: { section: SectionProps; query: URLSearchParams }) {
  const { section, query } = props;
  const { tenantId, range } = section;
  const route = query.get('route') || undefined;
  const heat = useTenantList(`heat ${route ?? ''}`, tenantId, range, (window, signal) =>
    latencyHeat(tenantId, { window, route }, signal),
  );
  const onPick = ({ from, to, minMs, maxMs }: HeatPick) =>
    navigate(tracesOfWindow(tenantId, { from, to }, { order: 'slowest', route, minMs, maxMs }));
  return (
    <>
      <LatencySection {...section} />
      <Part
        title={route === undefined ? 'Distribution, all routes' : `Distribution of ${route}`}
        live={heat}
        testId="part-heat"
        note={route !== undefined && <RouteFilter query={query} />}
      >
        {(data) =>
          data.steps.some(({ requests }) => requests > 0) ? (
            <HeatMap heat={data} zone={section.zone} onPick={onPick} />
          ) : (
            <div class="card table-empty">No requests in this window</div>
          )
        }
      </Part>
      <Part title="Routes" live={heat} testId="part-routes" note={routesNote(heat.data)}>
        {(data) => <RouteTable heat={data} tenantId={tenantId} query={query} />}
      </Part>
    </>
  );
}

function routesNote(heat: LatencyHeatMap | undefined): string {
  if (heat === undefined || heat.total_routes <= heat.routes.length) return 'a route leads to its slowest traces';
  return `${heat.routes.length} busiest of ${formatCount(heat.total_routes)}`;
}

function RouteFilter({ query }: { query: URLSearchParams }) {
  const next = new URLSearchParams(query);
  next.delete('route');
  return <Link href={`${location.pathname}?${next}`}>Show all routes</Link>;
}

function RouteTable(props: { heat: LatencyHeatMap; tenantId: string; query: URLSearchParams }) {
  const { heat, tenantId, query } = props;
  const columns = useMemo((): TableColumn<RouteLatencyItem>[] => {
    const time = (id: 'p50_ms' | 'p95_ms' | 'p99_ms', label: string): TableColumn<RouteLatencyItem> => ({
      id,
      label,
      value: (row) => row[id],
      cell: (row) => formatDuration(row[id]),
    });
    return [
      {
        id: 'route',
        label: 'Route',
        align: 'left',
        value: ({ route }) => route,
        cell: ({ route }) => (
          <Link href={tracesHref(tenantId, query, { order: 'slowest', route })} title={route}>
            {route}
          </Link>
        ),
      },
      {
        id: 'requests',
        label: 'Requests',
        value: ({ requests }) => requests,
        cell: ({ requests }) => formatCount(requests),
      },
      {
        id: 'errors',
        label: 'Errors',
        about: 'Share of requests that failed',
        value: ({ errors, requests }) => ratioOf(errors, requests),
        cell: ({ route, errors, requests }) =>
          errors === 0 ? (
            formatPercent(0)
          ) : (
            <Link class="bad-text" href={tracesHref(tenantId, query, { order: 'failed', route })}>
              {formatPercent(ratioOf(errors, requests))}
            </Link>
          ),
      },
      { ...time('p50_ms', 'P50'), wide: true },
      time('p95_ms', 'P95'),
      time('p99_ms', 'P99'),
      {
        id: 'total_ms',
        label: 'Time',
        about: 'Of all its requests together',
        wide: true,
        value: ({ total_ms }) => total_ms,
        cell: ({ total_ms }) => formatDuration(total_ms),
      },
      {
        id: 'trend',
        label: 'Trend',
        sortable: false,
        wide: true,
        value: ({ steps }) => steps.requests.join(' '),
        cell: ({ steps }) => <Sparkline values={steps.requests} stepSeconds={heat.step_seconds} />,
      },
      {
        id: 'only',
        label: '',
        sortable: false,
        wide: true,
        value: () => null,
        cell: ({ route }) => <OnlyThis route={route} query={query} />,
      },
    ];
  }, [heat, tenantId, query]);
  return (
    <DataTable
      id="routes"
      caption="Routes with their requests, errors and latencies"
      columns={columns}
      rows={heat.routes}
      rowKey={({ route }) => route}
      defaultSort="-requests"
      empty="No requests in this window"
    />
  );
}

function OnlyThis({ route, query }: { route: string; query: URLSearchParams }) {
  const next = new URLSearchParams(query);
  if (next.get('route') === route) next.delete('route');
  else next.set('route', route);
  const isOn = query.get('route') === route;
  return (
    <button
      type="button"
      class="button quiet small"
      aria-pressed={isOn}
      title={`Show the map of ${route} alone`}
      onClick={() => navigate(`${location.pathname}?${next}`, { replace: true })}
    >
      {isOn ? 'All' : 'Map'}
    </button>
  );
}
