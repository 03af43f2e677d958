import { useMemo } from 'preact/hooks';
import { type ChartLine, heaviest, linesOf, onlyPoints, type Points, sumOf, toRate } from '../shared/chart-data.ts';
import { formatBytes, formatPercent } from '../shared/format.ts';
import { ChartSection, SectionChart, type SectionProps } from './chart-section.tsx';
import { type Metrics, useMetrics } from './use-metrics.ts';

const SERVICES_SHOWN = 8;

const RESOURCES = {
  cpu: { metric: 'cpu_seconds', groupBy: 'service' },
  eventLoop: { metric: 'event_loop_seconds', groupBy: 'service' },
  received: { metric: 'network_receive_bytes' },
  sent: { metric: 'network_transmit_bytes' },
  requestBytes: { metric: 'request_bytes' },
  responseBytes: { metric: 'response_bytes' },
} as const;

type Resources = Metrics<keyof typeof RESOURCES>;

/** A line for nothing measured would be an empty chart without a word. */
function measured(lines: readonly ChartLine[]): ChartLine[] {
  return lines.filter(({ points }) => points.some(([, value]) => value !== null));
}

/** Spans without sizes add up to 0 bytes; that is not told, rather than nothing sent. */
function told(lines: readonly ChartLine[]): readonly ChartLine[] {
  return lines.some(({ points }) => sumOf(points) > 0) ? lines : [];
}

/** What the tenant uses of the processes that serve it; apps that do not measure it get a sentence, not a zero. */
export function ResourceSection(props: SectionProps) {
  const live = useMetrics(props.tenantId, props.range, RESOURCES);
  return (
    <ChartSection title="CPU and bytes" live={live}>
      {(metrics) => <ResourceCharts section={props} metrics={metrics} />}
    </ChartSection>
  );
}

function ResourceCharts({ section, metrics }: { section: SectionProps; metrics: Resources }) {
  const { cpu, eventLoop, network, bodies } = useMemo(() => {
    const { answers, stepSeconds, now } = metrics;
    const rate = (label: string, points: Points) => ({ label, points: toRate(points, stepSeconds, now) });
    const byService = (answer: Resources['answers']['cpu']) =>
      measured(
        heaviest(linesOf(answer), ({ points }) => sumOf(points), SERVICES_SHOWN).lines.map(({ label, points }) =>
          rate(label, points),
        ),
      );
    return {
      cpu: byService(answers.cpu),
      eventLoop: byService(answers.eventLoop),
      network: measured([rate('Received', onlyPoints(answers.received)), rate('Sent', onlyPoints(answers.sent))]),
      bodies: told([
        rate('Requests', onlyPoints(answers.requestBytes)),
        rate('Responses', onlyPoints(answers.responseBytes)),
      ]),
    };
  }, [metrics]);
  const shared = { section, metrics };
  return (
    <>
      <SectionChart
        {...shared}
        title="CPU"
        unit="share of one core"
        lines={cpu}
        format={formatPercent}
        empty="No CPU time measured in this window"
        testId="chart-cpu"
      />
      <SectionChart
        {...shared}
        title="Event loop"
        unit="share of the time"
        lines={eventLoop}
        format={formatPercent}
        empty="No event loop time measured in this window"
        testId="chart-event-loop"
      />
      <SectionChart
        {...shared}
        title="Network"
        unit="bytes / s"
        lines={network}
        palette={[2, 0]}
        format={formatBytes}
        empty="No network traffic measured in this window"
        testId="chart-network"
      />
      <SectionChart
        {...shared}
        title="Request and response bodies"
        unit="bytes / s"
        lines={bodies}
        palette={[2, 0]}
        format={formatBytes}
        empty="No span of this window tells the size of a body"
        testId="chart-bodies"
      />
    </>
  );
}
