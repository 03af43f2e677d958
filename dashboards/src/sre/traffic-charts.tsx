import { useMemo } from 'preact/hooks';
import { heaviest, linesOf, onlyPoints, sumOf, toRate } from '../shared/chart-data.ts';
import { formatDuration, formatPercent, formatShort } from '../shared/format.ts';
import { navigate } from '../shared/navigation.tsx';
import { ChartSection, SectionChart, type SectionProps } from './chart-section.tsx';
import { type TraceFilter, tracesOfWindow } from './trace-filter.ts';
import { type Metrics, useMetrics } from './use-metrics.ts';

const ROUTES_SHOWN = 8;
/** Percentiles keep their colours on every page: calm for the median, warm for the tail. */
const PERCENTILE_COLORS = [2, 0, 1];

const LATENCY = {
  p50: { metric: 'p50_ms' },
  p95: { metric: 'p95_ms' },
  p99: { metric: 'p99_ms' },
  p95ByRoute: { metric: 'p95_ms', groupBy: 'route' },
  requestsByRoute: { metric: 'requests', groupBy: 'route' },
} as const;

/** A click on a point leads to the traces of its step. */
function tracesAt({ tenantId }: SectionProps, { stepSeconds }: Metrics<string>, filter: TraceFilter) {
  return (at: number) => navigate(tracesOfWindow(tenantId, { from: at, to: at + stepSeconds * 1000 }, filter));
}

type LatencyMetrics = Metrics<keyof typeof LATENCY>;

/** P95 of the busiest routes: a slow route that nobody calls is no news. */
function busiestRoutes({ answers }: LatencyMetrics) {
  const weight = new Map(linesOf(answers.requestsByRoute).map(({ label, points }) => [label, sumOf(points)]));
  return heaviest(linesOf(answers.p95ByRoute), ({ label }) => weight.get(label) ?? 0, ROUTES_SHOWN);
}

export function LatencySection(props: SectionProps) {
  const live = useMetrics(props.tenantId, props.range, LATENCY);
  return (
    <ChartSection title="Latency" live={live}>
      {(metrics) => <LatencyCharts section={props} metrics={metrics} />}
    </ChartSection>
  );
}

function LatencyCharts({ section, metrics }: { section: SectionProps; metrics: LatencyMetrics }) {
  const percentiles = useMemo(
    () =>
      (['p50', 'p95', 'p99'] as const).map((key) => ({
        label: key.toUpperCase(),
        points: onlyPoints(metrics.answers[key]),
      })),
    [metrics],
  );
  const routes = useMemo(() => busiestRoutes(metrics), [metrics]);
  const onPick = tracesAt(section, metrics, { order: 'slowest' });
  const shared = { section, metrics, format: formatDuration, empty: 'No requests in this window', onPick };
  return (
    <>
      <SectionChart
        {...shared}
        title="Latency percentiles"
        unit="all routes"
        lines={percentiles}
        palette={PERCENTILE_COLORS}
        note="Click a point for its slowest traces, drag to zoom in"
        testId="chart-percentiles"
      />
      <SectionChart
        {...shared}
        title="P95 by route"
        unit={`${routes.lines.length} busiest`}
        lines={routes.lines}
        note={routes.omitted > 0 ? `${routes.omitted} quieter routes are not shown` : undefined}
        testId="chart-p95-by-route"
      />
    </>
  );
}

const TRAFFIC = { requests: { metric: 'requests' }, errorRate: { metric: 'error_rate' } } as const;

export function TrafficSection(props: SectionProps) {
  const live = useMetrics(props.tenantId, props.range, TRAFFIC);
  return (
    <ChartSection title="Requests and errors" live={live}>
      {(metrics) => <TrafficCharts section={props} metrics={metrics} />}
    </ChartSection>
  );
}

function TrafficCharts({ section, metrics }: { section: SectionProps; metrics: Metrics<keyof typeof TRAFFIC> }) {
  const requests = useMemo(
    () => [
      { label: 'Requests', points: toRate(onlyPoints(metrics.answers.requests), metrics.stepSeconds, metrics.now) },
    ],
    [metrics],
  );
  const errors = useMemo(() => [{ label: 'Errors', points: onlyPoints(metrics.answers.errorRate) }], [metrics]);
  const shared = { section, metrics, empty: 'No requests in this window' };
  return (
    <>
      <SectionChart
        {...shared}
        title="Request rate"
        unit="requests / s"
        lines={requests}
        format={formatShort}
        onPick={tracesAt(section, metrics, { order: 'newest' })}
        testId="chart-requests"
      />
      <SectionChart
        {...shared}
        title="Error rate"
        unit="share of requests"
        lines={errors}
        palette={[5]}
        format={formatPercent}
        onPick={tracesAt(section, metrics, { order: 'failed' })}
        testId="chart-errors"
      />
    </>
  );
}
